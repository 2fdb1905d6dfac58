package test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSubmitOptions: the page offers what fits the scene that a worker found - tiles, parts of the samples, a film, what becomes of
// simulations - and the job is what was chosen, also where the farm finds out into how many tiles a frame is cut.
func TestSubmitOptions(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "20ms")
	checker := axe(t)
	b.enter(f)
	scene := func(name, says string) {
		t.Helper()
		b.press("Submit")
		b.choose(chooseFiles, filepath.Join(folder(t, map[string][]byte{name: blend(name)}), name))
		b.sees(says)
	}
	options := func(label string) string {
		t.Helper()
		return value[string](b, `[...([...document.querySelectorAll("main label")].find(l => l.textContent.startsWith("`+label+`"))?.querySelector("select").options ?? [])].map(o => o.value || "-").join(" ")`)
	}
	expect := func(what ...string) {
		t.Helper()
		j := f.get(b.job())
		for _, w := range what {
			if !strings.Contains(j, w) {
				t.Errorf("the job lacks %s: %s", w, j)
			}
		}
	}

	scene("movie cloth.blend", "Not baked: cloth on Shirt. Every frame would show the state of the first.")
	if got := options("Simulations"); got != "- bake order" {
		t.Errorf("what may become of the cloth: %s", got)
	}
	b.until("film of a scene that writes a movie", `[...document.querySelectorAll("main label")].find(l => l.textContent.startsWith("Film"))?.querySelector("select").value == "auto"`)
	b.fill("#frames", "1")
	b.until("no film and no cloth where there is one frame", `!/Film of the frames|Not baked/.test(document.querySelector(".jobform").innerText)`)
	b.fill("#frames", "1-3")
	b.field("Simulations", "bake")
	b.sees("cloth on Shirt: computed first")
	b.field("Multilayer EXR", "none")
	b.until("box of the outputs", `(e => (e.click(), !e.checked))([...document.querySelectorAll("label.box")].find(l => l.textContent.includes("itself writes")).querySelector("input"))`)
	b.sees("A film is made of the pictures that the scene writes, or of the EXRs: keep one of them.")
	b.field("Multilayer EXR", "full")
	b.axed(checker, "with all that fits the scene")
	b.press("Start")
	b.sees("About the job", "3 of 3 frames")
	expect(`"bakes":[[{"kind":"cloth","owner":"Shirt","name":"Cloth","start":1,"end":250}]]`, `"film":{}`, `"outputs":false`)

	scene("eevee.blend", "The scene is ready to render.")
	if got := options("Each frame"); got != "- tiles" || options("Simulations") != "" {
		t.Errorf("frames of EEVEE are rendered %s; simulations %s", got, options("Simulations"))
	}
	b.field("Engine", "CYCLES")
	b.field("Each frame", "samples")
	b.field("Parts, 2 to 64", "99")
	b.sees("Write 2 to 64 parts of the samples, or auto.")
	b.field("Parts, 2 to 64", "3")
	b.fill("#frames", "1")
	b.press("Start")
	b.sees("1 of 1 frame")
	expect(`"samples_split":3`, `"engine":"CYCLES"`)

	scene("liquid.blend", "The farm cannot bake fluid in Pool (it is linked without an override).")
	if got := options("Simulations"); got != "- order" {
		t.Errorf("what may become of the liquid: %s", got)
	}
	b.field("Each frame", "tiles")
	b.field("Simulations", "order") // which has no tiles
	b.fill("#frames", "1-3")
	b.sees("one worker renders all frames from the first on")
	b.press("Start")
	b.sees("3 of 3 frames")
	expect(`"in_order":true`)
	if j := f.get(b.job()); strings.Contains(j, `"tiles"`) {
		t.Errorf("frames in order have tiles: %s", j)
	}

	f.worker("elm", "--fake-renderer", "12s", "--fake-size", "192", "--slots", "3")
	eventually(t, 20*time.Second, "the workers are there", func() bool { return strings.Count(f.get("/workers"), `"online":true`) == 2 })
	for _, x := range []struct{ on, says, job string }{
		{"elm", "Each frame is rendered in 2x3 tiles: one would take about", `"tiles":"2x3"`},
		{"oak", "Frames are rendered whole: only one slot could take it now.", `"frames":"1"`},
	} {
		scene("still "+x.on+".blend", "The scene is ready to render.")
		b.field("Each frame", "tiles")
		b.field("Tiles, as", "0x")
		b.sees("Write tiles as 4x3")
		b.field("Tiles, as", "auto")
		b.field("Pixels rendered around a tile", "8")
		b.field("Only these workers", x.on)
		b.until("name of a worker that may", `document.querySelector(".chips")?.textContent == "`+x.on+`"`)
		b.fill("#frames", "1")
		b.press("Start")
		b.sees(x.says, "About the job")
		expect(x.job)
		if whole := !strings.Contains(x.job, "tiles"); whole == strings.Contains(f.get(b.job()), `"overscan":8`) {
			t.Errorf("overscan of %s: %s", x.on, f.get(b.job()))
		}
	}
	if list := f.get("/jobs?inspections=1"); regexp.MustCompile(`"probe":true`).MatchString(list) {
		t.Errorf("probes are still there: %s", list)
	}
}
