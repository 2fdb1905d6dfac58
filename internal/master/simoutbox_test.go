package master_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simParcel is what became of a frame, until the master has answered.
type simParcel struct {
	report farm.Report
	texts  []string          // of the results
	sent   int               // results
	saw    map[string]string // caches that the frame shows
}

// conclude makes a parcel of what became of the frame. It returns true when the rest of the lease is of no use either.
func (s *simWorker) conclude(l *simLease, frame int, plan *simJob, took time.Duration) bool {
	r := s.report(&l.Lease, frame, farm.Rendered)
	r.Seconds = took.Seconds()
	if s.w.luck(s.w.chance.jump) {
		r.Seconds = 1e5 * (s.w.rng.Float64() - 0.5) // its clock was set meanwhile
	}
	p := &simParcel{report: r, saw: l.saw}
	if fault := plan.fault(s, frame); fault != nil {
		fault(&p.report)
		s.push(p)
		return p.report.Scene || p.report.OwnFault
	}
	if l.bake != nil {
		p.report.Results, p.texts = l.bake.files(l, 0, l.bake.last)
		p.report.Install = "4.0.0"
	} else if l.options.Outputs {
		text := fmt.Sprintf("frame %d by lease %d", frame, l.ID)
		p.texts = []string{text}
		sum := sha256.Sum256([]byte(text))
		p.report.Results = []farm.Result{{
			Kind: farm.KindOutput, Name: fmt.Sprintf("f%04d.png", frame), Size: int64(len(text)), Ref: hex.EncodeToString(sum[:]), Frame: frame,
		}}
		if res := &p.report.Results[0]; farm.IsPart(frame) {
			res.Kind, res.Name = farm.KindPart, farm.PartName(frame)
		} else if farm.IsFilm(frame) {
			res.Kind, res.Name = farm.KindFilm, fmt.Sprintf("view %d/film.mp4", farm.ViewOf(frame))
		}
	}
	s.push(p)
	return false
}

// push keeps a parcel; only then may it be spoken of.
func (s *simWorker) push(p *simParcel) {
	s.finish(p.report.Lease, p.report.Frame)
	s.w.ledger.truth(&p.report, p.saw)
	s.outbox = append(s.outbox, p)
	s.send()
}

// send empties the outbox in order: results first, then their reports in one call.
func (s *simWorker) send() {
	if s.sending || !s.known || len(s.outbox) == 0 {
		return
	}
	s.sending = true
	batch := slices.Clone(s.outbox[:min(len(s.outbox), 1+s.w.rng.IntN(3))])
	s.upload(batch, 0)
}

func (s *simWorker) again() {
	s.sending = false
	s.w.later(s.node, s.patience(), s.send)
}

func (s *simWorker) upload(batch []*simParcel, i int) {
	for i < len(batch) && batch[i].sent == len(batch[i].report.Results) {
		i++
	}
	if i == len(batch) {
		s.deliver(batch)
		return
	}
	p := batch[i]
	at, text := p.sent, p.texts[p.sent]
	if s.w.luck(s.w.chance.rot) {
		text = strings.ToUpper(text) // harmed on the way
	}
	ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (bool, error) {
		_, whole, err := m.PutResult(ctx, root, p.report.Lease, s.id, p.report.Results[at], 0, strings.NewReader(text))
		return whole, err
	}, func(whole bool, err error) {
		if err != nil && (!arrived(err) || farm.KindOf(err) != farm.Conflict) || err == nil && !whole {
			s.again()
			return
		}
		p.sent = at + 1
		s.upload(batch, i)
	})
}

func (s *simWorker) deliver(batch []*simParcel) {
	reports := make([]farm.Report, len(batch))
	for i, p := range batch {
		reports[i] = p.report
	}
	ask(s.w, s.node, 8*time.Second, func(ctx context.Context, m *master.Master) ([]farm.Verdict, error) {
		v, _, err := m.Report(ctx, root, reports, nil)
		return v, err
	}, func(verdicts []farm.Verdict, err error) {
		if err != nil {
			if arrived(err) && farm.KindOf(err) == farm.Invalid {
				s.w.fail("a true report of %s was refused: %v", s.name, err)
			}
			s.again()
			return
		}
		s.failures, s.sending = 0, false
		for i, p := range batch {
			if len(verdicts[i].Missing) > 0 {
				p.sent = 0
				continue
			}
			s.w.say("%s: frame %d of job %d, lease %d, is %s: accepted %v %s", s.name, p.report.Frame, p.report.Job, p.report.Lease,
				p.report.Outcome, verdicts[i].Accepted, verdicts[i].Reason)
			if verdicts[i].Accepted {
				s.w.ledger.acknowledged(&p.report)
			}
			s.outbox = slices.DeleteFunc(s.outbox, func(o *simParcel) bool { return o == p })
			s.settle(p.report.Lease, p.report.Frame)
		}
		s.send()
	}, func() func([]farm.Verdict, error) {
		s.w.reports++
		return func(verdicts []farm.Verdict, err error) {
			s.w.reports--
			for i := range verdicts {
				if err == nil && !verdicts[i].Accepted && len(verdicts[i].Missing) == 0 {
					s.w.ledger.refusal(&reports[i], verdicts[i].Reason)
				}
			}
		}
	})
}
