package master_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simBake is a bake that a worker computes: a file for each frame, which its neighbours read, too.
type simBake struct {
	no, part int
	last     int // frame
	differs  int // the frame from which on its bytes are its own, as those of several threads may be
	made     int // frames that are computed
	handed   int // and handed over
	whole    bool
	busy     bool
	over     bool
}

// simFiles is what a worker knows of a job's files.
type simFiles struct {
	baked int64
	ready int
	refs  map[string]string
}

func simCacheName(part, frame int) string {
	return fmt.Sprintf("%s/%d/%d", farm.CacheFolder, part, frame)
}

// text is what the file of a frame holds.
func (b *simBake) text(l *simLease, frame int) string {
	text := fmt.Sprintf("job %d bake %d frame %d", l.Job, b.part, frame)
	if frame >= b.differs {
		text += fmt.Sprint(" by lease ", l.ID)
	}
	return text
}

func (b *simBake) result(l *simLease, frame int) farm.Result {
	text, first, last := b.text(l, frame), frame-1, frame+1
	return farm.Result{
		Kind: farm.KindCache, Name: simCacheName(b.part, frame), Size: int64(len(text)), Ref: blob.RefOf([]byte(text)).String(), Frame: b.no,
		First: &first, Last: &last,
	}
}

// files are the files of the frames up to one.
func (b *simBake) files(l *simLease, after, until int) (results []farm.Result, texts []string) {
	for f := after + 1; f <= until; f++ {
		results, texts = append(results, b.result(l, f)), append(texts, b.text(l, f))
	}
	return results, texts
}

// bake computes a bake, and hands over files now and then.
func (s *simWorker) bake(x *simSlot, l *simLease, plan *simJob) {
	no := l.Frames[0]
	task, _ := farm.TaskOf(no)
	b := &simBake{no: no, part: task.Part, last: l.until, differs: l.until + 1}
	if s.w.luck(0.3) {
		b.differs = 1 + s.w.rng.IntN(b.last)
	}
	l.bake = b
	l.started, l.frame, l.fraction, x.ahead = true, no, 0, true
	frame := time.Duration(float64(plan.pace) * s.speed * (0.3 + 0.6*s.w.rng.Float64()))
	var next func()
	next = func() {
		if x.busy != l || l.canceled {
			return
		}
		if b.made++; b.made < b.last {
			l.fraction = float64(b.made) / float64(b.last)
			s.handOver(l)
			s.w.later(s.node, frame, next)
			return
		}
		l.fraction = 1
		s.conclude(l, no, plan, frame*time.Duration(b.last))
		s.done(x)
	}
	s.w.later(s.node, frame, next)
}

// handOver sends what is computed of a bake and hands it over.
func (s *simWorker) handOver(l *simLease) {
	b := l.bake
	if b.busy || b.over || !s.known || l.canceled || b.made <= b.handed && !b.whole {
		return
	}
	b.busy = true
	results, texts := b.files(l, b.handed, b.made)
	until, whole := b.made, b.whole
	var put func(i int)
	put = func(i int) {
		if i == len(results) {
			in := &master.EarlyCaches{Lease: l.ID, Worker: s.id, Task: b.no, Results: results, Ready: until - 1, Whole: whole}
			ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (master.EarlyAnswer, error) {
				return m.CachesReady(ctx, root, in)
			}, func(a master.EarlyAnswer, err error) {
				b.busy = false
				s.w.say("%s: bake %d of job %d up to %d, whole %v: %+v %v", s.name, b.part, l.Job, until, whole, a, err)
				switch {
				case err != nil:
					b.over = arrived(err) && farm.KindOf(err) == farm.Conflict
				case a.Other:
					b.handed, b.whole = 0, true
					s.handOver(l)
				case len(a.Missing) == 0:
					b.handed, b.whole = until, false
				}
			})
			return
		}
		ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (bool, error) {
			_, whole, err := m.PutResult(ctx, root, l.ID, s.id, results[i], 0, strings.NewReader(texts[i]))
			return whole, err
		}, func(whole bool, err error) {
			if err != nil || !whole {
				b.busy = false
				return
			}
			put(i + 1)
		})
	}
	put(0)
}

// look reads which caches the frame is made of, as a worker does: the list of files only when it may be old, their bytes
// each time. Then it goes on.
func (s *simWorker) look(x *simSlot, l *simLease, plan *simJob, frame int, then func(saw map[string]string)) {
	alive := func() bool { return x.busy == l && !l.canceled }
	at := farm.FrameOf(frame)
	known := s.lists[l.Job]
	if known == nil || known.baked != l.baked || at > known.ready {
		ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) ([]farm.File, error) {
			return m.Files(ctx, l.Job, "", 1000)
		}, func(files []farm.File, err error) {
			switch {
			case !alive():
			case err != nil:
				s.w.later(s.node, s.patience(), func() {
					if alive() {
						s.look(x, l, plan, frame, then)
					}
				})
			default:
				known := &simFiles{baked: l.baked, ready: l.ready, refs: make(map[string]string)}
				for _, f := range files {
					known.refs[f.Path] = f.Ref
				}
				s.lists[l.Job] = known
				s.look(x, l, plan, frame, then)
			}
		})
		return
	}
	saw := make(map[string]string)
	for part := range plan.spec.Bakes {
		for f := max(1, at-1); f <= min(at+1, plan.spec.Frames.Last()); f++ {
			name := simCacheName(part+1, f)
			saw[name] = known.refs[name]
		}
	}
	names := slices.Sorted(maps.Keys(saw))
	ask(s.w, s.node, 5*time.Second, func(ctx context.Context, m *master.Master) (lost string, err error) {
		for _, name := range names {
			ref, err := blob.ParseRef(saw[name])
			if err != nil {
				return name, nil
			}
			switch err = blob.Check(ctx, s.w.guardOf(m), ref); {
			case errors.Is(err, blob.ErrCorrupt) || errors.Is(err, blob.ErrNotFound):
				_, err = m.BlobSuspect(ctx, ref)
				return name, err
			case err != nil:
				return "", err
			}
		}
		return "", nil
	}, func(lost string, err error) {
		switch {
		case !alive():
		case err != nil:
			s.w.later(s.node, s.patience(), func() {
				if alive() {
					s.look(x, l, plan, frame, then)
				}
			})
		case lost != "":
			s.w.say("%s: frame %d of job %d lacks %s", s.name, frame, l.Job, lost)
			delete(s.lists, l.Job)
			then(nil)
		default:
			then(saw)
		}
	})
}

// rotCache damages a cache on the master's disk.
func (w *world) rotCache() {
	ref, ok := w.ledger.someCache(w.rng.IntN)
	if !ok {
		return
	}
	if _, err := w.blobs.Stat(context.Background(), ref); err != nil {
		return
	}
	w.blobs.rot(ref)
	w.count.rot++
	w.say("a cache rots")
}

// -- the ledger

// put enters what a bake made.
func (j *ledgerJob) put(c *farm.FilesPut) {
	if c.Whole || j.caches[c.Bake] == nil {
		if j.caches == nil {
			j.caches = make(map[int]map[string]string)
		}
		j.caches[c.Bake] = make(map[string]string)
	}
	for _, f := range c.Files {
		j.caches[c.Bake][f.Path] = f.Ref
	}
}

// covered tells whether the caches of a bake are there that a frame reads.
func (j *ledgerJob) covered(bake, frame int) bool {
	for f := max(1, frame-1); f <= min(frame+1, j.JobSpec.Frames.Last()); f++ {
		if j.caches[bake][simCacheName(bake, f)] == "" {
			return false
		}
	}
	return true
}

// oneBake looks whether all frames of a job that is done show the bakes that it has.
func (g *ledger) oneBake(j *ledgerJob) {
	plan := j.Plan()
	for p := range j.done {
		no, _ := plan.Task(p)
		task, _ := farm.TaskOf(no)
		if task.Stage != farm.StageRender {
			continue
		}
		a := j.done[p]
		for name, ref := range g.saw[place{a.Lease, a.Frame}] {
			var part, frame int
			_, _ = fmt.Sscanf(name, farm.CacheFolder+"/%d/%d", &part, &frame)
			if now := j.caches[part][name]; now != ref {
				g.fail("job %d is done; %s shows %s as it was (%.8s), not as it is (%.8s)", j.ID, farm.TaskName(no), name, ref, now)
			}
		}
	}
}

// someCache is a file of a bake of a job that is kept.
func (g *ledger) someCache(intn func(int) int) (ref blob.Ref, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(g.jobs)) {
		j := g.jobs[id]
		names := slices.Sorted(maps.Keys(j.caches[1]))
		if j.deleted || j.dropped || len(names) == 0 || intn(2) == 0 {
			continue
		}
		ref, err := blob.ParseRef(j.caches[1][names[intn(len(names))]])
		return ref, err == nil
	}
	return ref, false
}
