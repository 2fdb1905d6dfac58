package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// chronicle writes what happens to the farm into the master's log: jobs that come and end, workers, tokens, newcomers.
// Frames are not told one by one. It listens beside the engine, which never waits for it; what comes in bursts is
// counted, not listed.
type chronicle struct {
	log  *slog.Logger
	farm lookups
	// What was told in this round, and what was only counted.
	told    map[farm.EventKind]int
	counted map[string]int
	asking  map[string]string // newcomers by their codes
}

// lookups is what the chronicle asks the master for.
type lookups interface {
	Job(ctx context.Context, id farm.JobID) (farm.Job, error)
	Worker(ctx context.Context, id farm.WorkerID) (master.WorkerView, error)
	Pairings(ctx context.Context) ([]farm.Pairing, error)
}

const (
	chronicleRound = 10 * time.Second
	chronicleLines = 40 // of one kind in a round
	chronicleNames = 200
)

// chronicled are the kinds of events that the chronicle hears.
var chronicled = []farm.EventKind{farm.EventJob, farm.EventWorker, farm.EventPair, farm.EventToken}

func newChronicle(log *slog.Logger, m lookups) *chronicle {
	return &chronicle{log: log, farm: m, told: map[farm.EventKind]int{}, counted: map[string]int{}, asking: map[string]string{}}
}

// run writes until there are no more events. Each tick of rounds begins another one.
func (c *chronicle) run(ctx context.Context, events <-chan farm.Event, rounds <-chan time.Time) {
	for {
		select {
		case ev, open := <-events:
			if !open {
				c.sum()
				return
			}
			c.hear(ctx, &ev)
		case <-rounds:
			c.sum()
		}
	}
}

// sum tells what was only counted.
func (c *chronicle) sum() {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(c.counted)) {
		parts = append(parts, fmt.Sprintf("%s (%d times)", what, c.counted[what]))
	}
	if len(parts) > 0 {
		c.log.Info("and more: " + strings.Join(parts, ", "))
	}
	clear(c.told)
	clear(c.counted)
}

// mayTell tells whether there is room for a line in this round; else what happened is counted.
func (c *chronicle) mayTell(ev *farm.Event, what string) bool {
	if c.told[ev.Kind]++; c.told[ev.Kind] <= chronicleLines {
		return true
	}
	c.counted[what]++
	return false
}

func (c *chronicle) hear(ctx context.Context, ev *farm.Event) {
	switch ev.Kind {
	case farm.EventJob:
		c.job(ctx, ev)
	case farm.EventWorker:
		c.worker(ctx, ev)
	case farm.EventPair:
		c.newcomer(ctx, ev)
	case farm.EventToken:
		if c.mayTell(ev, "token "+ev.State) {
			c.log.Info("token " + ev.State + ": " + plainText(ev.Text))
		}
	case farm.EventLost:
		c.log.Debug("so much happened that some of it is not told here")
	case farm.EventFrame, farm.EventBeat, farm.EventDisk, farm.EventAudit, farm.EventAttention: // not heard; what needs a person is told as it happens
	}
}

func (c *chronicle) job(ctx context.Context, ev *farm.Event) {
	state := farm.JobState(ev.State)
	level, what := slog.LevelInfo, ev.State
	switch {
	case ev.Text == "submitted" || ev.Text == "retried":
		what = ev.Text
	case state == farm.Failed, state == farm.Collecting: // a file was lost
		level = slog.LevelWarn
	case !state.Ended() && state != farm.Paused && ev.State != "deleted": // it goes on as it was meant to
		return
	}
	if ev.Text == "changed" || !c.mayTell(ev, "job "+what) {
		return
	}
	var about []any
	if ev.Text != "" && ev.Text != what {
		about = append(about, "why", plainText(ev.Text))
	}
	if j, err := c.farm.Job(ctx, ev.Job); err == nil {
		about = append(about, "name", plainText(j.Name))
		switch {
		case what == "submitted":
			about = append(about, "frames", j.Pictures().Count(), "by", plainText(j.Owner))
			if j.Progress.Missing > 0 {
				about = append(about, "waits_for_files", j.Progress.Missing)
			}
		case state.Ended():
			about = append(about, "frames", j.Done)
			if j.Failed > 0 {
				about = append(about, "failed", j.Failed)
			}
			if !j.Started.IsZero() && !j.Ended.IsZero() {
				about = append(about, "took", span(j.Ended.Sub(j.Started)))
			}
		}
	}
	c.log.Log(ctx, level, fmt.Sprintf("job %d %s", ev.Job, what), about...)
}

func (c *chronicle) worker(ctx context.Context, ev *farm.Event) {
	level := slog.LevelInfo
	switch ev.State {
	case "disabled":
		level = slog.LevelWarn
	case "online", "offline", "enabled", "deleted":
	default: // registered again, renamed, ...
		return
	}
	if !c.mayTell(ev, "worker "+ev.State) {
		return
	}
	name := ev.Text
	var about []any
	if v, err := c.farm.Worker(ctx, ev.Worker); err == nil {
		name = v.Worker.Name
		switch ev.State {
		case "online":
			about = append(about, "address", v.Worker.Address, "slots", v.Worker.Slots)
		case "disabled":
			about = append(about, "why", plainText(v.Worker.Reason))
		}
	}
	c.log.Log(ctx, level, fmt.Sprintf("worker %s is %s", plainText(name), ev.State), about...)
}

func (c *chronicle) newcomer(ctx context.Context, ev *farm.Event) {
	if !c.mayTell(ev, "a newcomer's request "+ev.State) {
		return
	}
	code := plainText(ev.Text)
	if farm.PairState(ev.State) == farm.PairWaiting {
		waiting, _ := c.farm.Pairings(ctx)
		for i := range waiting {
			if p := &waiting[i]; p.Code == ev.Text {
				if len(c.asking) >= chronicleNames { // most of them were never answered
					clear(c.asking)
				}
				c.asking[p.Code] = plainText(fmt.Sprintf("%s (%s, %s)", p.Name, p.Kind, p.Address))
				c.log.Info(fmt.Sprintf("%s asks to be let in: netrender pair accept %s", c.asking[p.Code], code), "as", string(p.Role))
			}
		}
		return
	}
	who := c.asking[ev.Text]
	if who == "" {
		who = code
	}
	delete(c.asking, ev.Text)
	c.log.Info(fmt.Sprintf("%s is %s", who, ev.State))
}

// keepChronicle writes the chronicle until the master has ended; stop waits for its last lines, but not for ever: where
// the log goes may be stuck.
func (s *server) keepChronicle() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	rounds := time.NewTicker(chronicleRound)
	done := make(chan struct{})
	events := s.master.Watch(ctx, chronicled...)
	go func() {
		defer close(done)
		newChronicle(s.log, s.master).run(context.Background(), events, rounds.C)
	}()
	return func() {
		rounds.Stop()
		cancel()
		select {
		case <-done:
		case <-time.After(time.Second):
		}
	}
}
