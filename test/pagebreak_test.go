package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// hide has the page believe that nobody sees it, or that somebody does again.
func (b *browser) hide(hidden bool) {
	b.t.Helper()
	b.until("page that is told", fmt.Sprintf(`(Object.defineProperty(document, "hidden", {value: %t, configurable: true}), document.dispatchEvent(new Event("visibilitychange")), true)`, hidden))
}

// TestPagesUnseen: a page that nobody sees gives its connection back, since a browser has few of them; seen again, it knows all that
// happened meanwhile.
func TestPagesUnseen(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Name = "shot" })
	b.enter(f)
	b.visit(f.url + "/jobs/" + job.ID.String())
	b.sees("queued")
	b.until("stream of events", `(window.ended = 0, EventSource.prototype.close = (whole => function () { window.ended++; return whole.call(this); })(EventSource.prototype.close), true)`)
	b.hide(true)
	b.until("stream that is closed", `window.ended == 1`)
	if _, err := f.client().PauseJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	b.hide(false)
	b.sees("paused by")
	if _, err := f.client().ResumeJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	b.until("page that follows again", `!document.body.innerText.includes("paused by")`)

	// Two people at once: what one presses when the other was quicker is answered with a sentence, and the page shows what is.
	b.hide(true)
	b.until("stream that is closed", `window.ended == 2`)
	if _, err := f.client().CancelJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	b.press("Pause")
	b.sees("canceled")
	b.until("sentence", `document.querySelector(".note.bad")?.innerText.includes("canceled")`)
	b.hide(false)
	b.sees("canceled by", "Let it go on")
}

// TestPagesOfALongLogAndAJobThatGoes: what is looked for in a log of many lines is counted while the page stays alive, and the
// page of a job that somebody else deletes says so in each of its parts.
func TestPagesOfALongLogAndAJobThatGoes(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "10ms")
	job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Name = "shot" })
	f.doneWithin(30*time.Second, job.ID)
	logs, err := filepath.Glob(filepath.Join(f.data, "master", "logs", job.ID.String(), "*", "2_*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	var text strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&text, "Fra:2 Mem:4096.00M (Peak 4096.00M) | Sample %d/300000\n", i)
		if i == 200_000 {
			text.WriteString("Error: (a+b) broke\n" + strings.Repeat("x", 5_000_000) + "\n")
		}
	}
	if err := os.WriteFile(logs[0], []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	b.enter(f)
	page := f.url + "/jobs/" + job.ID.String()
	b.visit(page + "/log/2")
	b.sees("Sample 299999/300000", "300\u202f002 lines, 1 with errors")
	b.fill("input[type=search]", "sample 12345")
	b.sees("11") // 12345 and 123450 to 123459
	b.fill("input[type=search]", "(A+B)")
	b.until("what was found", `[...document.querySelectorAll(".logtools [role=status]")].some(e => e.textContent == "1")`)
	b.press("First error")
	b.until("mark", `document.querySelector(".log .hit mark")?.textContent == "(a+b)" && document.querySelector(".log").textContent.length < 20_000`)

	tabs := []string{"", "/frames", "/frames/2", "/viewer", "/timeline", "/files", "/log/2"}
	if err := f.client().DeleteJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	b.sees("Job 1 was deleted")
	for _, tab := range tabs {
		b.visit(page + tab)
		b.sees("There is no such job")
	}
}
