package test

import (
	"encoding/json"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestSlotsAreSetFromAfar: a worker grows and shrinks while it renders, as the command line says, and a kill of the master
// or of the worker does not make it forget. No frame fails of it.
func TestSlotsAreSetFromAfar(t *testing.T) {
	f := startFarm(t)
	dir := t.TempDir()
	w := f.workerIn(dir, "oak", "--fake-renderer", "100ms")
	job := f.submitFake("1-5000")
	renders := func(n int) {
		t.Helper()
		eventually(t, 20*time.Second, "so many frames are rendered side by side", func() bool {
			var v struct {
				Slots   int          `json:"slots"`
				Online  bool         `json:"online"`
				Running []nr.Running `json:"running"`
			}
			if err := json.Unmarshal([]byte(f.ok("workers", "--json")), &v); err != nil {
				t.Fatal(err)
			}
			now := 0
			for i := range v.Running {
				if !v.Running[i].Ahead {
					now++
				}
			}
			return v.Online && v.Slots == n && now == n
		})
	}
	renders(1)
	f.ok("worker-set", "oak", "slots=3")
	renders(3)
	f.proc.kill()
	f.start()
	renders(3)
	w.kill()
	f.workerIn(dir, "oak", "--fake-renderer", "100ms", "--slots", "2")
	renders(3)
	f.ok("worker-set", "oak", "slots=1")
	renders(1)
	f.ok("worker-set", "oak", "slots=")
	renders(2)
	for arg, code := range map[string]int{"slots=0": 2, "slots=257": 2, "slots=few": 2} {
		if _, errs, got := f.run("worker-set", "oak", arg); got != code {
			t.Errorf("%s: exit %d, %s", arg, got, errs)
		}
	}
	f.ok("cancel", job.ID.String())
	if j := f.job(job.ID.String()); j.Failed > 0 || j.Done == 0 {
		t.Errorf("%d frames failed, %d are done", j.Failed, j.Done)
	}
}
