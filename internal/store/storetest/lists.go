package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func jobLists(t *testing.T, s Store) {
	var all []farm.Job
	var changes []farm.Change
	for id := farm.JobID(1); id <= 60; id++ {
		j := newJob(id, int(id))
		j.State = farm.JobStates()[int(id)%7]
		j.Owner = []string{"anna", "bert"}[id%2]
		j.Name = fmt.Sprintf("%s %d", []string{"Ärger", "100% \\ done_", "Löwe"}[id%3], id)
		all = append(all, j)
		changes = append(changes, farm.JobAdd{Job: j})
	}
	apply(t, s, changes...)
	slices.Reverse(all)
	for _, f := range []farm.JobFilter{
		{Limit: 1000},
		{Limit: 7},
		{Limit: 7, Before: 30},
		{Limit: 7, Before: 1},
		{Limit: 9, Owner: "anna"},
		{Limit: 9, Owner: "Anna"},
		{Limit: 9, States: []farm.JobState{farm.Done}},
		{Limit: 11, States: []farm.JobState{farm.Done, farm.Failed, farm.Active, farm.Done}},
		{Limit: 1000, States: farm.JobStates()},
		{Limit: 9, Text: "ärg"},
		{Limit: 9, Text: "LÖWE 5"},
		{Limit: 9, Text: "100%"},
		{Limit: 9, Text: "0%1"},
		{Limit: 9, Text: `\ d`},
		{Limit: 9, Text: "done_"},
		{Limit: 9, Text: "don__"},
		{Limit: 9, Text: "'"},
		{Limit: 3, Text: "w", Owner: "bert", States: []farm.JobState{farm.Done, farm.Queued}, Before: 50},
	} {
		var want []farm.JobID
		for _, j := range all {
			if (len(f.States) == 0 || slices.Contains(f.States, j.State)) && (f.Owner == "" || j.Owner == f.Owner) &&
				strings.Contains(strings.ToLower(j.Name), strings.ToLower(f.Text)) && (f.Before == 0 || j.ID < f.Before) && len(want) < f.Limit {
				want = append(want, j.ID)
			}
		}
		same(t, fmt.Sprintf("%+v", f), want, ids(must(s.Jobs(ctx, f))(t)))
	}
	same(t, "all", all, must(s.Jobs(ctx, farm.JobFilter{Limit: 1000}))(t))
	// A new name and state are found, the old ones not.
	j := all[0]
	j.Name, j.State = "Fresh", farm.Failed
	apply(t, s, farm.JobSet{Job: j})
	same(t, "the new name", []farm.JobID{60}, ids(must(s.Jobs(ctx, farm.JobFilter{Text: "fresh", States: []farm.JobState{farm.Failed}, Limit: 5}))(t)))
	same(t, "the old name", []farm.JobID{}, ids(must(s.Jobs(ctx, farm.JobFilter{Text: strings.Fields(all[0].Name)[0] + " 60", Limit: 5}))(t)))
}

// scenes finds jobs by the bytes of their .blend.
func scenes(t *testing.T, s Store) {
	var changes []farm.Change
	add := func(id farm.JobID, ref string) farm.Job {
		j := newJob(id, 1)
		j.State = farm.JobStates()[int(id)%7]
		files := []farm.File{{Path: "a.png", Original: "/a.png", Ref: scene("b")}, {Path: j.Blend, Original: "/x.blend", Ref: ref}}
		changes = append(changes, farm.JobAdd{Job: j, Files: files})
		return j
	}
	for id := farm.JobID(1); id <= 30; id++ {
		add(id, scene(string("abc"[id%3])))
	}
	odd := newJob(31, 1)
	changes = append(changes, farm.JobAdd{Job: odd, Files: []farm.File{{Path: "other.blend", Original: "/x.blend", Ref: scene("a")}}})
	apply(t, s, changes...)
	find := func(f farm.JobFilter) []farm.JobID { return ids(must(s.Jobs(ctx, f))(t)) }
	same(t, "of a scene", []farm.JobID{28, 25, 22, 19, 16, 13, 10, 7, 4, 1}, find(farm.JobFilter{Scene: scene("b"), Limit: 100}))
	same(t, "a page of them", []farm.JobID{13, 10}, find(farm.JobFilter{Scene: scene("b"), Before: 16, Limit: 2}))
	same(t, "in a state", []farm.JobID{28, 7}, find(farm.JobFilter{Scene: scene("b"), States: farm.JobStates()[:1], Limit: 9}))
	same(t, "in two states", []farm.JobID{28, 22, 7, 1}, find(farm.JobFilter{Scene: scene("b"), States: farm.JobStates()[:2], Limit: 9}))
	same(t, "of no scene", []farm.JobID{}, find(farm.JobFilter{Scene: scene("d"), Limit: 9}))
	j := must(s.Job(ctx, 28))(t)
	j.Priority = 9
	apply(t, s, farm.JobDelete{ID: 25}, farm.JobSet{Job: j}) // a job that is changed stays of its scene
	same(t, "with one deleted and one changed", []farm.JobID{28, 22}, find(farm.JobFilter{Scene: scene("b"), Limit: 2}))
	changes = nil
	add(22, scene("d"))
	apply(t, s, changes...)
	same(t, "with one written anew", []farm.JobID{28, 19}, find(farm.JobFilter{Scene: scene("b"), Limit: 2}))
	same(t, "and that one", []farm.JobID{22}, find(farm.JobFilter{Scene: scene("d"), Limit: 2}))
}

// scene is the SHA-256 of a scene.
func scene(letter string) string { return strings.Repeat(letter, 64) }

func keys(t *testing.T, s Store) {
	a, b, c := newJob(1, 1), newJob(2, 1), newJob(3, 1)
	a.Key, b.Key = "key", "key "
	apply(t, s, farm.JobAdd{Job: a}, farm.JobAdd{Job: b}, farm.JobAdd{Job: c}, farm.JobAdd{Job: newJob(4, 1)})
	same(t, "job of the key", farm.JobID(1), must(s.JobByKey(ctx, "key"))(t))
	same(t, "job of the other key", farm.JobID(2), must(s.JobByKey(ctx, "key "))(t))
	for _, key := range []string{"", "KEY", "nothing"} {
		_, err := s.JobByKey(ctx, key)
		isKind(t, err, farm.NotFound)
	}
	c.Key = "key"
	isKind(t, s.Apply(ctx, []farm.Change{farm.JobSet{Job: c}}), farm.Internal)
	apply(t, s, farm.JobDelete{ID: 1})
	_, err := s.JobByKey(ctx, "key")
	isKind(t, err, farm.NotFound)
	apply(t, s, farm.JobSet{Job: c})
	same(t, "job of the key, given anew", farm.JobID(3), must(s.JobByKey(ctx, "key"))(t))
}

func manifests(t *testing.T, s Store) {
	var files []farm.File
	for i := range 1300 {
		files = append(files, farm.File{Path: fmt.Sprintf("%c/%d", []rune("aAéZ_✓")[i%6], i), Size: int64(i), Ref: fmt.Sprint(i)})
	}
	n := 0
	files[3].First, files[4].Last = &n, &n // 0 is a frame, not nothing
	apply(t, s, farm.JobAdd{Job: newJob(1, 1), Files: files}, farm.JobAdd{Job: newJob(2, 1), Files: []farm.File{{Path: "b"}}})
	slices.SortFunc(files, func(a, b farm.File) int { return strings.Compare(a.Path, b.Path) })
	var got []farm.File
	for after := ""; ; {
		page := must(s.Manifest(ctx, 1, after, 99))(t)
		got = append(got, page...)
		if len(page) < 99 {
			break
		}
		after = page[98].Path
	}
	same(t, "files page by page", files, got)
	isKind(t, s.Apply(ctx, []farm.Change{farm.JobAdd{Job: newJob(3, 1), Files: []farm.File{{Path: "x"}, {Path: "x"}}}}), farm.Internal)
	apply(t, s, farm.JobAdd{Job: newJob(4, 1), Files: []farm.File{{Path: "y", Ref: "twice"}, {Path: "x", Ref: "twice"}}})
	for _, c := range []struct {
		job       farm.JobID
		ref, path string
	}{{1, "0", "a/0"}, {2, "0", ""}, {2, "", "b"}, {4, "twice", "x"}, {1, "twice", ""}, {9, "0", ""}} {
		same(t, "path of "+c.ref, c.path, must(s.PathOf(ctx, c.job, c.ref))(t))
	}
	cache := func(path, ref string) farm.File { return farm.File{Path: path, Ref: ref, Bake: 2} }
	put := farm.FilesPut{Job: 4, Bake: 2, Files: []farm.File{cache("z/1", "one"), cache("z/2", "twice")}, Whole: true}
	apply(t, s, put)
	same(t, "bakes of a blob", []int{0, 2}, must(s.BakesOf(ctx, 4, "twice"))(t))
	same(t, "bakes of a cache", []int{2}, must(s.BakesOf(ctx, 4, "one"))(t))
	apply(t, s, farm.FilesPut{Job: 4, Bake: 2, Files: []farm.File{cache("z/1", "other"), cache("z/3", "three")}})
	same(t, "files after more of a bake", []farm.File{{Path: "x", Ref: "twice"}, {Path: "y", Ref: "twice"}, cache("z/1", "other"), cache("z/2", "twice"), cache("z/3", "three")},
		must(s.Manifest(ctx, 4, "", 9))(t))
	put.Files = []farm.File{cache("z/9", "nine")}
	apply(t, s, put, put, farm.FilesPut{Job: 9, Bake: 1, Files: []farm.File{{Path: "of no job", Bake: 1}}})
	same(t, "files after another bake", []farm.File{{Path: "x", Ref: "twice"}, {Path: "y", Ref: "twice"}, cache("z/9", "nine")}, must(s.Manifest(ctx, 4, "", 9))(t))
	apply(t, s, farm.JobDelete{ID: 4})
	same(t, "path in a deleted job", "", must(s.PathOf(ctx, 4, "twice"))(t))
}

func deletes(t *testing.T, s Store) {
	for id := farm.JobID(1); id <= 2; id++ {
		j := newJob(id, 100)
		j.Key = fmt.Sprint("key", id)
		apply(t, s, farm.JobAdd{Job: j, Files: []farm.File{{Path: "a"}}}, done(id, int64(10*id), 0), failed(id, int64(10*id+1), 1),
			farm.LeaseAdd{Lease: farm.Lease{ID: farm.LeaseID(id), Job: id}})
	}
	apply(t, s, done(1, 50, 5), farm.JobMark{ID: 1, State: farm.Active}, farm.JobDelete{ID: 1}, farm.LeaseEnd{ID: 1})
	absent(t, s, 1)
	st := must(s.Load(ctx, 0))(t)
	if len(st.Jobs) != 1 || len(st.Leases) != 1 || st.Jobs[0].Finished.Count() != 1 || len(must(s.Manifest(ctx, 2, "", 9))(t)) != 1 {
		t.Fatalf("the other job: %+v", st)
	}
	// The same once more when nothing of the job is left.
	apply(t, s, done(77, 90, 5), failed(77, 91, 6), farm.LeaseAdd{Lease: farm.Lease{ID: 7, Job: 77}}, mark(newJob(77, 1), 0, nil), farm.JobDelete{ID: 77})
	absent(t, s, 77)
	// What comes after the deletion finds no job.
	apply(t, s, farm.JobMark{ID: 1, State: farm.Active}, farm.JobSet{Job: newJob(1, 1)})
	absent(t, s, 1)
}

func absent(t *testing.T, s Store, id farm.JobID) {
	t.Helper()
	_, err := s.Job(ctx, id)
	isKind(t, err, farm.NotFound)
	_, err = s.LoadJob(ctx, id)
	isKind(t, err, farm.NotFound)
	for _, f := range []farm.AttemptFilter{{}, {Accepted: true}, {Failed: true}, {Frames: farm.Frames(1, 2)}} {
		f.Job, f.Limit = id, 9
		if list := must(s.Attempts(ctx, f))(t); len(list) > 0 {
			t.Fatalf("attempts of a deleted job: %v", seqs(list))
		}
	}
	if list := must(s.Manifest(ctx, id, "", 9))(t); len(list) > 0 {
		t.Fatal("files of a deleted job")
	}
	if list := must(s.Jobs(ctx, farm.JobFilter{Limit: 1000}))(t); slices.Contains(ids(list), id) {
		t.Fatal("a deleted job is listed")
	}
	for _, l := range must(s.Load(ctx, 0))(t).Jobs {
		if l.Job.ID == id {
			t.Fatal("a deleted job is loaded")
		}
	}
}

// held: a job that is put in piece by piece is there when it is made, and not before.
func held(t *testing.T, s Store) {
	apply(t, s, farm.JobHold{ID: 1})
	apply(t, s, done(1, 10, 0), failed(1, 11, 1))
	apply(t, s, farm.JobAdd{Job: newJob(2, 1)}) // others go on
	absent(t, s, 1)
	st := must(s.Load(ctx, 0))(t)
	if len(st.Jobs) != 1 || st.Jobs[0].Job.ID != 2 || st.NextJob != 3 {
		t.Errorf("before it is made: %+v", st)
	}
	apply(t, s, done(1, 12, 2), mark(newJob(1, 1), 0, nil), farm.JobSet{Job: newJob(1, 1)}) // it makes none
	absent(t, s, 1)
	apply(t, s, farm.JobAdd{Job: newJob(1, 3)})
	if l := must(s.LoadJob(ctx, 1))(t); l.Finished.Count() != 2 || len(l.Tried) != 1 {
		t.Errorf("what came before it: %+v", l)
	}
	apply(t, s, farm.JobHold{ID: 5}, done(5, 20, 0))
	apply(t, s, farm.JobDelete{ID: 5})
	absent(t, s, 5)
	apply(t, s, farm.JobHold{ID: 7}, farm.JobDelete{ID: 7})
	if next := must(s.Load(ctx, 0))(t).NextJob; next != 8 {
		t.Errorf("the next job is %d", next)
	}
}

// deletesMuch deletes a job with more rows than are swept at once, and goes on working meanwhile.
func deletesMuch(t *testing.T, s Store) {
	j := newJob(1, 10000)
	changes := []farm.Change{farm.JobAdd{Job: j}, farm.JobAdd{Job: newJob(2, 5000)}}
	for i := range 5000 {
		changes = append(changes, done(1, int64(i+1), i))
	}
	apply(t, s, changes...)
	apply(t, s, farm.JobDelete{ID: 1})
	absent(t, s, 1)
	for i := range 20 {
		apply(t, s, done(2, int64(10000+i), i))
		absent(t, s, 1)
	}
	if l := must(s.LoadJob(ctx, 2))(t); l.Finished.Count() != 20 {
		t.Fatalf("%d of 20 frames of the other job", l.Finished.Count())
	}
}

func warnings(t *testing.T, s Store) {
	apply(t, s, farm.JobAdd{Job: newJob(1, 20)}, farm.JobAdd{Job: newJob(2, 20)})
	frame := func(job farm.JobID, seq int64, frame int, outcome farm.Outcome, warnings ...string) {
		a := farm.Attempt{Job: job, Seq: seq, Frame: frame, Position: frame - 1, Lease: farm.LeaseID(seq), Outcome: outcome, Warnings: warnings}
		if outcome == farm.Rendered {
			apply(t, s, farm.FrameDone{Attempt: a})
		} else {
			apply(t, s, farm.FrameTried{Attempt: a})
		}
	}
	frame(1, 1, 5, farm.Rendered, "gone.png is missing", "a node is silent")
	frame(1, 2, 3, farm.Rendered, "gone.png is missing")
	frame(1, 3, 4, farm.Errored, "a script raised")
	frame(1, 4, 6, farm.Rendered)
	frame(1, 5, 7, farm.Superseded, "nobody cares")
	frame(2, 6, 1, farm.Rendered, "another job's")
	want := []farm.Warning{
		{Text: "gone.png is missing", Frames: 2, Frame: 3}, {Text: "a script raised", Frames: 1, Frame: 4}, {Text: "a node is silent", Frames: 1, Frame: 5},
	}
	same(t, "warnings", want, must(s.Warnings(ctx, 1))(t))
	var reset farm.Spans
	reset.Add(3)
	reset.Add(4)
	apply(t, s, farm.FrameReset{Job: 1, Positions: reset})
	same(t, "after a retry", []farm.Warning{{Text: "gone.png is missing", Frames: 1, Frame: 3}}, must(s.Warnings(ctx, 1))(t))
	apply(t, s, farm.JobDelete{ID: 1})
	same(t, "of a deleted job", []farm.Warning(nil), must(s.Warnings(ctx, 1))(t))
}

// inspections are jobs that only those see who ask for them, and that count for nothing.
func inspections(t *testing.T, s Store) {
	looks := func(id farm.JobID) farm.Job {
		j := newJob(id, 1)
		j.Inspect = true
		return j
	}
	second, fourth := looks(2), looks(4)
	fourth.State = farm.Done
	done := farm.Attempt{Seq: 1, Job: 2, Frame: 1, Lease: 1, Worker: "w", Outcome: farm.Rendered, Ended: time.Unix(1_790_000_000, 0), Seconds: 5}
	apply(t, s, farm.JobAdd{Job: newJob(1, 1)}, farm.JobAdd{Job: second}, farm.JobAdd{Job: newJob(3, 1)}, farm.JobAdd{Job: fourth}, farm.FrameDone{Attempt: done})
	ids := func(jobs []farm.Job) (list []farm.JobID) {
		for i := range jobs {
			list = append(list, jobs[i].ID)
		}
		return list
	}
	for inspect, want := range map[bool][]farm.JobID{false: {3, 1}, true: {4, 2}} {
		same(t, "listed", want, ids(must(s.Jobs(ctx, farm.JobFilter{Inspect: inspect, Limit: 10}))(t)))
		for _, sort := range farm.JobSorts() {
			f := farm.JobFilter{Inspect: inspect, Sort: sort, Limit: 1}
			var got []farm.JobID
			for range want {
				p := must(s.JobPage(ctx, f))(t)
				if got = append(got, ids(p.Jobs)...); p.Total != 2 {
					t.Errorf("by %s there are %d", sort, p.Total)
				}
				f.Behind = p.After
			}
			slices.Sort(got)
			slices.Reverse(got)
			same(t, "by "+string(sort), want, got)
		}
	}
	same(t, "one state", []farm.JobID{4}, ids(must(s.Jobs(ctx, farm.JobFilter{Inspect: true, States: []farm.JobState{farm.Done, farm.Failed}, Limit: 10}))(t)))
	same(t, "by its number", second.ID, must(s.Job(ctx, 2))(t).ID)
	same(t, "started with", 3, len(must(s.Load(ctx, 0))(t).Jobs))
	same(t, "of the worker", 0, len(must(s.WorkerAttempts(ctx, farm.WorkerAttemptFilter{Worker: "w", Limit: 10}))(t)))
	rows, total, err := s.Statistics(ctx, farm.StatFilter{By: []farm.StatKey{farm.PerJob}, From: 0, To: 1 << 30, Limit: 10})
	if err != nil || len(rows) > 0 || total != (farm.StatSum{}) {
		t.Errorf("it counts: %+v, %+v, %v", rows, total, err)
	}
}
