package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// rows waits until a page's list has as many rows that a CSS selector finds something in.
func (b *browser) rows(n int, having string) {
	b.t.Helper()
	b.until(fmt.Sprintf("list of %d rows with %s", n, having), fmt.Sprintf(
		`document.querySelector(".list:not(.old) table") && [...document.querySelectorAll("tbody tr")].filter(r => r.querySelector(%s)).length == %d`, strconv.Quote(having), n))
}

// tick clicks a box by what it is for.
func (b *browser) tick(label string) {
	b.t.Helper()
	b.until("box "+label, `(() => {
		const e = [...document.querySelectorAll(".tick label")].find(e => e.textContent.trim() == `+strconv.Quote(label)+`);
		if (e) e.querySelector("input").click();
		return !!e;
	})()`)
}

// fill types into a field as a person does, as far as the page can tell.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.until("field "+selector, `(() => {
		const e = document.querySelector(`+strconv.Quote(selector)+`);
		if (!e) return false;
		e.value = `+strconv.Quote(text)+`;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		return true;
	})()`)
}

// enter logs the browser in.
func (b *browser) enter(f *farm) {
	b.t.Helper()
	b.visit(f.link(f.url))
	b.press("Log in")
	b.sees("In progress")
}

// TestListOfJobs: jobs are found, sorted and paged by addresses that can be kept, and many are steered at once; what is
// refused for one is told.
func TestListOfJobs(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	for i := range 119 {
		f.submitFake("1-3", func(s *nr.JobSpec) { s.Name, s.Priority, s.Key = fmt.Sprintf("reef %03d", i+1), 1+i%3, "" })
	}
	f.submitFake("1-3", func(s *nr.JobSpec) { s.Name = "<img src=x onerror=alert(1)>\u202egnp" })
	b.enter(f)
	b.press("Jobs")
	b.sees("120 jobs.", "1–100 of 120", "<img src=x onerror=alert(1)>\ufffdgnp", "reef 119")
	if n := value[int](b, `document.querySelectorAll("main img").length`); n != 0 {
		t.Errorf("a job's name made %d pictures", n)
	}
	b.press("Next")
	b.sees("101–120 of 120", "reef 020", "reef 001")
	b.visit(value[string](b, "location.href")) // as somebody who was given the address
	b.sees("101–120 of 120", "reef 020")
	b.press("Previous")
	b.sees("1–100 of 120")
	b.press("Priority")
	b.until("list sorted by priority", `document.querySelector("th[aria-sort=descending]")?.textContent.startsWith("Priority") && document.querySelector(".list:not(.old) tbody tr td.middle").textContent == "3"`)

	b.fill("input[type=search]", "reef 00")
	b.sees("9 jobs found.")
	b.visit(f.url + "/jobs?state=open&q=reef+00")
	b.rows(9, ".state.queued")
	b.tick("Select all jobs of this page")
	b.sees("9 selected")
	b.press("Pause")
	b.rows(9, ".state.paused")
	if j, err := f.client().Job(context.Background(), 9); err != nil || j.State != nr.Paused {
		t.Errorf("job 9 is %s, %v", j.State, err)
	}
	f.ok("pause", "119") // the page hears of what others do
	b.visit(f.url + "/jobs?state=paused")
	b.rows(10, ".state.paused")
	f.ok("pause", "118")
	b.rows(11, ".state.paused")

	b.visit(f.url + "/jobs")
	b.until("list", `!!document.querySelector(".list tbody tr")`)
	value[bool](b, `new MutationObserver((_, o) => { // as quick a hand as can be: in the very moment in which the button is there
		const e = [...document.querySelectorAll(".selected button")].find(e => e.textContent == "Select all 120");
		if (e) { o.disconnect(); e.click(); }
	}).observe(document.body, {childList: true, subtree: true}) === undefined`)
	b.tick("Select all jobs of this page")
	b.sees("All 120 selected")
	b.press("Resume")
	b.sees("Resumed 11 jobs; 109 were refused", "and 89 more")
	b.tick("Select all jobs of this page")
	b.press("Select all 120")
	b.until("button Priority of the selection", `(e => e && (e.click(), true))([...document.querySelectorAll(".selected button")].find(e => e.textContent == "Priority"))`)
	b.fill("#bulkprio", "42")
	b.press("Set")
	b.sees("Changed 120 jobs.")
	if j, err := f.client().Job(context.Background(), 1); err != nil || j.Priority != 42 {
		t.Errorf("the priority of job 1 is %d, %v", j.Priority, err)
	}
	b.visit(f.url + "/jobs?q=reef+119")
	b.tick("Select job 119, reef 119")
	b.press("Delete")
	answer := func(words string) {
		t.Helper()
		b.until("answer "+words, `(e => e && (e.click(), true))([...document.querySelectorAll("dialog button")].find(e => e.textContent == `+strconv.Quote(words)+`))`)
	}
	b.sees("Delete this job?")
	answer("No")
	b.press("Delete")
	answer("Delete")
	b.sees("No job is like that.")
	b.press("Show all jobs")
	b.sees("119 jobs.")

	checker := axe(t)
	b.accessible(checker, f.url+"/jobs?sort=name&q=reef+00") // few rows: it looks at each

	vera := &farm{t: t, data: t.TempDir(), url: f.url, port: f.port}
	if err := os.WriteFile(filepath.Join(vera.data, "admin-token"), []byte(f.ok("token", "create", "vera", "--role", "view")), 0o600); err != nil {
		t.Fatal(err)
	}
	viewer := openBrowser(t)
	viewer.enter(vera)
	viewer.press("Jobs")
	viewer.sees("119 jobs.")
	if n := value[int](viewer, `document.querySelectorAll("main input[type=checkbox]").length`); n != 0 {
		t.Errorf("who may only look is offered %d boxes", n)
	}
}

// TestPagesOfWorkers: a newcomer is let in as soon as it asks, workers show what they do, and admins steer and set them.
func TestPagesOfWorkers(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "100ms")
	f.submitFake("1-5000", func(s *nr.JobSpec) { s.Name = "reef" })
	b.enter(f)
	b.visit(f.url + "/add-worker")
	b.sees("Nobody now.", `netrender.exe worker --master '`+f.url+`'`, "xattr -d com.apple.quarantine netrender")
	newcomer := start(t, []string{"NETRENDER_MASTER=" + f.url}, "worker", "--data", t.TempDir(), "--name", "elm", "--fake-renderer", "100ms")
	var code string
	eventually(t, 20*time.Second, "the newcomer shows its code", func() bool {
		if m := regexp.MustCompile(`pair accept (\S+)`).FindStringSubmatch(newcomer.out.String()); m != nil {
			code = m[1]
		}
		return code != ""
	})
	b.sees(code, "elm", "wants to render")
	b.press("Accept")
	b.sees("elm is let in.", "Nobody now.")

	// What workers render is true by what happens, not only once what is read every so often is read again.
	b.until("clock", `(window.later = window.setTimeout, window.setTimeout = (f, ms) => ms >= 5000 ? 0 : window.later(f, ms), true)`)
	b.press("Workers")
	b.rows(2, ".state.working")
	for range 3 {
		const task = `document.querySelector("tbody .task").textContent`
		b.until("another frame", fmt.Sprintf(`%s != %q`, task, value[string](b, task)))
	}
	f.ok("pause", "1")
	b.rows(2, ".state.idle")
	f.ok("resume", "1")
	b.rows(2, ".state.working")
	b.until("clock", `(window.setTimeout = window.later, true)`)
	b.fill("input[type=search]", "oak linux")
	b.until("filter in the address", `location.search == "?q=oak+linux"`)
	b.rows(1, ".state.working")
	b.tick("Select oak")
	b.press("Drain")
	b.rows(1, ".state.draining")
	b.press("oak")
	b.sees("finishes what it renders", "Free disk", "Load, last hours", "at any time")
	b.press("Take work again")
	b.until("state", `!!document.querySelector(".head .state.working")`)
	b.rows(50, ".state.done") // of its history
	b.press("Older")
	b.sees("Newest")
	b.press("Failures")
	b.sees("None of its frames failed.")
	b.press("Change")
	b.fill(".fields label:nth-of-type(3) input", "big, <b>")
	b.fill(".fields label:nth-of-type(4) input", "never")
	b.press("Save")
	b.sees("never") // what is wrong with it
	b.until("problem", `!!document.querySelector(".note.bad")`)
	b.fill(".fields label:nth-of-type(4) input", "mon-sun 00:00-24:00")
	b.press("Save")
	b.sees("oak is set.", "big, <b>")
	b.press("Disable")
	b.until("answer", `(e => e && (e.click(), true))([...document.querySelectorAll("dialog button")].find(e => e.textContent == "Disable"))`)
	b.sees("disabled by")
	list, err := f.client().Workers(context.Background())
	if err != nil || len(list) != 2 || list[1].Name != "oak" || list[1].Enabled || fmt.Sprint(list[1].Tags) != "[big <b>]" {
		t.Errorf("the workers are %+v, %v", list, err)
	}
	at := value[string](b, `location.href`)
	checker := axe(t)
	for _, page := range []string{f.url + "/workers", at, f.url + "/add-worker"} {
		b.accessible(checker, page)
	}
}
