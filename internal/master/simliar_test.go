package master_test

import (
	"context"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// liar sends reports of what nobody rendered, made of what is true but for one thing.
type liar struct {
	*node
	w *world
}

func newLiar(w *world) {
	l := &liar{node: &node{name: "liar"}, w: w}
	w.after(time.Second, l.lie)
}

func (l *liar) lie() {
	if l.w.calm {
		return
	}
	l.w.later(l.node, l.w.upTo(4*time.Second), l.lie)
	lease, ok := l.w.ledger.someLease(l.w.rng)
	if !ok {
		return
	}
	r := farm.Report{
		Lease: lease.ID, Worker: lease.Worker, Job: lease.Job, Frame: lease.Frames[0], Attempt: lease.Attempt,
		Outcome: []farm.Outcome{farm.Rendered, farm.Errored, farm.HandedBack}[l.w.rng.IntN(3)],
	}
	what := ""
	switch l.w.rng.IntN(5) {
	case 0:
		what = "another attempt"
		r.Attempt += 1 - 2*l.w.rng.IntN(2)
	case 1:
		what = "another worker"
		r.Worker = "worker-999"
	case 2:
		what = "another frame"
		r.Frame += 1000
	case 3:
		what = "another job"
		r.Job++
	case 4:
		what = "another lease"
		r.Lease += 1 << 20
	}
	ask(l.w, l.node, 5*time.Second, func(ctx context.Context, m *master.Master) ([]farm.Verdict, error) {
		v, _, err := m.Report(ctx, root, []farm.Report{r}, nil)
		return v, err
	}, func(v []farm.Verdict, err error) {
		if err == nil && v[0].Accepted {
			l.w.fail("a report of %s was accepted: %+v", what, r)
		}
	})
}
