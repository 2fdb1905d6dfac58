package farm

import (
	"strings"
	"testing"
	"time"
)

func TestDays(t *testing.T) {
	for text, days := range map[string]float64{"never": 0, "0": 0, "90": 90, "90d": 90, "36h": 1.5, "0.5d": 0.5, "1h": 1.0 / 24, "36525d": 36525} {
		got, err := ParseDays(text)
		if err != nil || got != days {
			t.Errorf("%q: %g, %v", text, got, err)
		}
		if again, err := ParseDays(DaysText(got)); err != nil || again != got {
			t.Errorf("%q is written as %q", text, DaysText(got))
		}
	}
	for _, text := range []string{"", "d", "-1", "NaN", "1w", "Inf", "36526d", "1e9h", "nevers"} {
		if got, err := ParseDays(text); err == nil {
			t.Errorf("%q: %g", text, got)
		}
	}
}

func TestCleaningIsChecked(t *testing.T) {
	if err := (Cleaning{}).Check(); err != nil {
		t.Error(err)
	}
	for _, p := range Parts() {
		for _, spoil := range []func(r *CleanRule){
			func(r *CleanRule) { r.DoneDays = -1 }, func(r *CleanRule) { r.FailedDays = 1e9 },
			func(r *CleanRule) { r.CanceledDays = nan() }, func(r *CleanRule) { r.MaxBytes = -1 },
		} {
			var c Cleaning
			spoil(c.Rule(p))
			if err := c.Check(); KindOf(err) != Invalid {
				t.Errorf("%s: %+v was taken", p, c)
			}
		}
	}
}

func nan() float64 { z := 0.0; return z / z }

func TestWhatIsDue(t *testing.T) {
	now := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	c := Cleaning{Outputs: CleanRule{DoneDays: 60, FailedDays: 7}, Logs: CleanRule{DoneDays: 0.5}}
	job := func(s JobState, days float64, keep bool) *Job {
		return &Job{State: s, Ended: now.Add(-time.Duration(days * float64(24*time.Hour))), JobSpec: JobSpec{Keep: keep}}
	}
	for _, x := range []struct {
		part Part
		job  *Job
		rule string
	}{
		{Outputs, job(Done, 60, false), "outputs.done=60d"},
		{Outputs, job(Done, 59.99, false), ""},
		{Outputs, job(Failed, 7, false), "outputs.failed=7d"},
		{Outputs, job(Canceled, 1000, false), ""},
		{Inputs, job(Done, 1000, false), ""},
		{Logs, job(Done, 1, false), "logs.done=12h"},
		{Outputs, job(Done, 1000, true), ""},
		{Outputs, job(Active, 1000, false), ""},
		{Outputs, &Job{State: Done}, ""},
	} {
		if got := c.Due(x.part, x.job, now); got != x.rule {
			t.Errorf("%s of a job that is %s since %s: %q, not %q", x.part, x.job.State, now.Sub(x.job.Ended), got, x.rule)
		}
	}
}

func TestRemovals(t *testing.T) {
	at := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	var j Job
	j.Lose(Removal{Outputs, at, "outputs.done=60d"})
	shared := j
	j.Lose(Removal{Logs, at, "x"})
	j.Lose(Removal{Outputs, at, "outputs.max=5.0 GB"})
	if len(j.Removed) != 2 || len(shared.Removed) != 1 || shared.Lost(Outputs).Rule != "outputs.done=60d" || j.Lost(Inputs) != nil {
		t.Fatal(j.Removed, shared.Removed)
	}
	if text := j.Lost(Outputs).Sentence(); !strings.Contains(text, "its results were removed on 3 May 2026 by the rule outputs.max=5.0 GB") {
		t.Fatal(text)
	}
	if j.Regain(Outputs); j.Lost(Outputs) != nil || j.Lost(Logs) == nil {
		t.Fatal(j.Removed)
	}
}
