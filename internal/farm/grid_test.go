package farm

import (
	"encoding/json"
	"testing"
	"time"
)

// TestGridIsSmall: 10,000 frames of a long job on 200 workers are a page that a browser is glad of.
func TestGridIsSmall(t *testing.T) {
	const n = 10_000
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	j := Job{ID: 1, State: Active, Created: began.Add(-time.Hour), Started: began, JobSpec: JobSpec{Frames: FrameRange(1, n, 1)}}
	g := MakeGrid(&j, 0, n)
	for w := range 200 {
		g.WorkerList = append(g.WorkerList, GridWorker{ID: WorkerID(time.Duration(w).String() + "-0123456789"), Name: "worker"})
	}
	for i := range n {
		g.Add(i, &Trace{
			Accepted: true, Started: began.UnixMicro() + int64(i/200)*95_123_456 + int64(i), Seconds: 88.123456 + float64(i%100)/37, MemoryMB: 9000 + i%900,
		}, i%200)
	}
	text, err := json.Marshal(&g)
	if err != nil || len(text) > 300_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestGridShows what a frame is by its tries, whichever comes first.
func TestGridShows(t *testing.T) {
	j := Job{State: Active, JobSpec: JobSpec{Frames: FrameRange(1, 6, 1)}}
	done, failed, final, old := Trace{Accepted: true, Seconds: 2}, Trace{Failed: true, Seconds: 1}, Trace{Failed: true, GaveUp: true, Seconds: 3}, Trace{Seconds: 9}
	g := MakeGrid(&j, 1, 6)
	for i, tries := range [][]Trace{{done, failed}, {failed, done}, {failed, final}, {final, done, old}, {old, failed}} {
		for k := range tries {
			g.Add(i, &tries[k], k)
		}
	}
	for i, want := range []struct {
		state            FrameState
		seconds          float64
		attempts, failed int
	}{{GridDone, 2, 2, 1}, {GridDone, 2, 2, 1}, {GridFailed, 3, 2, 2}, {GridDone, 2, 3, 1}, {GridWaits, 1, 2, 1}} {
		if g.States[i] != want.state || g.Seconds[i] != want.seconds || g.Attempts[i] != want.attempts || g.Failed[i] != want.failed {
			t.Errorf("frame %d: %v, %g s, %d tries, %d failed", g.Frames.At(i), g.States[i], g.Seconds[i], g.Attempts[i], g.Failed[i])
		}
		g.Hold(i, GridRenders, 5, 7)
		if held := g.States[i] == GridRenders; held == (want.state == GridDone) {
			t.Errorf("frame %d that a worker has: %v", g.Frames.At(i), g.States[i])
		}
	}
	j.State = Failed
	if g := MakeGrid(&j, 0, 2); g.States[1] != GridFailed || *g.Next != 2 {
		t.Errorf("of a job that failed as a whole: %v, %v", g.States, g.Next)
	}
}
