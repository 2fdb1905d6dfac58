package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// All words of a command are read before anything is done.
func TestSteeringIsNotHalfDone(t *testing.T) {
	f := startFarm(t)
	one, two := f.submit("1-3", true), f.submit("1-3", true)
	for _, verb := range []string{"cancel", "pause", "resume", "delete"} {
		contains(t, f.fails(exitUsage, verb+" 1 x"), `"x" is not a job number`)
		if job := f.job(one.ID); job.State != farm.Collecting {
			t.Errorf("%s 1 x made job 1 %s", verb, job.State)
		}
	}
	// What is refused for one job does not keep it from the others.
	errs := f.fails(exitFailed, "pause 1 99 2")
	contains(t, errs, "99")
	plain(t, errs)
	if f.job(one.ID).State != farm.Paused || f.job(two.ID).State != farm.Paused {
		t.Errorf("job 1 is %s, job 2 %s", f.job(one.ID).State, f.job(two.ID).State)
	}
	f.ok("delete 1 2 --yes")
	contains(t, f.ok("jobs"), "No jobs")
}

// Jobs may be selected instead of named.
func TestSteeringMany(t *testing.T) {
	f := startFarm(t)
	for range 3 {
		f.submit("1-3", false)
	}
	contains(t, f.ok("pause --state queued --name shot"), "job 3 paused", "job 2 paused", "job 1 paused")
	contains(t, f.ok("pause --state queued"), "No such jobs.")
	f.ok("cancel 2")
	contains(t, f.fails(exitFailed, "resume --state paused,canceled"), "job 2 is canceled")
	if f.job(1).State != farm.Queued || f.job(3).State != farm.Queued {
		t.Errorf("job 1 is %s, job 3 %s", f.job(1).State, f.job(3).State)
	}
	contains(t, f.ok("jobs --sort state"), "queued", "canceled")
	contains(t, f.fails(exitUsage, "jobs --sort size"), "sorted by one of id, created")
	contains(t, f.ok("jobs --sort frames --limit 2"), "of 3 jobs", "--after")
	contains(t, f.fails(exitUsage, "pause"), "which jobs?")
	contains(t, f.fails(exitUsage, "pause 1 --state queued"), "name jobs by their numbers, or")
	contains(t, f.fails(exitUsage, "delete --state gone"), "not \"gone\"")
	contains(t, f.ok("delete --state queued,canceled --json"), `"state":"deleted"`, `"id":2`)
	contains(t, f.ok("jobs"), "No jobs")
}

func TestPauseAndResume(t *testing.T) {
	f := startFarm(t)
	job := f.submit("1-20", false)
	contains(t, f.ok("pause 1"), "job 1 paused")
	f.worker("oak", time.Millisecond)
	contains(t, f.ok("job 1 --why"), "resume 1 lets it go on")
	contains(t, f.fails(exitFailed, "fetch 1 -o "+t.TempDir()), "20 frames of job 1 are not rendered yet: 1-20", "netrender resume 1")
	contains(t, f.ok("resume 1"), "job 1 goes on")
	f.until(job.ID, farm.Done)
	contains(t, f.fails(exitFailed, "resume 1"), "job 1 is done")
}

func TestRetry(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", time.Millisecond)
	job := f.submit("1-6", false)
	f.until(job.ID, farm.Done)
	contains(t, f.fails(exitFailed, "retry 1"), "no failed frames", "--all")
	contains(t, f.fails(exitFailed, "retry 1 -f 7"), "no frame 7")
	contains(t, f.fails(exitUsage, "retry 1 --failed --all"), "use one of")
	f.ok("worker-set oak enabled=no")
	contains(t, f.ok("retry 1 -f 2-3"), "job 1 has 2 frames to render")
	contains(t, f.ok("job 1"), "active", "4/6", "waiting: 2-3")
	f.ok("cancel 1")
	contains(t, f.fails(exitFailed, "watch 1"), "job 1 was canceled", "netrender retry 1")
	contains(t, f.ok("retry 1"), "job 1 has 2 frames to render")
	f.ok("worker-set oak enabled=yes")
	f.until(job.ID, farm.Done)
	contains(t, f.ok("retry 1 --all"), "job 1 has 6 frames to render")
	f.until(job.ID, farm.Done)
}

func TestWorkerSet(t *testing.T) {
	f := startFarm(t)
	w := f.worker("oak", time.Millisecond)
	contains(t, f.ok("worker-set oak tags=gpu,big name=elm"), "worker elm changed: online")
	if got := f.seen("elm"); strings.Join(got.Tags, " ") != "gpu big" {
		t.Errorf("%+v", got.Tags)
	}
	contains(t, f.ok("worker-set elm enabled=no"), "worker elm changed: disabled")
	contains(t, f.ok("workers"), "elm is disabled: disabled by admin", "netrender worker-set elm enabled=yes")
	contains(t, f.ok("worker-set elm enabled=yes drain=yes"), "worker elm changed: draining")
	for line, want := range map[string]string{
		"worker-set elm bogus":         `"bogus" is not name=value`,
		"worker-set elm enabled=maybe": `enabled is yes or no, not "maybe"`,
		"worker-set elm colour=red":    `a worker has no setting "colour"`,
		"worker-set elm delete now":    "delete stands alone",
	} {
		errs := f.fails(exitUsage, line)
		contains(t, errs, want)
		plain(t, errs)
	}
	w.stop()
	if code := <-w.done; code != exitDone {
		t.Errorf("the worker ended with %d", code)
	}
	w.done <- 0
	if f.seen("elm").Online { // it said goodbye
		t.Error("a worker that left is online")
	}
	contains(t, f.ok("worker-set elm delete"), "worker elm is forgotten")
	contains(t, f.ok("workers"), "No workers")
}

func TestRules(t *testing.T) {
	f := startFarm(t)
	contains(t, f.ok("rules"), "cap            0.75", "heartbeat_ms   5000")
	contains(t, f.ok("rules cap=0.5 attempts=5"), "cap            0.5", "attempts       5")
	contains(t, f.ok("rules"), "cap            0.5", "attempts       5", "new_frames     1")
	for line, want := range map[string]string{
		"rules cap=much": `cap is a number, not "much"`, "rules colour=red": `there is no rule "colour"`,
		"rules cap=7": "cap", "rules attempts=9 colour=red": "colour",
	} {
		errs := f.fails(exitUsage, line)
		contains(t, errs, want)
		plain(t, errs)
	}
	contains(t, f.ok("rules"), "attempts       5")
}

func TestSet(t *testing.T) {
	f := startFarm(t)
	f.submit("1-3", true)
	contains(t, f.ok("set 1 priority=3 name=film allow=oak,elm"), "job 1 changed")
	job := f.job(1)
	if job.Priority != 3 || job.Name != "film" || fmt.Sprint(job.Needs.Allow) != "[oak elm]" {
		t.Errorf("%+v", job.JobSpec)
	}
	for line, want := range map[string]string{"set 1 name=": "a job's name is", "set 1 priority=101": "a priority is"} {
		errs := f.fails(exitUsage, line)
		contains(t, errs, want)
		plain(t, errs)
	}
	if job := f.job(1); job.Name != "film" {
		t.Errorf("its name is %q", job.Name)
	}
	f.ok("cancel 1")
	contains(t, f.ok("set 1 name=old"), "job 1 changed")
	contains(t, f.ok("job 1"), "1  old", "canceled")
	contains(t, f.fails(exitFailed, "cancel 1"), "job 1 is canceled", "netrender delete 1")
	contains(t, f.fails(exitFailed, "resume 1"), "job 1 is canceled", "netrender retry 1")
}

// TestJobsByPages: older jobs are found, and are spoken of only when there are any.
func TestJobsByPages(t *testing.T) {
	f := startFarm(t)
	for range 5 {
		f.submit("1-3", true)
	}
	if text := f.ok("jobs --limit 5"); strings.Contains(text, "older") {
		t.Errorf("there are no older ones:\n%s", text)
	}
	text := f.ok("jobs --limit 2 --state collecting,paused")
	contains(t, text, "... and older ones: netrender jobs --limit 2 --state collecting,paused --before 4\n")
	seen := 0
	for page := text; ; {
		seen += strings.Count(page, "collecting  ")
		_, next, more := strings.Cut(page, "older ones: netrender ")
		if !more {
			break
		}
		page = f.ok(strings.TrimSpace(next))
	}
	if seen != 5 {
		t.Errorf("%d jobs on all pages", seen)
	}
	contains(t, f.ok("jobs --before 1"), "No such jobs")
	contains(t, f.fails(exitUsage, "jobs --before x"), `"x" is not a job number`)
	contains(t, f.fails(exitUsage, "jobs --state lost"), `not "lost"`)
}
