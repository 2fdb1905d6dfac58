package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestGrid: what is shown of each frame is what became of it.
func TestGrid(t *testing.T) {
	h := open(t)
	ctx := within(t)
	view, machine := h.client(farm.RoleView), h.client(farm.RoleWorker)
	j := h.submit("1-9x2,12")
	fresh, err := view.Grid(ctx, j.ID, nil, 0)
	if err != nil || fresh.Count != 6 || fresh.Total != 6 || fresh.Next != nil || fresh.Seq != 0 || len(fresh.WorkerList) != 0 ||
		!slices.Equal(fresh.Started, []int64{-1, -1, -1, -1, -1, -1}) || !slices.Equal(fresh.Workers, []int{-1, -1, -1, -1, -1, -1}) {
		t.Fatalf("%+v, %v", fresh, err)
	}
	report := func(w farm.WorkerID, r farm.Report) {
		t.Helper()
		grant, err := machine.Claim(ctx, farm.Wish{Worker: w, WaitMS: 10_000})
		if err != nil || grant == nil {
			t.Fatal(grant, err)
		}
		r.Lease, r.Worker, r.Job, r.Frame, r.Attempt = grant.Lease.ID, w, j.ID, grant.Lease.Frames[0], grant.Lease.Attempt
		reply, err := machine.Report(ctx, wire.ReportRequest{Reports: []farm.Report{r}})
		if err != nil || !reply.Verdicts[0].Accepted {
			t.Fatal(reply, err)
		}
	}
	h.worker(machine, "oak-worker", 2)
	report("oak-worker", farm.Report{Outcome: farm.Rendered, Seconds: 12.3456, MemoryMB: 812})                                // frame 1
	report("oak-worker", farm.Report{Outcome: farm.Errored, Error: "no camera", Seconds: 3.2109, Fatal: true, MemoryMB: 400}) // frame 3
	report("oak-worker", farm.Report{Outcome: farm.Errored, Error: "out of memory", Seconds: 1})                              // frame 5, to be tried again
	h.worker(machine, "ash-worker", 1)
	grant, err := machine.Claim(ctx, farm.Wish{Worker: "ash-worker", WaitMS: 10_000})
	if err != nil || grant == nil {
		t.Fatal(grant, err)
	}
	running := grant.Lease.Frames[0]

	g, err := view.Grid(ctx, j.ID, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	row := func(frame int) string {
		i, ok := g.Frames.Index(frame)
		if !ok {
			t.Fatalf("frame %d is not in %v", frame, g.Frames)
		}
		name := "-"
		if w := g.Workers[i]; w >= 0 {
			name = g.WorkerList[w].Name
		}
		return fmt.Sprint(frame, " ", g.States[i], " ", name, " ", g.Seconds[i], " ", g.Attempts[i], " ", g.Failed[i], " ", g.MemoryMB[i], " ", g.Started[i] >= 0)
	}
	for _, want := range []string{"1 2 oak-worker 12.35 1 0 812 true", "3 3 oak-worker 3.211 1 1 400 true", "5 0 oak-worker 1 1 1 0 true"} {
		var frame int
		fmt.Sscan(want, &frame)
		if frame == running {
			want = fmt.Sprint(frame, " 1 ash-worker 0 1 1 0 true")
		}
		if got := row(frame); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	if running != 5 {
		if got, want := row(running), fmt.Sprint(running, " 1 ash-worker 0 0 0 0 true"); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	if g.Job != j.ID || g.State != farm.Active || g.Frames.String() != "1-9x2,12" || g.Base < fresh.Base || g.Seq == 0 {
		t.Errorf("%+v", g)
	}
	if page, err := view.Attempts(ctx, farm.AttemptFilter{Job: j.ID, After: g.Seq}, 0); err != nil || len(page.Attempts) != 0 {
		t.Errorf("after what is in the grid comes %v, %v", page.Attempts, err)
	}

	// Pages are parts of the whole.
	var states []farm.FrameState
	var frames []int
	for after := (*int)(nil); ; {
		page, err := view.Grid(ctx, j.ID, after, 4)
		if err != nil || page.Count != len(page.States) || page.Count != len(page.Seconds) || page.Count != page.Frames.Count() {
			t.Fatal(page, err)
		}
		states, frames = append(states, page.States...), slices.AppendSeq(frames, page.Frames.All())
		if after = page.Next; after == nil {
			break
		}
	}
	if !slices.Equal(states, g.States) || !slices.Equal(frames, []int{1, 3, 5, 7, 9, 12}) {
		t.Errorf("pages: %v of %v", states, frames)
	}

	for _, c := range []struct {
		path string
		kind farm.Kind
	}{
		{"/jobs/99/grid", farm.NotFound},
		{"/jobs/x/grid", farm.Invalid},
		{fmt.Sprintf("/jobs/%d/grid?after=2", j.ID), farm.Invalid},
		{fmt.Sprintf("/jobs/%d/grid?after=one", j.ID), farm.Invalid},
		{fmt.Sprintf("/jobs/%d/grid?limit=0", j.ID), farm.Invalid},
		{fmt.Sprintf("/jobs/%d/grid?limit=1000000", j.ID), farm.Invalid},
		{fmt.Sprintf("/jobs/%d/grid?after=99999999", j.ID), farm.Invalid},
	} {
		resp, text := h.send(farm.RoleView, "GET", wire.Root+c.path, nil)
		wantProblem(t, resp, text, c.kind)
	}
	resp, text := h.send(farm.RoleWorker, "GET", wire.Root+fmt.Sprintf("/jobs/%d/grid", j.ID), nil)
	wantProblem(t, resp, text, farm.Denied)
	if end, err := view.Grid(ctx, j.ID, new(12), 0); err != nil || end.Count != 0 || end.Next != nil || end.States == nil {
		t.Errorf("after the last frame: %+v, %v", end, err)
	}
}

// TestGridIsPacked: large answers travel as their asker takes them.
func TestGridIsPacked(t *testing.T) {
	h := open(t)
	j := h.submit("1-1000")
	path := wire.Root + fmt.Sprintf("/jobs/%d/grid", j.ID)
	_, plain := h.send(farm.RoleView, "GET", path, nil, "Accept-Encoding", "identity")
	var g farm.Grid
	if err := json.Unmarshal(plain, &g); err != nil || g.Count != 1000 {
		t.Fatal(err)
	}
	for accepts, want := range map[string]string{
		"gzip": "gzip", "zstd": "zstd", "gzip, deflate, br, zstd": "zstd", "gzip;q=0.5, zstd;q=0": "gzip", "br": "", "": "", "GZIP": "gzip",
	} {
		resp, text := h.send(farm.RoleView, "GET", path, nil, "Accept-Encoding", accepts)
		if got := resp.Header.Get("Content-Encoding"); got != want || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: packed as %q, not %q", accepts, got, want)
			continue
		}
		var in io.Reader = bytes.NewReader(text)
		switch want {
		case "gzip":
			z, err := gzip.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			in = z
		case "zstd":
			in = blob.Decompress(io.NopCloser(in), 1<<20)
		}
		if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%q: %d bytes, %v", accepts, len(got), err)
		}
		if want != "" && len(text) > len(plain)/5 {
			t.Errorf("%q: %d bytes became %d", accepts, len(plain), len(text))
		}
	}
}
