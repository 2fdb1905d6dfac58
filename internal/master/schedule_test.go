package master_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// scheduled is a worker with settings, whose clock is an hour ahead of UTC.
func (b *bench) scheduled(name string, slots int, hours string, whenIdle int) farm.WorkerID {
	b.t.Helper()
	id, hour := farm.WorkerID("worker-"+name), 60
	if _, err := b.m.Register(context.Background(), root, farm.Registration{
		Protocol: farm.Protocol, ID: id, Name: name, Slots: slots,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, UTCOffset: &hour},
	}); err != nil {
		b.t.Fatal(err)
	}
	b.settings(id, hours, whenIdle)
	return id
}

func (b *bench) settings(id farm.WorkerID, hours string, whenIdle int) {
	b.t.Helper()
	if _, err := b.m.ChangeWorker(context.Background(), root, id, func(w *farm.Worker) { w.Hours, w.WhenIdle = hours, whenIdle }); err != nil {
		b.t.Fatal(err)
	}
}

// idle is a heartbeat of a worker whose user was away for so many seconds; below zero it does not know.
func (b *bench) idle(id farm.WorkerID, seconds float64, grants ...*farm.Grant) farm.Orders {
	b.t.Helper()
	h := farm.Heartbeat{}
	if seconds >= 0 {
		h.Load.UserIdle = &seconds
	}
	for _, g := range grants {
		h.Beats = append(h.Beats, farm.Beat{Lease: g.Lease.ID, Frame: g.Lease.Frames[0], Started: true})
	}
	o, err := b.m.Heartbeat(context.Background(), root, id, h)
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (b *bench) schedule(id farm.WorkerID) farm.Schedule {
	b.t.Helper()
	v, err := b.m.Worker(context.Background(), id)
	if err != nil || v.Schedule == nil {
		b.t.Fatalf("%+v, %v", v, err)
	}
	return *v.Schedule
}

// until sleeps up to a time of the first day, which is a Saturday, 2000-01-01, in UTC.
func until(hour, minute, second int) {
	time.Sleep(time.Until(time.Date(2000, 1, 1, hour, minute, second, 0, time.UTC)))
}

func TestHoursOfAWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events := b.m.Watch(ctx, farm.EventWorker)
		until(10, 0, 0) // eleven o'clock at the machine
		oak := b.scheduled("oak", 2, "sat 12:00-13:00", 0)
		job := b.submit("1-9")
		if g := b.claim(oak, 0); g != nil {
			t.Fatalf("outside of its hours it is given %v", g.Lease.Frames)
		}
		want(t, "order", b.idle(oak, 0).Disabled, "it rests: its hours are sat 12:00-13:00; it takes work again Sat 12:00")
		why, err := b.m.Why(ctx, job.ID)
		if err != nil || len(why) != 1 || why[0].Text != "this worker may not: it rests: its hours are sat 12:00-13:00; it takes work again Sat 12:00" {
			t.Errorf("why: %+v, %v", why, err)
		}
		if v, err := b.m.Balance(ctx, 0); err != nil || v.Slots != 0 {
			t.Errorf("the farm has %d slots, %v", v.Slots, err)
		}
		time.Sleep(2 * time.Second)
		b.needsJust() // nobody is needed: it will be rendered

		// Who waits gets frames when the hours begin.
		until(10, 59, 30)
		got := make(chan *farm.Grant, 1)
		go func() {
			g, _ := b.m.Claim(ctx, root, farm.Wish{Worker: oak, Slot: 0, WaitMS: 60_000})
			got <- g
		}()
		synctest.Wait()
		until(10, 59, 59)
		want(t, "grants before", len(got), 0)
		until(11, 0, 2)
		g := <-got
		if g == nil {
			t.Fatal("in its hours it is given nothing")
		}
		s := b.schedule(oak)
		if !s.Open || !s.Until.Equal(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", s)
		}

		// What it renders when the hours end is finished; what it holds ahead is not begun.
		for time.Now().Before(time.Date(2000, 1, 1, 11, 59, 50, 0, time.UTC)) {
			time.Sleep(5 * time.Second)
			b.idle(oak, 0, g)
		}
		next := b.ahead(oak)
		if next == nil {
			t.Fatal("it is given nothing ahead")
		}
		until(12, 0, 2)
		o := b.idle(oak, 0, g, next)
		if len(o.Cancel) != 1 || o.Cancel[0] != next.Lease.ID || !strings.HasPrefix(o.Disabled, "it rests") {
			t.Errorf("%+v", o)
		}
		if v := b.report(g, g.Lease.Frames[0], farm.Rendered); !v.Accepted {
			t.Errorf("what was finished is refused: %+v", v)
		}
		if g := b.claim(oak, 0); g != nil {
			t.Errorf("after its hours it is given %v", g.Lease.Frames)
		}
		j := b.job(job.ID)
		if j.Done != 1 || j.Failed != 0 || j.Running != 0 {
			t.Errorf("%+v", j.Progress)
		}

		// Other settings count at once, and outlast a restart.
		b.settings(oak, "", 0)
		b.report(b.claim(oak, 0), 2, farm.Rendered)
		b.settings(oak, "sun", 0)
		b.restart()
		b.worker("elm", 1)
		if g := b.claim(oak, 0); g != nil {
			t.Error("after a restart it is given work outside of its hours")
		}
		cancel()
		synctest.Wait()
		var states []string
		for ev := range events {
			if ev.State == "resting" || ev.State == "ready" {
				states = append(states, ev.State)
			}
		}
		want(t, "events", strings.Join(states, " "), "resting ready resting ready resting")
	})
}

func TestUserOfAWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.scheduled("oak", 2, "", 600)
		job := b.submit("1-9")
		if b.claim(oak, 0) != nil || b.schedule(oak).Text != "it has not said yet whether somebody uses the machine" {
			t.Fatalf("before it said anything: %+v", b.schedule(oak))
		}
		b.idle(oak, 599)
		if g := b.claim(oak, 0); g != nil || !b.schedule(oak).InUse {
			t.Fatalf("while somebody uses it it is given %+v", g)
		}
		b.idle(oak, 600)
		g := b.claim(oak, 0)
		if g == nil {
			t.Fatal("nobody uses it, and it is given nothing")
		}
		elm := b.worker("elm", 1)

		// Somebody comes back: it stops, its frames are given to others, and that is no failure.
		o := b.idle(oak, 0, g)
		if len(o.Cancel) != 1 || o.Cancel[0] != g.Lease.ID {
			t.Fatalf("%+v", o)
		}
		if o = b.idle(oak, 5, g); len(o.Cancel) != 1 { // it has not heard yet, and does not take it up again
			t.Fatalf("%+v", o)
		}
		j := b.job(job.ID)
		if j.Running != 0 || j.Failed != 0 {
			t.Errorf("%+v", j.Progress)
		}
		// A frame that was done in that moment is not lost.
		if v := b.report(g, g.Lease.Frames[0], farm.Rendered); !v.Accepted {
			t.Errorf("%+v", v)
		}
		if g = b.claim(elm, 0); g == nil || g.Lease.Attempt != 1 {
			t.Errorf("the others are given %+v", g)
		}

		// A worker that does not know counts as free, and that is said.
		b.idle(oak, -1)
		if g = b.claim(oak, 0); g == nil || b.schedule(oak).Text != "it does not know whether somebody uses the machine, so that it counts as free" {
			t.Errorf("%+v, %+v", g, b.schedule(oak))
		}
		// After another start nothing is known at first.
		if _, err := b.m.Register(ctx, root, farm.Registration{Protocol: farm.Protocol, ID: oak, Name: "oak", Slots: 2, Fresh: true, Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}}}); err != nil {
			t.Fatal(err)
		}
		if b.schedule(oak).Open {
			t.Error("it is given work before it said whether somebody uses the machine")
		}
		for _, bad := range []func(w *farm.Worker){func(w *farm.Worker) { w.Hours = "always" }, func(w *farm.Worker) { w.WhenIdle = 1 }} {
			if _, err := b.m.ChangeWorker(ctx, root, oak, bad); farm.KindOf(err) != farm.Invalid {
				t.Errorf("settings that make no sense: %v", err)
			}
		}
		b.settings(oak, "", 0)
		if v, err := b.m.Worker(ctx, oak); err != nil || v.Schedule != nil {
			t.Errorf("without settings: %+v, %v", v.Schedule, err)
		}
	})
}

// TestRefusedChangeOfAWorker: what is refused in part is refused whole; the worker keeps its name, and nobody gets it.
func TestRefusedChangeOfAWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak, ash := b.worker("oak", 1), b.worker("ash", 1)
		rename := func(id farm.WorkerID, edit func(*farm.Worker)) error {
			_, err := b.m.ChangeWorker(context.Background(), root, id, edit)
			return err
		}
		for _, bad := range []func(w *farm.Worker){
			func(w *farm.Worker) { w.Name, w.Hours = "elm", "nonsense" },
			func(w *farm.Worker) { w.Name, w.Tags = "elm", make([]string, 1000) },
		} {
			if err := rename(oak, bad); err == nil {
				t.Fatal("it was taken")
			}
		}
		if v, err := b.m.Worker(context.Background(), "oak"); err != nil || v.Worker.ID != oak {
			t.Errorf("oak is %v, %v", v.Worker.ID, err)
		}
		if err := rename(ash, func(w *farm.Worker) { w.Name = "elm" }); err != nil {
			t.Error("the name that oak did not get is taken: ", err)
		}
		if err := rename(ash, func(w *farm.Worker) { w.Name = "oak" }); farm.KindOf(err) != farm.Conflict {
			t.Error("two workers are named oak: ", err)
		}
	})
}
