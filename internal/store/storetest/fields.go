package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func everyField(t *testing.T, s Store) {
	f := &filler{}
	job, lease := filled[farm.Job](t, f), filled[farm.Lease](t, f)
	file := []farm.File{filled[farm.File](t, f), filled[farm.File](t, f)}
	rendered, errored := filled[farm.Attempt](t, f), filled[farm.Attempt](t, f)
	worker, token, rules := filled[farm.Worker](t, f), filled[farm.Token](t, f), filled[farm.Rules](t, f)
	login := filled[farm.Login](t, f)
	cleaning := filled[farm.Cleaning](t, f)
	target, message := filled[farm.Target](t, f), filled[farm.Message](t, f)
	file[1].Path = file[0].Path + "x" // manifests are in the order of paths
	job.LeftS, job.Stages = 0, nil    // they are not kept
	for _, a := range []*farm.Attempt{&rendered, &errored} {
		a.Stage, a.Part, a.No = "", 0, 0 // the number of the task is kept, as its frame
	}
	lease.Job, rendered.Job, errored.Job = job.ID, job.ID, job.ID
	rendered.Outcome, errored.Outcome = farm.Rendered, farm.Errored
	apply(t, s,
		farm.JobAdd{Job: job, Files: file}, farm.LeaseAdd{Lease: lease}, farm.FrameDone{Attempt: rendered},
		farm.FrameTried{Attempt: errored}, farm.WorkerSet{Worker: worker}, farm.TokenSet{Token: token}, farm.RulesSet{Rules: rules},
		farm.LoginSet{Login: login}, farm.CleaningSet{Cleaning: cleaning},
		farm.TargetSet{Target: target}, farm.PendingAdd{Pending: farm.Pending{Target: target.ID, Message: message}})

	same(t, "Job", job, must(s.Job(ctx, job.ID))(t))
	same(t, "Jobs", []farm.Job{job}, must(s.Jobs(ctx, farm.JobFilter{Inspect: job.Inspect, Limit: 10}))(t))
	same(t, "Manifest", file, must(s.Manifest(ctx, job.ID, "", 10))(t))
	same(t, "Attempts", []farm.Attempt{rendered, errored}, must(s.Attempts(ctx, farm.AttemptFilter{Job: job.ID, Limit: 10}))(t))
	want := farm.State{
		Epoch: 1, NextJob: job.ID + 1, Rules: rules, HasRule: true, Cleaning: cleaning,
		Jobs:   []farm.JobLoad{{Job: job, Finished: spans(rendered.Position), Tried: []farm.Attempt{errored}}},
		Leases: []farm.Lease{lease}, Workers: []farm.Worker{worker}, Tokens: []farm.Token{token},
		Logins: []farm.Login{login}, Targets: []farm.Target{target}, Pending: []farm.Pending{{Target: target.ID, Message: message}},
	}
	same(t, "Load", want, must(s.Load(ctx, 0))(t))
	same(t, "LoadJob", want.Jobs[0], must(s.LoadJob(ctx, job.ID))(t))

	// Replaced by others, every field changes.
	job2, worker2, token2, rules2 := filled[farm.Job](t, f), filled[farm.Worker](t, f), filled[farm.Token](t, f), filled[farm.Rules](t, f)
	lease2, login2, target2 := filled[farm.Lease](t, f), filled[farm.Login](t, f), filled[farm.Target](t, f)
	job2.LeftS, job2.Stages = 0, nil
	job2.ID, worker2.ID, token2.ID, lease2.ID, lease2.Job, login2.ID = job.ID, worker.ID, token.ID, lease.ID, job.ID, login.ID
	target2.ID = target.ID
	apply(t, s, farm.JobSet{Job: job2}, farm.WorkerSet{Worker: worker2}, farm.TokenSet{Token: token2}, farm.RulesSet{Rules: rules2},
		farm.LeaseAdd{Lease: lease2}, farm.LoginSet{Login: login2}, farm.TargetSet{Target: target2})
	want.Epoch, want.Rules, want.Leases = 2, rules2, []farm.Lease{lease2}
	want.Jobs[0].Job, want.Workers, want.Tokens = job2, []farm.Worker{worker2}, []farm.Token{token2}
	want.Logins, want.Targets = []farm.Login{login2}, []farm.Target{target2}
	same(t, "Load after all was replaced", want, must(s.Load(ctx, 0))(t))
	same(t, "Manifest after JobSet", file, must(s.Manifest(ctx, job.ID, "", 10))(t))

	// A mark changes what it names and nothing else.
	m := farm.JobMark{
		ID: job.ID, Progress: filled[farm.Progress](t, f), Reason: "waits", State: farm.Paused,
		Started: noon.Add(time.Hour).UnixMicro(), Ended: noon.Add(2 * time.Hour).UnixMicro(),
	}
	m.Progress.LeftS, m.Progress.Stages = 0, nil
	apply(t, s, m)
	job2.Progress, job2.Reason, job2.State = m.Progress, m.Reason, m.State
	job2.Started, job2.Ended = noon.Add(time.Hour), noon.Add(2*time.Hour)
	same(t, "Job after JobMark", job2, must(s.Job(ctx, job.ID))(t))
}

func zeroValues(t *testing.T, s Store) {
	job := farm.Job{ID: 1, State: farm.Collecting}
	worker, token := farm.Worker{}, farm.Token{}
	a := farm.Attempt{Job: 1, Seq: 1, Seconds: math.NaN(), Error: "a\nb", Results: []farm.Result{{}}}
	apply(t, s, farm.JobAdd{Job: job, Files: []farm.File{{}}}, farm.LeaseAdd{Lease: farm.Lease{Job: 1}}, farm.FrameTried{Attempt: a},
		farm.WorkerSet{Worker: worker}, farm.TokenSet{Token: token}, farm.LoginSet{}, farm.RulesSet{},
		farm.TargetSet{}, farm.PendingAdd{})
	a.Seconds = 0 // no database has a number for it
	same(t, "Load", farm.State{
		Epoch: 1, NextJob: 2, HasRule: true, Jobs: []farm.JobLoad{{Job: job}}, Leases: []farm.Lease{{Job: 1}},
		Workers: []farm.Worker{worker}, Tokens: []farm.Token{token}, Logins: []farm.Login{{}},
		Targets: []farm.Target{{}}, Pending: []farm.Pending{{}},
	}, must(s.Load(ctx, 0))(t))
	same(t, "Attempts", []farm.Attempt{a}, must(s.Attempts(ctx, farm.AttemptFilter{Job: 1, Limit: 1}))(t))
	apply(t, s)
	if size := must(s.Size(ctx))(t); size <= 0 {
		t.Fatalf("Size is %d", size)
	}
}

func small(t *testing.T, s Store) {
	job := newJob(1, 9)
	apply(t, s, farm.JobAdd{Job: job})
	if st := must(s.Load(ctx, 0))(t); st.HasRule {
		t.Fatal("rules that were never kept")
	}
	for _, state := range farm.JobStates() {
		job.State = state
		apply(t, s, mark(job, 0, nil))
		same(t, "state", state, must(s.Job(ctx, 1))(t).State)
	}
	apply(t, s, farm.WorkerSet{Worker: farm.Worker{ID: "b", Name: "x"}}, farm.WorkerSet{Worker: farm.Worker{ID: "a"}},
		farm.TokenSet{Token: farm.Token{ID: "u", Role: farm.RoleView}}, farm.TokenSet{Token: farm.Token{ID: "t"}},
		farm.LeaseAdd{Lease: farm.Lease{ID: 9, Job: 1, Frames: []int{-3, 7, 1}}}, farm.LeaseAdd{Lease: farm.Lease{ID: 8, Job: 1}},
		farm.LeaseAdd{Lease: farm.Lease{ID: 7, Job: 1}}, farm.LeaseEnd{ID: 7}, farm.LeaseEnd{ID: 999})
	st := must(s.Load(ctx, 0))(t)
	same(t, "leases", []farm.Lease{{ID: 8, Job: 1}, {ID: 9, Job: 1, Frames: []int{-3, 7, 1}}}, st.Leases)
	same(t, "workers", []farm.Worker{{ID: "a"}, {ID: "b", Name: "x"}}, st.Workers)
	same(t, "tokens", []farm.Token{{ID: "t"}, {ID: "u", Role: farm.RoleView}}, st.Tokens)
	apply(t, s, farm.LoginSet{Login: farm.Login{ID: "m", Token: "u"}}, farm.LoginSet{Login: farm.Login{ID: "l", Token: "t"}})
	same(t, "logins", []farm.Login{{ID: "l", Token: "t"}, {ID: "m", Token: "u"}}, must(s.Load(ctx, 0))(t).Logins)
	apply(t, s, farm.LoginDelete{ID: "m"}, farm.LoginDelete{ID: "zz"})
	same(t, "logins", []farm.Login{{ID: "l", Token: "t"}}, must(s.Load(ctx, 0))(t).Logins)
	apply(t, s, farm.WorkerDelete{ID: "a"}, farm.TokenDelete{ID: "u"}, farm.LeaseEnd{ID: 8}, farm.LeaseEnd{ID: 9},
		farm.LeaseAdd{Lease: farm.Lease{ID: 9, Job: 1, Slot: 3}}, farm.WorkerDelete{ID: "a"}, farm.TokenDelete{ID: "zz"})
	st = must(s.Load(ctx, 0))(t)
	same(t, "leases", []farm.Lease{{ID: 9, Job: 1, Slot: 3}}, st.Leases)
	same(t, "workers", []farm.Worker{{ID: "b", Name: "x"}}, st.Workers)
	same(t, "tokens", []farm.Token{{ID: "t"}}, st.Tokens)
	var many []farm.Change
	for i := range 200 {
		many = append(many, farm.LeaseAdd{Lease: farm.Lease{ID: farm.LeaseID(100 + i), Job: 1, Worker: "w"}})
	}
	apply(t, s, many...)
	if st = must(s.Load(ctx, 0))(t); len(st.Leases) != 201 {
		t.Fatalf("%d leases of 201", len(st.Leases))
	}
}
