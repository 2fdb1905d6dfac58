package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// until polls a fact.
func until(t testing.TB, what string, fact func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !fact(); {
		if time.Now().After(deadline) {
			t.Fatal("it never came true: " + what)
		}
	}
}

func (h *house) waiting(n int) func() bool {
	return func() bool {
		s, err := h.m.Stats(context.Background())
		if err != nil {
			h.t.Fatal(err)
		}
		return s.Waiting == n
	}
}

// held starts a claim that waits.
func (h *house) held(ctx context.Context, c *wire.Client) <-chan error {
	h.worker(c, "worker-01", 1)
	answer := make(chan error, 1)
	go func() {
		grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: wire.MaxWaitMS})
		if err == nil && grant == nil {
			err = errors.New("nothing came")
		}
		answer <- err
	}()
	until(h.t, "the claim waits", h.waiting(1))
	return answer
}

func TestHeldClaim(t *testing.T) {
	t.Run("gets what comes", func(t *testing.T) {
		h := open(t)
		answer := h.held(within(t), h.client(farm.RoleWorker))
		h.submit("1")
		if err := <-answer; err != nil {
			t.Fatal(err)
		}
	})
	t.Run("ends with its token", func(t *testing.T) {
		h := open(t)
		answer := h.held(within(t), h.client(farm.RoleWorker))
		if err := h.client(farm.RoleAdmin).RevokeToken(within(t), h.tokens[farm.RoleWorker].ID); err != nil {
			t.Fatal(err)
		}
		wantKind(t, <-answer, farm.Denied)
		until(t, "the engine forgot the claim", h.waiting(0))
	})
	t.Run("ends with the server", func(t *testing.T) {
		h := open(t)
		answer := h.held(within(t), h.client(farm.RoleWorker))
		h.a.Stop()
		err := <-answer
		wantKind(t, err, farm.Stopping)
		if !wire.Again(err) {
			t.Error("a worker would not come back")
		}
	})
	t.Run("ends with its asker", func(t *testing.T) {
		h := open(t)
		ctx, leave := context.WithCancel(within(t))
		answer := h.held(ctx, h.client(farm.RoleWorker))
		leave()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		until(t, "the engine forgot the claim", h.waiting(0))
	})
	t.Run("ends in time", func(t *testing.T) {
		h := open(t)
		c := h.client(farm.RoleWorker)
		h.worker(c, "worker-01", 1)
		if grant, err := c.Claim(within(t), farm.Wish{Worker: "worker-01", WaitMS: 20}); grant != nil || err != nil {
			t.Fatal(grant, err)
		}
	})
	t.Run("outlives the server's deadlines", func(t *testing.T) {
		h := open(t)
		short := httptest.NewUnstartedServer(h.a)
		short.Config = Server(h.a)
		short.Config.ReadTimeout, short.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
		short.Start()
		t.Cleanup(short.Close)
		h.url = short.URL
		c := h.client(farm.RoleWorker)
		h.worker(c, "worker-01", 1)
		if grant, err := c.Claim(within(t), farm.Wish{Worker: "worker-01", WaitMS: 150}); grant != nil || err != nil {
			t.Fatal(grant, err)
		}
	})
}

func TestHeldHeartbeat(t *testing.T) {
	h := open(t)
	ctx := within(t)
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	job := h.submit("1")
	grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01"})
	if err != nil || grant == nil {
		t.Fatal(grant, err)
	}
	type answered struct {
		farm.Orders
		err error
	}
	answer := make(chan answered, 1)
	beats := []farm.Beat{{Lease: grant.Lease.ID, Frame: 1, Started: true, Fraction: .25}}
	go func() {
		o, err := c.Heartbeat(ctx, "worker-01", farm.Heartbeat{Beats: beats, WaitMS: wire.MaxWaitMS})
		answer <- answered{o, err}
	}()
	until(t, "the beat was heard", func() bool {
		running, err := h.m.Running(ctx, job.ID)
		return err == nil && len(running) == 1 && running[0].Beat.Fraction == .25
	})
	if _, err := h.client(farm.RoleSubmit).CancelJob(ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	if a := <-answer; a.err != nil || !slices.Equal(a.Cancel, []farm.LeaseID{grant.Lease.ID}) {
		t.Fatal(a)
	}
}

func TestServeStops(t *testing.T) {
	h := open(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.a.Serve(ctx, Server(h.a), l, patience) }()
	h.url = "http://" + l.Addr().String()
	answer := h.held(within(t), h.client(farm.RoleWorker))
	stop()
	wantKind(t, <-answer, farm.Stopping)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(h.url + "/healthz"); err == nil {
		t.Fatal("it still answers")
	}
}

// rendered claims and reports one frame.
func (h *house) rendered(c *wire.Client, frame int) {
	h.t.Helper()
	ctx := within(h.t)
	grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: 5000})
	if err != nil || grant == nil {
		h.t.Fatal(grant, err)
	}
	if err := c.AppendLog(ctx, grant.Lease.ID, "worker-01", frame, 0, []byte("a line\n")); err != nil {
		h.t.Fatal(err)
	}
	reply, err := c.Report(ctx, wire.ReportRequest{Reports: []farm.Report{{
		Lease: grant.Lease.ID, Worker: "worker-01", Job: grant.Lease.Job,
		Frame: frame, Attempt: grant.Lease.Attempt, Outcome: farm.Rendered, Seconds: 1,
	}}})
	if err != nil || !reply.Verdicts[0].Accepted {
		h.t.Fatal(reply, err)
	}
}

func TestFollowingAJob(t *testing.T) {
	h := open(t)
	ctx := within(t)
	watcher, c := h.client(farm.RoleView), h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	job := h.submit("1-3")

	lines := make(chan string, 8)
	go func() { // the log of a frame that nobody renders yet, till the frame ends
		defer close(lines)
		for text, err := range watcher.FollowLog(ctx, wire.LogRange{Job: job.ID, Frame: 1}) {
			if err != nil {
				t.Error(err)
				return
			}
			lines <- string(text)
		}
	}()
	h.rendered(c, 1)
	var rendering sync.WaitGroup
	defer rendering.Wait()
	frames := []int{}
	for a, err := range watcher.FollowAttempts(ctx, farm.AttemptFilter{Job: job.ID, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if frames = append(frames, a.Frame); len(frames) < 3 {
			next := len(frames) + 1
			rendering.Go(func() { h.rendered(c, next) })
		}
	}
	if !slices.Equal(frames, []int{1, 2, 3}) {
		t.Fatal(frames)
	}
	if line, more := <-lines, false; line != "a line\n" || more {
		t.Fatalf("%q", line)
	}
	if line, more := <-lines; more {
		t.Fatalf("the log went on: %q", line)
	}
	if page, err := watcher.Attempts(ctx, farm.AttemptFilter{Job: job.ID, Frames: farm.Frames(2), Accepted: true}, 0); err != nil ||
		len(page.Attempts) != 1 || page.Attempts[0].Frame != 2 || !page.Ended {
		t.Fatal(page, err)
	}
}

// TestFollowingALogOverAttempts: the frame fails and is rendered again; the second log is not mixed with the first.
func TestFollowingALogOverAttempts(t *testing.T) {
	h := open(t)
	ctx := within(t)
	watcher, c := h.client(farm.RoleView), h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	job := h.submit("1")
	texts := make(chan string, 8)
	go func() {
		defer close(texts)
		for text, err := range watcher.FollowLog(ctx, wire.LogRange{Job: job.ID, Frame: 1}) {
			if err != nil {
				t.Error(err)
				return
			}
			texts <- string(text)
		}
	}()
	for i, text := range []string{"a long line of the first\n", "short\n"} {
		grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: 5000})
		if err != nil || grant == nil {
			t.Fatal(grant, err)
		}
		if err := c.AppendLog(ctx, grant.Lease.ID, "worker-01", 1, 0, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if got := <-texts; got != "--- another attempt at frame 1 ---\n" {
				t.Fatalf("%q", got)
			}
		}
		if got := <-texts; got != text {
			t.Fatalf("%q", got)
		}
		r := farm.Report{Lease: grant.Lease.ID, Worker: "worker-01", Job: job.ID, Frame: 1, Attempt: grant.Lease.Attempt, Outcome: farm.Errored}
		if i > 0 {
			r.Outcome = farm.Rendered
		}
		if _, err := c.Report(ctx, wire.ReportRequest{Reports: []farm.Report{r}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, more := <-texts; more {
		t.Fatalf("the log went on: %q", got)
	}
}
