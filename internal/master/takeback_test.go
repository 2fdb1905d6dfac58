package master_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/farm"
)

// ahead asks for the lease after the present one.
func (b *bench) ahead(id farm.WorkerID) *farm.Grant {
	b.t.Helper()
	g, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: id, Ahead: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// holds asks for work and waits for it at most so long.
func (b *bench) holds(id farm.WorkerID, wait time.Duration) *farm.Grant {
	b.t.Helper()
	g, err := b.m.Claim(context.Background(), root, farm.Wish{Worker: id, WaitMS: int(wait.Milliseconds())})
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// tail makes a job whose last frame is held ahead by oak, while elm, which takes so many seconds for a frame, waits.
func (b *bench) tail(elm int) (job farm.Job, first, second *farm.Grant) {
	b.t.Helper()
	b.worker("oak", 1)
	job = b.submit("1-3")
	first, second = b.claim("worker-oak", 0), b.ahead("worker-oak")
	b.worker("elm", 1)
	b.report(b.claim("worker-elm", 0), 3, farm.Rendered, func(r *farm.Report) { r.Seconds = float64(elm) })
	time.Sleep(5 * time.Second)
	if _, err := b.m.Heartbeat(context.Background(), root, "worker-oak", farm.Heartbeat{Beats: []farm.Beat{
		{Lease: first.Lease.ID, Frame: 1, Started: true, Fraction: 0.1}, {Lease: second.Lease.ID, Frame: 2},
	}}); err != nil {
		b.t.Fatal(err)
	}
	return job, first, second
}

func TestLeaseHeldAheadIsTakenBackAtTheEnd(t *testing.T) {
	inFarm(t, func(b *bench) {
		job, first, second := b.tail(1)
		g := b.holds("worker-elm", time.Minute)
		want(t, "given to who waits", frames(g), "2")
		want(t, "running", b.job(job.ID).Running, 2)
		if o := b.beat("worker-oak", first, second); len(o.Cancel) != 1 || o.Cancel[0] != second.Lease.ID {
			t.Fatalf("oak is told %+v", o)
		}
		b.restart() // the new lease is kept, the old one is not
		want(t, "running after a restart", b.job(job.ID).Running, 2)
		want(t, "accepted", b.report(g, 2, farm.Rendered).Accepted, true)
		want(t, "too late", b.report(second, 2, farm.Rendered).Accepted, false)
		want(t, "accepted", b.report(first, 1, farm.Rendered).Accepted, true)
		want(t, "state", b.job(job.ID).State, farm.Done)
		page, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 9})
		if err != nil || len(page) > 0 {
			t.Fatalf("it counts as %v, %v", page, err)
		}
	})
}

// TestWorkIsNotTakenFromWhoBeganIt: neither what is being rendered nor what is about to be is given to others.
func TestWorkIsNotTakenFromWhoBeganIt(t *testing.T) {
	inFarm(t, func(b *bench) {
		_, first, second := b.tail(1)
		b.beat("worker-oak", first, second) // both are said to be begun
		want(t, "given", frames(b.holds("worker-elm", 10*time.Second)), "none")
	})
	inFarm(t, func(b *bench) {
		_, first, second := b.tail(6)
		if _, err := b.m.Heartbeat(context.Background(), root, "worker-oak", farm.Heartbeat{Beats: []farm.Beat{
			{Lease: first.Lease.ID, Frame: 1, Started: true, Fraction: 0.9}, {Lease: second.Lease.ID, Frame: 2},
		}}); err != nil {
			t.Fatal(err)
		}
		want(t, "given although it would be done no sooner", frames(b.holds("worker-elm", time.Second)), "none")
	})
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		b.submit("1-3", func(s *farm.JobSpec) { s.Needs.Deny = []string{"elm"} })
		b.claim("worker-oak", 0)
		b.ahead("worker-oak")
		b.worker("elm", 1)
		want(t, "given to who may not", frames(b.holds("worker-elm", 10*time.Second)), "none")
	})
}

// TestLateResultOfALeaseThatWasTakenBack: its worker had begun it just then. It counts when it is the first, and never
// twice.
func TestLateResultOfALeaseThatWasTakenBack(t *testing.T) {
	inFarm(t, func(b *bench) {
		job, first, second := b.tail(1)
		g := b.holds("worker-elm", time.Minute)
		r := b.upload(second, 2, "a.png", "by oak")
		late := func(rep *farm.Report) { rep.Results = []farm.Result{r} }
		want(t, "late and first", b.report(second, 2, farm.Rendered, late).Accepted, true)
		if o := b.beat("worker-elm", g); len(o.Cancel) != 1 {
			t.Fatalf("work that is not needed goes on: %+v", o)
		}
		want(t, "the other", b.report(g, 2, farm.Rendered).Accepted, false)
		want(t, "again", b.report(second, 2, farm.Rendered, late).Accepted, false)
		b.report(first, 1, farm.Rendered)
		want(t, "done", b.job(job.ID).Done, 3)
	})
}

// TestAClaimThatIsHeldGetsWhatIsTakenBack: the one that holds ahead turns out to be slow while another waits already.
func TestAClaimThatIsHeldGetsWhatIsTakenBack(t *testing.T) {
	inFarm(t, func(b *bench) {
		b.worker("oak", 1)
		b.submit("1-3")
		first, second := b.claim("worker-oak", 0), b.ahead("worker-oak")
		b.worker("elm", 1)
		b.report(b.claim("worker-elm", 0), 3, farm.Rendered)
		began := time.Now()
		got := make(chan *farm.Grant, 1)
		go func() { got <- b.holds("worker-elm", time.Minute) }()
		var g *farm.Grant
		for waits := true; waits; {
			select {
			case g = <-got:
				waits = false
			case <-time.After(2 * time.Second):
				if _, err := b.m.Heartbeat(context.Background(), root, "worker-oak", farm.Heartbeat{Beats: []farm.Beat{
					{Lease: first.Lease.ID, Frame: 1, Started: true}, {Lease: second.Lease.ID, Frame: 2},
				}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		want(t, "given", frames(g), "2")
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestNewestLeaseThatEndsLeavesTheOlder: the slot still works for the job.
func TestNewestLeaseThatEndsLeavesTheOlder(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		job := b.submit("1-9")
		b.claim(oak, 0)
		b.report(b.ahead(oak), 2, farm.Rendered)
		reasons, err := b.m.Why(context.Background(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "why", reasons[0].Text, "it works for this job now")
		stats, err := b.m.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want(t, "busy slots", stats.SlotsBusy, 1)
	})
}

// machine renders in virtual time as a worker does: it asks ahead near the end of a frame, beats, and obeys.
type machine struct {
	b    *bench
	id   farm.WorkerID
	pace time.Duration
}

func (m *machine) run(ctx context.Context) {
	next := func(ahead bool) *farm.Grant {
		g, _ := m.b.m.Claim(ctx, root, farm.Wish{Worker: m.id, Ahead: ahead, WaitMS: 30_000})
		return g
	}
	var g *farm.Grant
	for ctx.Err() == nil {
		if g == nil {
			if g = next(false); g == nil {
				continue
			}
		}
		var ahead *farm.Grant
		for f := range 10 {
			time.Sleep(m.pace / 10)
			if f == 7 {
				ahead = next(true)
			}
			beats := []farm.Beat{{Lease: g.Lease.ID, Frame: g.Lease.Frames[0], Started: true, Fraction: float64(f+1) / 10}}
			if ahead != nil {
				beats = append(beats, farm.Beat{Lease: ahead.Lease.ID, Frame: ahead.Lease.Frames[0]})
			}
			o, err := m.b.m.Heartbeat(ctx, root, m.id, farm.Heartbeat{Beats: beats})
			if err != nil {
				return
			}
			for _, id := range o.Cancel {
				if ahead != nil && id == ahead.Lease.ID {
					ahead = nil
				}
			}
		}
		r := reportOf(g, g.Lease.Frames[0], farm.Rendered)
		r.Seconds = m.pace.Seconds()
		_, _, _ = m.b.m.Report(ctx, root, []farm.Report{r}, nil)
		g = ahead
	}
}

// greedy is how long it takes when every worker that has nothing to do takes the next frame that waits, and the
// slowest is always a moment sooner.
func greedy(paces []int, frames int) (end int) {
	free := make([]int, len(paces))
	for range frames {
		next := 0
		for i := range free {
			if free[i] < free[next] || free[i] == free[next] && paces[i] > paces[next] {
				next = i
			}
		}
		free[next] += paces[next]
		end = max(end, free[next])
	}
	return end
}

// TestNobodyWaitsForTheSlowest: however fast the workers are, holding leases ahead costs a job nothing at its end.
func TestNobodyWaitsForTheSlowest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		slow := rapid.IntRange(20, 60).Draw(r, "seconds a frame of the slow one")
		paces := rapid.SliceOfN(rapid.IntRange(3, 9), 1, 3).Draw(r, "seconds a frame of the others")
		// So many frames that few are left when the slow one is about to ask ahead, or has asked.
		when := rapid.IntRange(60, 110).Draw(r, "percent")
		count := 2
		for _, p := range paces {
			count += slow * when / 100 / p
		}
		paces = append(paces, slow)
		var took time.Duration
		inFarm(t, func(b *bench) {
			rules := farm.DefaultRules()
			rules.HeartbeatMS = 30_000 // nobody of these is silent for longer
			if err := b.m.SetRules(context.Background(), root, rules); err != nil {
				t.Fatal(err)
			}
			job := b.submit(fmt.Sprintf("1-%d", count))
			ctx, cancel := context.WithCancel(context.Background())
			var all sync.WaitGroup
			for i, p := range paces {
				m := machine{b, b.worker(fmt.Sprint("m", i), 1), time.Duration(p) * time.Second}
				all.Go(func() { m.run(ctx) })
			}
			began := time.Now()
			for b.job(job.ID).State != farm.Done {
				time.Sleep(time.Second)
			}
			took = time.Since(began)
			cancel()
			all.Wait()
		})
		if limit := time.Duration(max(greedy(paces, count), greedy(paces, count+1))+8) * time.Second; took > limit {
			r.Fatalf("%d frames on workers of %v seconds took %s, not %s", count, paces, took, limit)
		}
	})
}
