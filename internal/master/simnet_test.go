package master_test

import (
	"context"
	"errors"
	"time"

	"github.com/netrender/netrender/internal/master"
)

// What a node's call ends with when the master's answer does not arrive.
var (
	errAway   = errors.New("the master is away")
	errBroken = errors.New("the connection broke")
	errNoWord = errors.New("no answer came")
)

// arrived tells whether it is the master's own answer, good or bad.
func arrived(err error) bool {
	return !errors.Is(err, errAway) && !errors.Is(err, errBroken) && !errors.Is(err, errNoWord)
}

// node is a machine on the network.
type node struct {
	name   string
	alive  int           // grows with every start and death: what belongs to an earlier life is dropped
	cut    time.Duration // no message passes until then
	frozen time.Duration // the process stands still until then
}

// call is a request in the master's hands.
type call struct {
	id     int
	life   *life
	cancel context.CancelFunc
	lost   bool // the master was killed meanwhile
	then   func()
}

// when has f happen at the node now, or when it goes on.
func (w *world) when(n *node, f func()) {
	alive := n.alive
	var try func()
	try = func() {
		switch {
		case n.alive != alive:
		case n.frozen > w.now():
			w.after(n.frozen-w.now(), try)
		default:
			f()
		}
	}
	try()
}

// later has f happen at the node so much later.
func (w *world) later(n *node, d time.Duration, f func()) {
	alive := n.alive
	w.after(d, func() {
		if n.alive == alive {
			w.when(n, f)
		}
	})
}

func (w *world) away(n *node) bool { return n.cut > w.now() }

// delay is how long a message is under way.
func (w *world) delay() time.Duration {
	d := 100*time.Microsecond + w.upTo(3*time.Millisecond)
	if w.luck(w.chance.slow) {
		d += w.upTo(12 * time.Second) // that is more than the patience of most
		w.count.late++
	}
	return d
}

// watch is told that the master takes up a call, and returns what is told how the call ended there. That is more than
// the asker may hear.
type watch[T any] func() func(T, error)

// ask sends a call from the node to the master. then is told what came back, once, unless the node died; what did not
// come back within patience is given up.
func ask[T any](w *world, from *node, patience time.Duration, f func(ctx context.Context, m *master.Master) (T, error), then func(T, error), watches ...watch[T]) {
	var none T
	alive, answered := from.alive, false
	answer := func(v T, err error) {
		if from.alive == alive && !answered {
			answered = true
			w.when(from, func() { then(v, err) })
		}
	}
	var ours *call
	deliver := func(first bool) {
		if w.away(from) {
			return // it is lost
		}
		if w.life == nil {
			if first {
				w.after(w.delay(), func() { answer(none, errAway) })
			}
			return
		}
		var ends []func(T, error)
		for _, begins := range watches {
			ends = append(ends, begins())
		}
		c, result := start(w, f)
		if first {
			ours = c
		}
		c.then = func() {
			for _, f := range ends {
				f(result.v, result.err)
			}
			switch {
			case !first, w.away(from):
			case w.luck(w.chance.unheard):
				w.count.lost++
			case c.lost:
				w.after(w.delay(), func() { answer(none, errBroken) })
			default:
				w.after(w.delay(), func() { answer(result.v, result.err) })
			}
		}
		if first && w.luck(w.chance.leave) {
			stay := w.upTo(2 * time.Second)
			if w.rng.IntN(2) == 0 {
				stay = w.upTo(50 * time.Millisecond)
			}
			w.after(stay, func() {
				c.cancel()
				answer(none, errBroken)
			})
		}
	}
	w.count.calls++
	if w.luck(w.chance.lost) {
		w.count.lost++
	} else {
		w.after(w.delay(), func() { deliver(true) })
	}
	if w.luck(w.chance.doubled) {
		w.count.doubled++
		w.after(w.delay()+w.upTo(time.Second), func() { deliver(false) })
	}
	w.after(patience+w.upTo(100*time.Millisecond), func() {
		if ours != nil && !answered {
			ours.cancel() // the connection is closed
		}
		answer(none, errNoWord)
	})
}

type outcome[T any] struct {
	v   T
	err error
}

// start hands a call to the master, in a goroutine as a door would.
func start[T any](w *world, f func(ctx context.Context, m *master.Master) (T, error)) (*call, *outcome[T]) {
	ctx, cancel := context.WithCancel(context.Background())
	w.calls++
	c := &call{id: w.calls, life: w.life, cancel: cancel}
	w.open[c] = struct{}{}
	result := &outcome[T]{err: errBroken}
	m := w.life.m
	go func() {
		defer func() { // also when the process ended in the middle of it
			cancel()
			w.mu.Lock()
			w.ended = append(w.ended, c)
			w.mu.Unlock()
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}()
		v, err := f(ctx, m)
		*result = outcome[T]{v, err}
	}()
	return c, result
}
