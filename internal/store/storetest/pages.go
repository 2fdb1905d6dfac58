package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Page is what JobPage is to give of all jobs: the plain way.
func Page(jobs []farm.Job, f farm.JobFilter) (p farm.JobPage) {
	if f.Sort == "" {
		f.Sort, f.Rising = farm.ByID, false
	}
	compare := func(a, b *farm.JobCursor) int {
		c := cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Text, b.Text), cmp.Compare(a.ID, b.ID))
		if !f.Rising {
			c = -c
		}
		return c
	}
	var places []farm.JobCursor
	byID := map[farm.JobID]farm.Job{}
	for i := range jobs {
		j := &jobs[i]
		if j.Inspect != f.Inspect || len(f.States) > 0 && !slices.Contains(f.States, j.State) || f.Owner != "" && f.Owner != j.Owner ||
			!strings.Contains(strings.ToLower(j.Name), strings.ToLower(f.Text)) {
			continue
		}
		p.Total++
		c := placeOf(j, f.Sort)
		if c.Rising = f.Rising; (f.Before == 0 || j.ID < f.Before) && (f.Behind == nil || compare(&c, f.Behind) > 0) {
			places, byID[j.ID] = append(places, c), *j
		}
	}
	slices.SortFunc(places, func(a, b farm.JobCursor) int { return compare(&a, &b) })
	if n := max(f.Limit, 1); len(places) > n {
		p.After, places = &places[n-1], places[:n]
	}
	for _, c := range places {
		p.Jobs = append(p.Jobs, byID[c.ID])
	}
	return p
}

func placeOf(j *farm.Job, sort farm.JobSort) farm.JobCursor {
	c := farm.JobCursor{Sort: sort, ID: j.ID}
	at := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMicro()
	}
	switch sort {
	case farm.ByID:
		c.Number = int64(j.ID)
	case farm.ByCreated:
		c.Number = at(j.Created)
	case farm.ByStarted:
		c.Number = at(j.Started)
	case farm.ByEnded:
		c.Number = at(j.Ended)
	case farm.ByName:
		c.Text = strings.ToLower(j.Name)
	case farm.ByOwner:
		c.Text = j.Owner
	case farm.ByState:
		order := []farm.JobState{farm.Active, farm.Queued, farm.Collecting, farm.Paused, farm.Failed, farm.Canceled, farm.Done}
		c.Number = int64(slices.Index(order, j.State))
	case farm.ByPriority:
		c.Number = int64(j.Priority)
	case farm.ByProgress:
		if j.Total > 0 {
			c.Number = int64(10_000 * j.Done / j.Total)
		}
	case farm.ByFrames:
		c.Number = int64(j.Total)
	case farm.ByFailed:
		c.Number = int64(j.Progress.Failed)
	case farm.ByMachine:
		c.Number = int64(j.Machine)
	}
	return c
}

// theScene is what all of jobPages' jobs render.
var theScene = strings.Repeat("ab", 32)

// jobPages: whatever a list is sorted and filtered by, its pages are the plain way's, with many equal ones at the seams,
// where few are selected and where many are.
func jobPages(t *testing.T, s Store) {
	const n = 3400
	var jobs []farm.Job
	var changes []farm.Change
	states := farm.JobStates()
	for i := range n {
		j := newJob(farm.JobID(i+1), 1+i%9)
		j.Name, j.Owner, j.Priority = fmt.Sprintf("Shot_%d%%", i*7%50), []string{"ann", "bob", "Eve", ""}[i%4], 1+i*i%5
		j.Created = noon.Add(-time.Duration(i*i%7) * time.Hour)
		j.Progress = farm.Progress{Total: 1 + i%9, Done: i % 5, Failed: i % 3, Machine: float64(i*13%100) + .5}
		if i%2 == 0 {
			j.Started = noon.Add(time.Duration(i%11) * time.Minute)
		}
		jobs, changes = append(jobs, j), append(changes, farm.JobAdd{Job: j, Files: []farm.File{{Path: j.Blend, Ref: theScene}}})
	}
	apply(t, s, changes...)
	changes = nil
	for i := range jobs { // in every state, by a mark
		j := &jobs[i]
		j.State, j.Machine = states[(i*i+i/3)%7], j.Machine+1
		if j.State.Ended() {
			j.Ended = noon.Add(time.Duration(i%13) * time.Hour)
		}
		changes = append(changes, mark(*j, 0, nil))
	}
	apply(t, s, changes...)
	apply(t, s, farm.JobDelete{ID: 1700}, farm.JobHold{ID: 5000})
	jobs = slices.Delete(jobs, 1699, 1700)

	filters := []farm.JobFilter{
		{},
		{Scene: theScene},
		{Lean: true},
		{Lean: true, States: []farm.JobState{farm.Done, farm.Canceled}},
		{States: []farm.JobState{farm.Failed, farm.Done}},
		{Owner: "ann"},
		{Text: "shot_1"},
		{Text: "_4%"},
		{Before: 2000},
		{States: []farm.JobState{farm.Active}, Owner: "bob", Text: "SHOT"},
		{Owner: "nobody"},
		{Text: `\`},
	}
	for _, sort := range append(farm.JobSorts(), "") {
		for i, f := range filters {
			f.Sort, f.Rising, f.Limit = sort, i%2 == len(sort)%2 && sort != "", []int{1000, 333}[i%2]
			for page := 0; ; page++ {
				got, want := must(s.JobPage(ctx, f))(t), Page(jobs, f)
				what := fmt.Sprintf("page %d by %q, %+v", page, sort, f)
				same(t, what+": ids", ids(want.Jobs), ids(got.Jobs))
				if f.Lean {
					want.Total = 0
				}
				if got.Total != want.Total || got.After.String() != want.After.String() {
					t.Fatalf("%s: %d in all, after %+v; not %d and %+v", what, got.Total, got.After, want.Total, want.After)
				}
				if page == 0 && len(got.Jobs) > 0 {
					same(t, what, want.Jobs[0], got.Jobs[0])
				}
				if f.Behind = got.After; f.Behind == nil {
					break
				}
			}
		}
	}
}
