package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// The master's log tells of what happens to the farm, and of no frame.
func TestMasterTellsWhatHappens(t *testing.T) {
	f := startFarm(t)
	told := func(want ...string) {
		t.Helper()
		for _, w := range want {
			waitFor(t, "the master says "+w, func() bool { return strings.Contains(f.master.err.String(), w) })
		}
	}
	told("INF the master runs version="+version, "addresses="+f.client.Address())
	w := f.worker("oak", time.Millisecond)
	contains(t, w.err.String(), "INF this machine works for the master at "+f.client.Address()+" name=")
	told("INF worker oak is online address=127.0.0.1 slots=1")
	f.submit("1-50", true)
	told("INF job 1 submitted name=shot frames=50 by=admin waits_for_files=1")
	f.submit("1-5", false)
	f.until(1, farm.Done)
	told("INF job 1 done name=shot frames=50 took=", "INF job 2 submitted name=shot frames=5 by=admin", "INF job 2 done")
	if said := f.master.err.String(); strings.Count(said, "\n") > 12 || strings.Contains(said, "frame ") {
		t.Errorf("it tells too much:\n%s", said)
	}
}

func TestMasterTellsOfPeople(t *testing.T) {
	f := startFarm(t)
	told := func(want ...string) {
		t.Helper()
		for _, w := range want {
			waitFor(t, "the master says "+w, func() bool { return strings.Contains(f.master.err.String(), w) })
		}
	}
	f.submit("1-5", true)
	f.ok("pause 1")
	told(`INF job 1 paused why="paused by admin" name=shot`)
	f.ok("cancel 1")
	told(`INF job 1 canceled why="canceled by admin" name=shot frames=0`)
	f.ok("delete 1 -y")
	told("INF job 1 deleted")
	made := lines[struct{ ID, Secret string }](t, f.ok("token create anna --json"))[0]
	told("INF token made: " + made.ID + " (anna, submit) by admin")
	f.ok("token revoke " + made.ID)
	told("INF token revoked: " + made.ID + " (anna, submit) by admin")
	w := f.worker("oak", time.Millisecond)
	f.ok("worker-set oak enabled=no")
	told(`WRN worker oak is disabled why="disabled by admin"`)
	f.ok("worker-set oak enabled=yes")
	told("INF worker oak is enabled")
	w.stop()
	told("INF worker oak is offline")
	p := begin(t, f.ctx, "pair", "--json", "--master", f.client.Address(), "--data", t.TempDir())
	waitFor(t, "a code is shown", func() bool { return strings.Contains(p.out.String(), "\n") })
	code := lines[struct{ Code string }](t, p.out.String())[0].Code
	told("127.0.0.1) asks to be let in: netrender pair accept " + code + " as=submit")
	f.ok("pair accept " + code)
	told("127.0.0.1) is accepted")
	f.master.stop()
	f.master.done <- <-f.master.done
	told("INF the master stops", "INF the master has stopped")
	if said := f.master.err.String(); strings.Contains(said, made.Secret) || strings.Contains(said, "nr_") {
		t.Errorf("a secret is in the log:\n%s", said)
	}
}

// nobody knows of no job and no worker.
type nobody struct{}

func (nobody) Job(context.Context, farm.JobID) (farm.Job, error) { return farm.Job{}, context.Canceled }

func (nobody) Worker(context.Context, farm.WorkerID) (master.WorkerView, error) {
	return master.WorkerView{}, context.Canceled
}
func (nobody) Pairings(context.Context) ([]farm.Pairing, error) { return nil, nil }

// TestBurstsAreBounded: what comes by the hundred thousand is counted.
func TestBurstsAreBounded(t *testing.T) {
	var out bytes.Buffer
	c := newChronicle(slog.New(slog.NewJSONHandler(&out, nil)), nobody{})
	events, rounds := make(chan farm.Event), make(chan time.Time)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(t.Context(), events, rounds)
	}()
	const many = 50_000
	for i := range many {
		id := farm.JobID(i + 1)
		events <- farm.Event{Kind: farm.EventJob, Job: id, State: "queued", Text: "submitted"}
		events <- farm.Event{Kind: farm.EventJob, Job: id, State: "active"}
		events <- farm.Event{Kind: farm.EventFrame, Job: id, State: "done"}
		events <- farm.Event{Kind: farm.EventJob, Job: id, State: "done"}
		events <- farm.Event{Kind: farm.EventWorker, Worker: "w", State: "online", Text: fmt.Sprint("w", i)}
		events <- farm.Event{Kind: farm.EventWorker, Worker: "w", State: "registered"}
		events <- farm.Event{Kind: farm.EventPair, State: "waiting", Text: "ABC-DEF"}
		if i%1000 == 999 {
			rounds <- time.Time{}
		}
	}
	close(events)
	<-done
	said, told := strings.Split(strings.TrimSpace(out.String()), "\n"), 0
	if most := (many/1000 + 1) * (3*chronicleLines + 1); len(said) > most {
		t.Errorf("%d lines of %d events, not %d", len(said), 7*many, most)
	}
	sum := "and more: a newcomer's request waiting (960 times), job done (980 times), job submitted (980 times), worker online (960 times)"
	for _, line := range said {
		var r struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Msg == sum {
			told++
		}
	}
	if told != many/1000 {
		t.Errorf("%d rounds tell what was only counted; the last line is %s", told, said[len(said)-1])
	}
	if len(c.asking) > chronicleNames {
		t.Errorf("%d newcomers are remembered", len(c.asking))
	}
}

// stuck is where a log goes that nobody reads any more.
type stuck struct {
	lockedText
	at   string
	gate chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.at) {
		<-s.gate
	}
	return s.lockedText.Write(p)
}

// TestLogThatIsStuck: the farm goes on when its log cannot be written.
func TestLogThatIsStuck(t *testing.T) {
	f := startFarm(t)
	a := &app{streams: streams{strings.NewReader(""), &lockedText{}, nil}, settings: settings{data: t.TempDir()}}
	log := &stuck{at: "submitted", gate: make(chan struct{})}
	s, err := a.openMaster(f.ctx, masterOptions{listen: "127.0.0.1:0", quiet: true, auditDays: 1}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- s.run(ctx, func() { close(ready) }) }()
	<-ready
	other := &underTest{t: t, data: a.settings.data, ctx: f.ctx}
	if other.client, err = wire.NewClient(s.url, s.admin, wire.Options{}); err != nil {
		t.Fatal(err)
	}
	for range 1500 { // more than a watcher may be behind
		other.submit("1-5", true)
	}
	if text := log.String(); strings.Contains(text, "submitted") {
		t.Fatalf("the log is not stuck:\n%s", text)
	}
	stop()
	close(log.gate)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the log goes on", func() bool { return strings.Contains(log.String(), "job 1 submitted") })
}
