package master_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// slots sets how many a worker has and returns how many it has then.
func (b *bench) slots(id farm.WorkerID, n int) (int, error) {
	v, err := b.m.ChangeWorker(context.Background(), root, id, func(w *farm.Worker) { w.SetSlots = n })
	return v.Worker.Slots, err
}

// TestSlotsAreSet: a worker that has fewer slots delivers what it renders and is given nothing for the others; one that has
// more is given more. The balancer counts what there is, and a restart of either changes nothing.
func TestSlotsAreSet(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		register := func(own int, fresh bool, devices ...string) (farm.Registered, error) {
			return b.m.Register(ctx, root, farm.Registration{
				Protocol: farm.Protocol, ID: "worker-oak", Name: "oak", Slots: own, Fresh: fresh,
				Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, Slots: own, Devices: devices},
			})
		}
		has := func(want, counted int) {
			t.Helper()
			v, err := b.m.Worker(ctx, "worker-oak")
			if err != nil || v.Worker.Slots != want {
				t.Errorf("it has %d slots, not %d (%v)", v.Worker.Slots, want, err)
			}
			if n, err := b.m.Balance(ctx, 0); err != nil || n.Slots != counted {
				t.Errorf("the balancer counts %d slots, not %d (%v)", n.Slots, counted, err)
			}
		}
		if _, err := register(2, true); err != nil {
			t.Fatal(err)
		}
		oak := farm.WorkerID("worker-oak")
		job := b.submit("1-9")
		g := []*farm.Grant{b.claim(oak, 0), b.claim(oak, 1)}
		has(2, 2)

		// Fewer: a heartbeat that is held open is answered at once.
		orders := make(chan farm.Orders)
		go func() {
			o, err := b.m.Heartbeat(ctx, root, oak, farm.Heartbeat{Slots: 2, WaitMS: 60_000, Beats: []farm.Beat{{Lease: g[1].Lease.ID, Started: true}}})
			if err != nil {
				t.Error(err)
			}
			orders <- o
		}()
		time.Sleep(time.Second)
		began := time.Now()
		if n, err := b.slots(oak, 1); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if o := <-orders; o.Slots != 1 || time.Since(began) > 0 || len(o.Cancel) > 0 {
			t.Errorf("after %s it is told %+v", time.Since(began), o)
		}
		if _, err := b.m.Claim(ctx, root, farm.Wish{Worker: oak, Slot: 1}); farm.KindOf(err) != farm.Invalid {
			t.Errorf("a slot that is gone is given work: %v", err)
		}
		has(1, 1)
		if v := b.report(g[1], 2, farm.Rendered); !v.Accepted {
			t.Errorf("the last frame of a slot is not taken: %s", v.Reason)
		}
		// News is what the worker does not have yet, not what has changed while it listened.
		began = time.Now()
		if o, err := b.m.Heartbeat(ctx, root, oak, farm.Heartbeat{Slots: 2, WaitMS: 9000}); err != nil || o.Slots != 1 || time.Since(began) > 0 {
			t.Errorf("after %s it is told %+v, %v", time.Since(began), o, err)
		}

		b.restart()
		if r, err := register(2, false); err != nil || r.Worker.Slots != 1 || r.Worker.SetSlots != 1 {
			t.Fatalf("after a restart it has %d slots, set to %d, %v", r.Worker.Slots, r.Worker.SetSlots, err)
		}
		has(1, 1)
		if n, err := b.slots(oak, 4); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		has(4, 4)
		more := b.claim(oak, 3)
		if more == nil {
			t.Fatal("a slot that came is given nothing")
		}
		for _, g := range []*farm.Grant{g[0], more, b.claim(oak, 1)} {
			for _, f := range g.Lease.Frames {
				b.report(g, f, farm.Rendered)
			}
		}
		for s := 0; b.job(job.ID).State != farm.Done; s++ {
			g := b.claim(oak, s%4)
			b.report(g, g.Lease.Frames[0], farm.Rendered)
		}
		// A claim that is held for a slot ends with it.
		held := make(chan *farm.Grant)
		go func() {
			g, err := b.m.Claim(ctx, root, farm.Wish{Worker: oak, Slot: 3, WaitMS: 60_000})
			if err != nil {
				t.Error(err)
			}
			held <- g
		}()
		time.Sleep(time.Second)
		began = time.Now()
		if n, err := b.slots(oak, 0); n != 2 || err != nil {
			t.Fatalf("as its machine says it has %d slots, %v", n, err)
		}
		if g := <-held; g != nil || time.Since(began) > 0 {
			t.Errorf("after %s the claim brings %+v", time.Since(began), g)
		}
		has(2, 2)

		for n, want := range map[int]string{-1: "1 to 256", 257: "1 to 256"} {
			if _, err := b.slots(oak, n); farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), want) {
				t.Errorf("set to %d slots: %v", n, err)
			}
		}
		// The devices of another start are fewer than what it was set to.
		if n, err := b.slots(oak, 3); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		if r, err := register(2, true, "cuda:0", "cuda:1"); err != nil || r.Worker.Slots != 2 || r.Worker.SetSlots != 3 {
			t.Errorf("with two devices it has %d slots, set to %d, %v", r.Worker.Slots, r.Worker.SetSlots, err)
		}
		if _, err := b.slots(oak, 4); farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), "devices") {
			t.Errorf("more slots than devices: %v", err)
		}
		if n, err := b.slots(oak, 1); n != 1 || err != nil {
			t.Errorf("one device of two: %d, %v", n, err)
		}
		// Another change leaves alone what was set, though the machine has changed.
		if _, err := register(1, true, "cuda:0"); err != nil {
			t.Fatal(err)
		}
		if v, err := b.m.ChangeWorker(ctx, root, oak, func(w *farm.Worker) { w.Tags = []string{"gpu"} }); err != nil || v.Worker.Slots != 1 {
			t.Error(v.Worker.Slots, err)
		}
	})
}

// TestSlotsOfAnOldWorker: a program that does not know the order has what it was started with, and nobody is told otherwise.
func TestSlotsOfAnOldWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		elm := b.worker("elm", 2)
		if _, err := b.slots(elm, 3); farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), "too old") {
			t.Errorf("it is told: %v", err)
		}
		if v, err := b.m.Worker(context.Background(), elm); err != nil || v.Worker.Slots != 2 || v.Worker.SetSlots != 0 {
			t.Errorf("it has %d slots, set to %d, %v", v.Worker.Slots, v.Worker.SetSlots, err)
		}
		b.submit("1-3")
		if b.claim(elm, 1) == nil {
			t.Error("it is given nothing")
		}
	})
	w := farm.Worker{Slots: 2, SetSlots: 5}
	if n := w.SlotsOf(2); n != 2 {
		t.Errorf("a worker whose older program is back has %d slots, not 2", n)
	}
}
