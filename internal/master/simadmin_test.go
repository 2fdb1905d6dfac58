package master_test

import (
	"context"
	"fmt"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// simAdmin changes settings of the farm and of its workers. When all is calm it lets everybody work.
type simAdmin struct {
	*node
	w *world
}

func newSimAdmin(w *world) *simAdmin {
	a := &simAdmin{node: &node{name: "admin"}, w: w}
	w.after(w.upTo(5*time.Second), a.rule)
	return a
}

func (a *simAdmin) rule() {
	if a.w.calm {
		a.w.later(a.node, 10*time.Second, a.rule)
		for _, s := range a.w.workers {
			a.change(s, "let work", func(fw *farm.Worker) { fw.Enabled, fw.Draining = true, false })
		}
		return
	}
	a.w.later(a.node, a.w.upTo(8*time.Second), a.rule)
	s := a.w.workers[a.w.rng.IntN(len(a.w.workers))]
	switch a.w.rng.IntN(14) {
	case 0:
		a.change(s, "drain", func(fw *farm.Worker) { fw.Draining = true })
	case 1:
		a.change(s, "disable", func(fw *farm.Worker) { fw.Enabled = false })
	case 2, 3, 4:
		a.change(s, "let work", func(fw *farm.Worker) { fw.Enabled, fw.Draining = true, false })
	case 5:
		name := simNames[a.w.rng.IntN(len(simNames))]
		a.change(s, "rename", func(fw *farm.Worker) { fw.Name = name })
	case 6:
		a.change(s, "tag", func(fw *farm.Worker) { fw.Tags = []string{"fast"} })
	case 7:
		a.change(s, "untag", func(fw *farm.Worker) { fw.Tags = nil })
	case 8:
		if a.w.rng.IntN(3) == 0 {
			a.do("forget "+s.name, func(ctx context.Context, m *master.Master) error { return m.DeleteWorker(ctx, root, s.id) })
		}
	case 9, 10:
		r := simRules(a.w)
		a.do(fmt.Sprintf("set rules %+v", r), func(ctx context.Context, m *master.Master) error { return m.SetRules(ctx, root, r) })
	case 11:
		a.do("collect files", func(ctx context.Context, m *master.Master) error {
			_, err := m.Collect(ctx)
			return err
		})
	case 12, 13:
		n := a.w.rng.IntN(5) // 0: as its machine says
		a.change(s, fmt.Sprintf("set to %d slots", n), func(fw *farm.Worker) { fw.SetSlots = n })
	}
}

func (a *simAdmin) change(s *simWorker, what string, edit func(*farm.Worker)) {
	a.do(what+" "+s.name, func(ctx context.Context, m *master.Master) error {
		_, err := m.ChangeWorker(ctx, root, s.id, edit)
		return err
	})
}

func (a *simAdmin) do(what string, f func(ctx context.Context, m *master.Master) error) {
	ask(a.w, a.node, 5*time.Second, func(ctx context.Context, m *master.Master) (struct{}, error) { return struct{}{}, f(ctx, m) },
		func(_ struct{}, err error) {
			if !a.w.calm {
				a.w.say("admin: %s: %v", what, err)
			}
		})
}

// simNames are names that workers wish or are given; simNeeds name them, too.
var simNames = []string{"oak", "elm", "fir", "ash"}

// simNeeds are what a job may need: often nothing.
func simNeeds(w *world) farm.Needs {
	name := simNames[w.rng.IntN(len(simNames))]
	switch w.rng.IntN(10) {
	case 0:
		return farm.Needs{Deny: []string{name}}
	case 1:
		return farm.Needs{Allow: []string{name, simNames[0]}}
	case 2:
		return farm.Needs{Tags: []string{"fast"}}
	}
	return farm.Needs{}
}

func simRules(w *world) farm.Rules {
	r := farm.DefaultRules()
	r.HeartbeatMS = []int{1000, 2000, 5000}[w.rng.IntN(3)]
	r.Attempts = 1 + w.rng.IntN(4)
	r.OutAfter = w.rng.IntN(5)
	r.Processes = true
	r.Cap = 0.2 + 0.8*w.rng.Float64()
	return r
}
