package api

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestActions: each job is answered for, what is refused for one is done to the others, and nobody steers what is not
// theirs.
func TestActions(t *testing.T) {
	h := open(t)
	ctx := within(t)
	artist, admin := h.client(farm.RoleSubmit), h.client(farm.RoleAdmin)
	for range 4 {
		h.submit("1-3")
	}
	spec, files := h.scene("1", []byte("BLENDER of 1-3"))
	spec.Name = "of the admin"
	other, err := admin.Submit(ctx, spec, files)
	if err != nil {
		t.Fatal(err)
	}
	act := func(c *wire.Client, in wire.ActionRequest) string {
		t.Helper()
		reply, err := c.Act(ctx, in)
		if err != nil {
			return string(farm.KindOf(err))
		}
		var text []string
		for _, r := range reply.Results {
			text = append(text, fmt.Sprint(r.ID, " ", r.State, r.Kind))
			if r.OK != (r.Error == "") || r.OK != (r.Kind == "") {
				t.Errorf("%+v", r)
			}
		}
		return fmt.Sprint(reply.Done, " done, ", reply.Refused, " refused: ", strings.Join(text, ", "))
	}
	ids := func(ids ...farm.JobID) []farm.JobID { return ids }
	for _, c := range []struct {
		in   wire.ActionRequest
		want string
	}{
		{wire.ActionRequest{Action: farm.ActPause, IDs: ids(2, 99, other.Job.ID, 1)}, "2 done, 2 refused: 2 paused, 99 not-found, 5 denied, 1 paused"},
		{wire.ActionRequest{Action: farm.ActResume, IDs: ids(2, 3)}, "1 done, 1 refused: 2 queued, 3 conflict"},
		{wire.ActionRequest{Action: farm.ActPriority, Priority: 7, IDs: ids(2)}, "1 done, 0 refused: 2 queued"},
		{wire.ActionRequest{Action: farm.ActPriority, IDs: ids(2)}, "invalid"},
		{wire.ActionRequest{Action: farm.ActPriority, Priority: 101, IDs: ids(2)}, "invalid"},
		{wire.ActionRequest{Action: farm.ActCancel, Filter: &wire.ActionFilter{States: []string{"queued"}}}, "3 done, 1 refused: 5 denied, 4 canceled, 3 canceled, 2 canceled"},
		{wire.ActionRequest{Action: farm.ActRetry, Filter: &wire.ActionFilter{States: []string{"canceled"}, Text: "SHOT"}}, "3 done, 0 refused: 4 queued, 3 queued, 2 queued"},
		{wire.ActionRequest{Action: farm.ActRetry, All: true, IDs: ids(1)}, "0 done, 1 refused: 1 conflict"},
		{wire.ActionRequest{Action: farm.ActCancel, IDs: ids(4)}, "1 done, 0 refused: 4 canceled"},
		{wire.ActionRequest{Action: farm.ActDelete, Filter: &wire.ActionFilter{States: []string{"canceled", "paused"}}}, "2 done, 0 refused: 4 deleted, 1 deleted"},
		{wire.ActionRequest{Action: farm.ActDelete, IDs: ids(4)}, "0 done, 1 refused: 4 not-found"},
		{wire.ActionRequest{Action: farm.ActDelete, Filter: &wire.ActionFilter{Owner: "nobody"}}, "0 done, 0 refused: "},
		{wire.ActionRequest{Action: farm.ActDelete, Filter: &wire.ActionFilter{}}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete, Filter: &wire.ActionFilter{States: []string{"any"}}}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete, Filter: &wire.ActionFilter{Scene: "../x"}}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete, IDs: ids(2), Filter: &wire.ActionFilter{Owner: "the submit"}}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete, IDs: ids(2, 2)}, "invalid"},
		{wire.ActionRequest{Action: farm.ActDelete, IDs: ids(0)}, "invalid"},
		{wire.ActionRequest{Action: "explode", IDs: ids(2)}, "invalid"},
		{wire.ActionRequest{Action: farm.ActPause, IDs: slices.Repeat(ids(2), wire.MaxActions+1)}, "too-large"},
	} {
		if got := act(artist, c.in); got != c.want {
			t.Errorf("%s %.20v, %+v: %s, not %s", c.in.Action, c.in.IDs, c.in.Filter, got, c.want)
		}
	}
	if got := act(h.client(farm.RoleView), wire.ActionRequest{Action: farm.ActPause, IDs: ids(2)}); got != "denied" {
		t.Error("a viewer:", got)
	}
	if j, err := artist.Job(ctx, 2); err != nil || j.Priority != 7 || j.State != farm.Queued {
		t.Error(j, err)
	}
	if got := act(admin, wire.ActionRequest{Action: farm.ActPause, IDs: ids(2, 5)}); got != "2 done, 0 refused: 2 paused, 5 paused" {
		t.Error("an admin:", got)
	}
}

// BenchmarkActions pauses and resumes 10,000 jobs in one call, and tells the longest that the loop let a question wait.
func BenchmarkActions(b *testing.B) {
	h := open(b)
	c := h.client(farm.RoleSubmit)
	content := []byte("BLENDER of 1")
	h.submit("1")
	ids := make([]farm.JobID, wire.MaxActions)
	spec, files := h.scene("1", content)
	for i := range ids {
		reply, err := c.Submit(within(b), spec, files)
		if err != nil {
			b.Fatal(err)
		}
		ids[i] = reply.Job.ID
	}
	for b.Loop() {
		var longest time.Duration
		over := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				began := time.Now()
				if _, err := h.m.Rules(b.Context()); err != nil {
					b.Error(err)
				}
				longest = max(longest, time.Since(began))
			}
		})
		for _, do := range []farm.JobAction{farm.ActPause, farm.ActResume} {
			reply, err := c.Act(within(b), wire.ActionRequest{Action: do, IDs: ids})
			if err != nil || reply.Done != len(ids) {
				b.Fatal(reply.Refused, err)
			}
		}
		close(over)
		asking.Wait()
		b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
	}
}
