package test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// field writes into a form's field as a person does.
func (b *browser) field(label, text string) {
	b.t.Helper()
	b.until("field "+label, fmt.Sprintf(`(() => {
		const l = [...document.querySelectorAll("main label")].find(l => l.textContent.trim().startsWith(%q));
		const e = l && l.querySelector("input, select");
		if (!e) return false;
		e.value = %q;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, label, text))
}

// key strikes a key in what a selector names.
func (b *browser) key(selector, key string) {
	b.t.Helper()
	b.until(selector, fmt.Sprintf(`(e => !!e && (e.focus(), e.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true, cancelable: true})), true))(document.querySelector(%q))`, key, selector))
}

// TestJobPages walks through the pages of a job: its frames by keyboard, a frame, pictures and passes, times, files, the
// log, and what is changed while it runs.
func TestJobPages(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "20ms", "--fake-size", "320")
	job := f.submitFake("-2-9", func(s *nr.JobSpec) { s.Name, s.FPS = "shot <b>1</b>", 12.5 })
	b.visit(f.link(f.url))
	b.press("Log in")
	b.sees("In progress")
	page := f.url + "/jobs/" + job.ID.String()

	b.visit(page)
	b.sees("shot <b>1</b>", "12 of 12 frames, 100 %", "Latest frames", "About the job", "-2-9") // it ends before our eyes
	b.until("picture", `[...document.querySelectorAll(".pictures img")].some(i => i.complete && i.naturalWidth == 320)`)

	b.press("Frames")
	b.sees("12 done", "Frame -2: done")
	for _, k := range []string{"End", "ArrowLeft", "ArrowRight", "Home", "ArrowRight"} {
		b.key(".cells", k)
	}
	b.sees("Frame -1: done")
	b.key(".cells", "Enter")
	b.sees("Frame -1", "Last attempt", "layers_-001.exr", "99.0.0")
	b.until("picture", `(i => !!i && i.complete && i.naturalWidth == 320)(document.querySelector(".framepicture img"))`)
	b.key("main", "ArrowRight")
	b.sees("Frame 0", "layers_0000.exr")

	// What is on the screen: its picture, then a pass, darker by the exposure.
	const middle = `(c => { if (!c) return -1; const d = c.getContext("2d").getImageData(c.width / 2 + 9, c.height / 2 + 9, 1, 1).data; return d[0] + d[1] + d[2]; })(document.querySelector(".screen canvas"))`
	b.press("Viewer")
	b.until("picture in the viewer", `location.pathname.endsWith("/viewer") && `+middle+` > 20`)
	b.until("passes", `[...document.querySelectorAll("option")].some(o => o.value == "ViewLayer.Combined")`)
	b.field("Show", "ViewLayer.Combined")
	b.until("pass", `performance.getEntriesByType("resource").some(e => e.name.includes("/layer?")) && document.querySelector("output")?.textContent == "0.0" && `+middle+` > 20`) // not the picture that was there before
	bright := value[int](b, middle)
	b.field("Exposure", "-4")
	b.until("darker pass", fmt.Sprintf(`%s >= 0 && %s < %d / 2`, middle, middle, bright))
	b.field("Compare with frame", "5")
	b.sees("wipe")
	b.field("Show", "")
	b.press("Play")
	if says := value[string](b, `[...document.querySelectorAll("select")].find(s => s.closest("label").textContent.startsWith("Frames a second")).selectedOptions[0].textContent`); says != "12.5, as the scene" {
		t.Errorf("the film is played at %s", says)
	}
	b.until("film", `document.querySelector(".screen").ariaLabel.startsWith("Frame 7,")`)
	b.press("Stop")
	b.until("address of the frame that is shown", `document.querySelector(".screen").ariaLabel.startsWith("Frame " + new URL(location.href).searchParams.get("frame") + ",")`)

	b.press("Timeline")
	b.sees("By worker", "oak", "slowest")
	b.until("chart", `!!document.querySelector(".uplot canvas")`)
	b.press("Files")
	b.sees("fake.blend", "sent", "1 file")
	b.press("Log")
	b.sees("Saved: frame 9")
	b.visit(page + "/log/3")
	b.sees("Sample 0/4", "Saved: frame 3")
	b.until("search", `(e => !!e && (e.value = "saved", e.dispatchEvent(new Event("input", {bubbles: true})), true))(document.querySelector("input[type=search]"))`)
	b.until("mark", `document.querySelector(".log mark")?.textContent == "Saved"`)

	b.press("Overview")
	b.field("Priority", "5")
	b.press("Save")
	b.sees("The settings are changed.")
	b.field("Frames, as", "3-4")
	b.press("Render again")
	b.sees("Frames 3-4 are rendered again.")
	b.visit(page + "/frames/3")
	b.sees("2 attempts")
	eventually(t, 20*time.Second, "both frames are done again, with the priority that was set", func() bool {
		j, err := f.client().Job(t.Context(), job.ID)
		return err == nil && j.Priority == 5 && j.Done == 12 && j.State == nr.Done
	})

	checker := axe(t)
	for _, tab := range []string{"", "/frames", "/frames/3", "/viewer", "/timeline", "/log"} {
		b.accessible(checker, page+tab)
	}

	// Who may look only is offered nothing else.
	secret := strings.TrimSpace(f.ok("token", "create", "vera", "--role", "view"))
	out, errs, _ := run(t, []string{"NETRENDER_TOKEN=" + secret, "NETRENDER_MASTER=" + f.url, "NETRENDER_DATA=" + t.TempDir()}, "login", "--json")
	var link struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(out), &link); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	b.visit(link.URL)
	b.press("Log in")
	b.sees("vera")
	b.visit(page)
	b.sees("Your role may look only.", "About the job")
	if got := value[string](b, `[...document.querySelectorAll("main button")].map(e => e.textContent).join()`); got != "" {
		t.Errorf("who may look only is offered %s", got)
	}
}

// TestJobPagesOfARunningJob: an attempt counts once however often the page is told, and what is shown or typed stays. A film
// goes on although browsers leave out changes of the address that come too fast.
func TestJobPagesOfARunningJob(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	job := f.submitFake("1-5000")
	b.visit(f.link(f.url))
	b.press("Log in")
	b.sees("In progress")
	page := f.url + "/jobs/" + job.ID.String()

	b.visit(page + "/frames")
	b.sees("Frame 1: waiting")
	f.worker("oak", "--fake-renderer", "40ms", "--fake-size", "64")
	b.until("first frame", `document.querySelector(".cellline")?.textContent.startsWith("Frame 1: done")`)
	const done = `Number(/(\d+) done/.exec(document.querySelector("p.legend").textContent)[1])`
	for range 3 {
		b.until("more frames", fmt.Sprintf(`%s > %d`, done, value[int](b, done)))
	}
	b.until("name of the worker that came meanwhile", `document.querySelector(".cellline").textContent.includes("oak")`)
	if says := value[string](b, `document.querySelector(".cellline").textContent`); strings.Contains(says, "attempt") {
		t.Errorf("a frame that was tried once: %s", says)
	}

	b.press("Viewer")
	b.sees("Compare with frame")
	const (
		field   = `[...document.querySelectorAll("main label")].find(l => l.textContent.startsWith("Compare")).querySelector("input")`
		missing = `Number(/(\d+) frames are missing/.exec(document.querySelector("main").innerText.replaceAll("\u202f", ""))[1])`
	)
	b.until("what is being typed", `(e => (e.focus(), e.value = "12", e.dispatchEvent(new Event("input", {bubbles: true})), true))(`+field+`)`)
	for range 2 {
		b.until("page that was drawn again", fmt.Sprintf(`%s < %d`, missing, value[int](b, missing)))
	}
	if typed := value[string](b, field+`.value`); typed != "12" {
		t.Errorf("of what was typed %q is left when the page is drawn again", typed)
	}
	b.until("changes of the address, as if they were too many", `(() => {
		window.changes = 0;
		history.replaceState = () => { window.changes++; };
		window.frames = [];
		new MutationObserver(([m]) => window.frames.push(m.target.ariaLabel.split(",")[0])).observe(document.querySelector(".screen"), {attributeFilter: ["aria-label"]});
		return true;
	})()`)
	b.press("Play")
	b.until("film", `window.frames.length > 30`)
	b.press("Stop")
	if n := value[int](b, `window.changes`); n > 3 {
		t.Errorf("%d changes of the address while a film plays", n)
	}
}
