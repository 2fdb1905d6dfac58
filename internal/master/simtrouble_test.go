package master_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// trouble makes something go wrong, by chance, once in a second.
func (w *world) trouble() {
	if w.calm {
		return
	}
	w.after(time.Second, w.trouble)
	for _, s := range w.workers {
		switch {
		case s.book != nil && w.luck(w.chance.die):
			s.die()
			w.count.deaths++
			w.after(w.upTo(20*time.Second), func() {
				if s.book == nil {
					s.boot()
				}
			})
		case s.book != nil && w.luck(w.chance.die):
			w.say("%s is to end", s.name)
			s.leaves = true
		case w.luck(w.chance.hang):
			w.count.cuts++
			s.frozen = w.now() + w.upTo(25*time.Second)
			w.say("%s stands still", s.name)
		case w.luck(w.chance.cut):
			s.cut = w.now() + w.upTo(25*time.Second)
			w.count.cuts++
			w.say("%s is cut off", s.name)
		}
	}
	switch {
	case w.life != nil && w.luck(w.chance.kill):
		w.kill()
		w.count.kills++
		w.after(w.upTo(8*time.Second), w.boot)
	case w.luck(w.chance.jump):
		w.skew.Add(int64(w.upTo(2*time.Hour) - time.Hour))
		w.count.jumps++
		w.say("the master's clock jumps")
	case w.life != nil && w.luck(w.chance.full):
		d := w.life.disk
		d.fill(true)
		w.say("the master's disk is full")
		w.count.full++
		w.after(w.upTo(6*time.Second), func() { d.fill(false) })
	}
	if w.luck(w.chance.rot) {
		w.rotFile()
	}
	if w.luck(w.chance.rot) {
		w.rotCache()
	}
	if w.luck(w.chance.rot) {
		w.rotResult()
	}
}

// rotFile damages a scene's file on the master's disk. Whoever fetches it finds out.
func (w *world) rotFile() {
	c := w.clients[w.rng.IntN(len(w.clients))]
	j := c.jobs[w.rng.IntN(len(c.jobs))]
	if _, err := w.blobs.Stat(context.Background(), j.ref); err != nil {
		return
	}
	j.rots++
	w.ledger.rotted(j.ref)
	w.blobs.rot(j.ref)
	w.count.rot++
	w.say("the file of %s rots", j.key)
}

// rotResult damages an accepted result. Somebody who reads it says so, until it is heard.
func (w *world) rotResult() {
	folder, a, ok := w.ledger.someResult(w.rng)
	if !ok {
		return
	}
	name := a.Results[0].Name
	path := filepath.Join(w.dir, "outputs", folder, name)
	if _, err := os.Stat(path); err != nil || os.WriteFile(path, []byte("rot"), 0o600) != nil {
		return
	}
	w.count.rot++
	w.say("the result of frame %d of job %d rots", a.Frame, a.Job)
	reader := &node{name: "reader"}
	w.readers++
	var tell func()
	tell = func() {
		ask(w, reader, 5*time.Second, func(ctx context.Context, m *master.Master) (farm.Suspicion, error) {
			return m.ResultSuspect(ctx, a.Job, a.Frame, name)
		}, func(s farm.Suspicion, err error) {
			w.say("reader: frame %d of job %d is not what it should be: %+v %v", a.Frame, a.Job, s, err)
			w.readers--
			switch {
			case err == nil && !s.Again && !s.Fine: // it cannot be rendered again
				w.ledger.spoil(&a)
			case err != nil && (!arrived(err) || farm.KindOf(err) != farm.NotFound):
				w.readers++
				w.after(time.Second, tell)
			}
		})
	}
	w.after(w.upTo(5*time.Second), tell)
}

// calmDown ends the chaos: everything that can run runs, and nothing fails any more that need not.
func (w *world) calmDown() {
	w.say("all is calm")
	w.calm = true
	w.boot()
	if w.life != nil {
		w.life.disk.fill(false)
	}
	for _, s := range w.workers {
		s.cut, s.frozen = 0, 0
		if s.book == nil {
			s.boot()
		}
	}
	for _, c := range w.clients {
		c.cut, c.frozen = 0, 0
	}
}
