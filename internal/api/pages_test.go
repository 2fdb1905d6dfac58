package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// pagesOf reads a list by pages of a size, and how many entries each had.
func pagesOf[T any](t *testing.T, h *house, path string, limit int, part func(*T) (names []string, next string)) (all []string, sizes []int) {
	t.Helper()
	for after := ""; ; {
		var page T
		resp, text := h.send(farm.RoleAdmin, http.MethodGet, fmt.Sprintf("%s%s?limit=%d&after=%s", wire.Root, path, limit, after), nil)
		mustRead(t, resp, text, &page)
		names, next := part(&page)
		all, sizes = append(all, names...), append(sizes, len(names))
		if next == "" {
			return all, sizes
		}
		if after = next; len(sizes) > 100 {
			t.Fatalf("the pages of %s do not end", path)
		}
	}
}

func mustRead(t *testing.T, resp *http.Response, text []byte, v any) {
	t.Helper()
	if resp.StatusCode >= 300 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// TestListsAreGivenByPages: what grows with the farm comes by pages, all of it once, also when a page is just full.
func TestListsAreGivenByPages(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	root := master.Identity{Name: "root", Role: farm.RoleAdmin}
	var names []string
	for i := range 12 {
		name := fmt.Sprintf("w%02d", i)
		names = append(names, name)
		_, err := h.m.Register(ctx, root, farm.Registration{Protocol: farm.Protocol, ID: farm.WorkerID("worker-" + name), Name: name, Slots: 1, Facts: farm.Facts{
			MemoryMB: 1000 * (1 + i%2), Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	job := h.submit("1-100")
	for _, name := range names {
		if g, err := h.m.Claim(ctx, root, farm.Wish{Worker: farm.WorkerID("worker-" + name)}); err != nil || g == nil {
			t.Fatal(g, err)
		}
	}
	for limit, want := range map[int][]int{5: {5, 5, 2}, 6: {6, 6}, 1000: {12}} {
		check := func(what string, all []string, sizes []int) {
			t.Helper()
			if !slices.Equal(sizes, want) {
				t.Errorf("%s by %d: pages of %v, not %v", what, limit, sizes, want)
			}
			sorted := slices.Sorted(slices.Values(all))
			if !slices.Equal(sorted, names) {
				t.Errorf("%s by %d: %v", what, limit, all)
			}
		}
		all, sizes := pagesOf(t, h, "/workers", limit, func(p *wire.WorkerList) (list []string, next string) {
			for i := range p.Workers {
				list = append(list, p.Workers[i].Name)
			}
			return list, p.Next
		})
		check("workers", all, sizes)
		all, sizes = pagesOf(t, h, "/jobs/"+job.ID.String()+"/why", limit, func(p *wire.ReasonList) (list []string, next string) {
			for i := range p.Reasons {
				list = append(list, p.Reasons[i].Worker)
			}
			return list, p.Next
		})
		check("why", all, sizes)
		all, sizes = pagesOf(t, h, "/jobs/"+job.ID.String()+"/running", limit, func(p *wire.RunningList) (list []string, next string) {
			for i := range p.Running {
				list = append(list, p.Running[i].WorkerName)
			}
			if p.Next != 0 {
				next = fmt.Sprint(int64(p.Next))
			}
			return list, next
		})
		check("running", all, sizes)
	}
	had, _ := h.m.Tokens(ctx)
	for i := len(had); i < 12; i++ {
		if _, _, err := h.m.CreateToken(ctx, root, fmt.Sprint("t", i), farm.RoleView); err != nil {
			t.Fatal(err)
		}
	}
	tokens, sizes := pagesOf(t, h, "/tokens", 5, func(p *wire.TokenList) (list []string, next string) {
		for i := range p.Tokens {
			list = append(list, p.Tokens[i].ID)
		}
		return list, p.Next
	})
	if slices.Sort(tokens); !slices.Equal(sizes, []int{5, 5, 2}) || len(slices.Compact(tokens)) != 12 {
		t.Errorf("tokens: %v %v", sizes, tokens)
	}

	// The client reads all pages.
	c := h.client(farm.RoleAdmin)
	if list, err := c.Workers(ctx); err != nil || len(list) != 12 {
		t.Errorf("%d workers, %v", len(list), err)
	}
	if list, err := c.Running(ctx, job.ID); err != nil || len(list) != 12 {
		t.Errorf("%d leases, %v", len(list), err)
	}
	if page, err := c.SomeRunning(ctx, job.ID, 3); err != nil || len(page.Running) != 3 || page.Next == 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if list, err := c.Why(ctx, job.ID); err != nil || len(list) != 12 {
		t.Errorf("%d reasons, %v", len(list), err)
	}
	if list, err := c.Tokens(ctx); err != nil || len(list) != 12 {
		t.Errorf("%d tokens, %v", len(list), err)
	}
	for _, path := range []string{"/workers?limit=1001", "/jobs/1/why?limit=0", "/jobs/1/running?after=x", "/tokens?limit=x"} {
		resp, text := h.send(farm.RoleAdmin, http.MethodGet, wire.Root+path, nil)
		wantProblem(t, resp, text, farm.Invalid)
	}
}

// TestWhoFits: whether a job can be rendered at all is told in a few bytes, however many workers there are.
func TestWhoFits(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	root := master.Identity{Name: "root", Role: farm.RoleAdmin}
	for i := range 50 {
		name := fmt.Sprintf("w%02d", i)
		r := farm.Registration{Protocol: farm.Protocol, ID: farm.WorkerID("worker-" + name), Name: name, Slots: 1, Facts: farm.Facts{
			MemoryMB: 1000, Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, Scripts: i < 3,
		}}
		if i >= 40 {
			r.Tags = []string{"big"}
		}
		if _, err := h.m.Register(ctx, root, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.m.ChangeWorker(ctx, root, "w49", func(w *farm.Worker) { w.Enabled = false }); err != nil {
		t.Fatal(err)
	}
	if err := h.m.DeleteWorker(ctx, root, "w48"); err != nil {
		t.Fatal(err)
	}
	c := h.client(farm.RoleView)
	for _, x := range []struct {
		needs   farm.Needs
		scripts bool
		want    string
	}{
		{farm.Needs{}, false, "48 of 49 [{it is disabled 1 w49}]"},
		{farm.Needs{}, true, "3 of 49 [{it does not allow scripts 45 w03} {it is disabled 1 w49}]"},
		{farm.Needs{Tags: []string{"big"}}, false, "8 of 49 [{it lacks the tag big 40 w00} {it is disabled 1 w49}]"},
		{farm.Needs{Tags: []string{"big"}, MemoryMB: 2000}, false, "0 of 49 [{it lacks the tag big 40 w00} {it has too little memory 8 w40} {it is disabled 1 w49}]"},
	} {
		fit, err := c.FitFor(ctx, wire.FitRequest{Needs: x.needs, Scripts: x.scripts})
		if got := fmt.Sprintf("%d of %d %v", fit.Fit, fit.Online, fit.Lacks); err != nil || got != x.want {
			t.Errorf("%+v: %s, %v", x.needs, got, err)
		}
	}
}

// TestSplitOfFrames: whether frames are worth cutting, and into how many parts.
func TestSplitOfFrames(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	root := master.Identity{Name: "root", Role: farm.RoleAdmin}
	for i := range 4 {
		r := farm.Registration{Protocol: farm.Protocol, ID: farm.WorkerID(fmt.Sprintf("worker-%02d", i)), Name: fmt.Sprintf("w%02d", i), Slots: 1, Facts: farm.Facts{
			Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, Stages: []farm.Stage{farm.StageParts, farm.StageFinish},
		}}
		if i == 0 {
			r.Tags = []string{"big"}
		}
		if _, err := h.m.Register(ctx, root, r); err != nil {
			t.Fatal(err)
		}
	}
	c := h.client(farm.RoleView)
	probe := &farm.Probe{Frame: 1, Engine: "CYCLES", Width: 1920, Height: 1080, Samples: 128, Fixed: 1, Render: 600}
	big := wire.FitRequest{Needs: farm.Needs{Tags: []string{"big"}}}
	for _, x := range []struct {
		ask  wire.SplitRequest
		want string
	}{
		{wire.SplitRequest{Frames: 1}, "4 slots, probe true, tiles , samples 0: "},
		{wire.SplitRequest{Frames: 8}, "4 slots, probe false, tiles , samples 0: there are 8 of them for 4 slots"},
		{wire.SplitRequest{Frames: 1, FitRequest: big}, "1 slots, probe false, tiles , samples 0: only one slot could take it now"},
		{wire.SplitRequest{Frames: 1, Probe: probe}, "4 slots, probe true, tiles 4x3, samples 0: "},
		{wire.SplitRequest{Frames: 1, Probe: probe, Samples: true}, "4 slots, probe true, tiles , samples 8: "},
		{wire.SplitRequest{Frames: 1, Probe: &farm.Probe{Width: 9, Height: 9, Render: 2}}, "4 slots, probe true, tiles , samples 0: one takes about 2 s"},
	} {
		s, err := c.Split(ctx, x.ask)
		if got := fmt.Sprintf("%d slots, probe %t, tiles %s, samples %d: %s", s.Slots, s.Probe, s.Tiles, s.Samples, s.Why); err != nil || got != x.want {
			t.Errorf("%+v: %s, %v", x.ask, got, err)
		}
	}
	for _, bad := range []wire.SplitRequest{{}, {Frames: 1, Probe: &farm.Probe{Render: -1}}} {
		if _, err := c.Split(ctx, bad); farm.KindOf(err) == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
