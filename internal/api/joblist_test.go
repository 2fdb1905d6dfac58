package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestJobsSorted: pages in another order, with the count of all, and the older way of paging beside it.
func TestJobsSorted(t *testing.T) {
	h := open(t)
	ctx := within(t)
	c := h.client(farm.RoleSubmit)
	for i, name := range []string{"b", "A", "c", "a", "B"} {
		j := h.submit(fmt.Sprintf("1-%d", i+1))
		if _, err := c.ChangeJob(ctx, j.ID, wire.JobChange{Name: new(name), Priority: new(1 + i%2)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.PauseJob(ctx, 5); err != nil {
		t.Fatal(err)
	}
	list := func(f farm.JobFilter) (ids []farm.JobID) {
		t.Helper()
		f.Limit = 2
		for {
			page, err := c.Jobs(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if want := 5 - len(f.States); page.Total != want || (page.Next != 0) != (page.After != "" && (f.Sort == "" || f.Sort == farm.ByID && !f.Rising)) {
				t.Fatalf("%+v: %d in all, next %d, after %q", f, page.Total, page.Next, page.After)
			}
			for i := range page.Jobs {
				ids = append(ids, page.Jobs[i].ID)
			}
			if page.After == "" {
				return ids
			}
			sort := f.Sort
			if sort == "" {
				sort = farm.ByID
			}
			if f.Behind, err = farm.ParseJobCursor(page.After, sort, f.Rising); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []struct {
		f   farm.JobFilter
		ids []farm.JobID
	}{
		{farm.JobFilter{}, []farm.JobID{5, 4, 3, 2, 1}},
		{farm.JobFilter{Sort: farm.ByID, Rising: true}, []farm.JobID{1, 2, 3, 4, 5}},
		{farm.JobFilter{Sort: farm.ByName, Rising: true}, []farm.JobID{2, 4, 1, 5, 3}},
		{farm.JobFilter{Sort: farm.ByName}, []farm.JobID{3, 5, 1, 4, 2}},
		{farm.JobFilter{Sort: farm.ByPriority}, []farm.JobID{4, 2, 5, 3, 1}},
		{farm.JobFilter{Sort: farm.ByFrames, Rising: true}, []farm.JobID{1, 2, 3, 4, 5}},
		{farm.JobFilter{Sort: farm.ByState, Rising: true}, []farm.JobID{1, 2, 3, 4, 5}},
		{farm.JobFilter{Sort: farm.ByFrames, States: []farm.JobState{farm.Queued}}, []farm.JobID{4, 3, 2, 1}},
	} {
		if got := list(want.f); !slices.Equal(got, want.ids) {
			t.Errorf("%+v: %v, not %v", want.f, got, want.ids)
		}
	}
	if page, err := c.Jobs(ctx, farm.JobFilter{Before: 3, Limit: 1}); err != nil || page.Next != 2 || page.Jobs[0].ID != 2 || page.Total != 5 {
		t.Errorf("before 3: %+v, %v", page, err)
	}
	// What is said to be the default is it.
	for query, first := range map[string]farm.JobID{"sort=name": 2, "sort=created": 5, "sort=name&order=desc": 3, "order=asc": 1} {
		var page wire.JobList
		resp, text := h.send(farm.RoleView, "GET", wire.Root+"/jobs?"+query, nil)
		if err := json.Unmarshal(text, &page); resp.StatusCode != 200 || err != nil || page.Jobs[0].ID != first {
			t.Errorf("%s: %d %.200s", query, resp.StatusCode, text)
		}
	}

	other := (&farm.JobCursor{Sort: farm.ByName, ID: 1}).String()
	for _, query := range []string{
		"sort=size", "sort=name&order=up", "after=x", "after=" + other, "sort=name&order=asc&after=" + other, "sort=state,name",
		"after=" + base64.RawURLEncoding.EncodeToString([]byte(`{"s":"id","i":0}`)), "after=" + base64.RawURLEncoding.EncodeToString([]byte(`{"s":"id);--","i":1}`)),
		"after=" + base64.RawURLEncoding.EncodeToString([]byte(`[]`)), "after=" + url.QueryEscape("ä/+=="), "state=active,gone", "limit=1001",
	} {
		resp, text := h.send(farm.RoleView, "GET", wire.Root+"/jobs?"+query, nil)
		wantProblem(t, resp, text, farm.Invalid)
	}
}
