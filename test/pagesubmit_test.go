package test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
)

// blend is the beginning of a file of Blender 4.2; what follows is nothing.
func blend(rest string) []byte { return []byte("BLENDER-v402" + rest) }

// folder writes files, by their paths, into a folder of its own.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// zipped writes a zip of files, in the order of their names and texts.
func zipped(t *testing.T, method uint16, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder(t, map[string][]byte{"packed.zip": b.Bytes()}), "packed.zip")
}

// choose gives files to the page, as the browser's own window does. of is the label of the field.
func (b *browser) choose(of string, files ...string) {
	b.t.Helper()
	do(b, "choosing "+strings.Join(files, ", "), chromedp.SetUploadFiles(chromedp.CSS(`input[type=file][aria-label="`+of+`"]`), files))
}

// paceCommand is an older command of browsers, which chromedp leaves out. Bytes a second; -1: as fast as it can.
var paceCommand = cdp.Command[paceParams, struct{}]{Method: "Network.emulateNetworkConditions"}

type paceParams struct {
	Offline  bool    `json:"offline"`
	Latency  float64 `json:"latency"`
	Download float64 `json:"downloadThroughput"`
	Upload   float64 `json:"uploadThroughput"`
}

// pace has the browser send so many bytes a second; 0: as fast as it can.
func (b *browser) pace(bytes float64) {
	b.t.Helper()
	if bytes == 0 {
		bytes = -1
	}
	do(b, "setting the pace", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, t, paceCommand, paceParams{Download: -1, Upload: bytes})
		return chromedp.Void{}, err
	})
}

// axed has axe look at the page as it is.
func (b *browser) axed(axe, what string) {
	b.t.Helper()
	if axe == "" {
		return
	}
	_ = do(b, "loading axe", chromedp.Evaluate[any](axe+"; 1"))
	for _, wrong := range do(b, "running axe", chromedp.Evaluate[[]string](
		`axe.run().then(r => r.violations.map(v => v.impact + " " + v.id + ": " + v.nodes.map(n => n.html).join(" | ")))`, chromedp.EvalAwaitPromise)) {
		b.t.Errorf("%s: %s", what, wrong)
	}
}

const (
	chooseFiles  = "Choose files: files"
	chooseFolder = "Choose a folder: a folder"
)

// TestSubmitPage: a scene is dropped and rendered; of a folder, what a job cannot have or does not need is left out and
// named; a file that is on its way goes on after the master was gone, and is not sent twice.
func TestSubmitPage(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "20ms")
	checker := axe(t)
	b.enter(f)
	b.press("Submit a job")
	b.sees("Drop a .blend here")
	b.axed(checker, "the empty page")

	// Dropped on the list of jobs.
	b.press("Jobs")
	b.sees("No jobs yet.")
	drop := `(() => {
		const t = new DataTransfer();
		t.items.add(new File(["BLENDER-v402 of a drop"], "reef <b>1</b>.blend".replaceAll(/[<>\/]/g, "")));
		dispatchEvent(new DragEvent("dragover", {dataTransfer: t, bubbles: true, cancelable: true}));
		dispatchEvent(new DragEvent("drop", {dataTransfer: t, bubbles: true, cancelable: true}));
		return true;
	})()`
	value[bool](b, drop)
	b.sees("1 file, 22 B.", "22 B read")
	b.axed(checker, "the form")
	b.fill("#frames", "3-1")
	b.sees("Write frames as")
	b.fill("#frames", "1-3")
	b.until("options", `(e => !!e && (e.click(), true))(document.querySelector("details.more:not([open]) summary"))`)
	b.field("Priority", "7")
	value[bool](b, `(() => { // twice in one moment
		const e = [...document.querySelectorAll("main button")].find(e => e.textContent == "Start");
		e.click(); e.click();
		return true;
	})()`)
	b.sees("Latest frames", "3 of 3 frames, 100 %")
	if n := strings.Count(f.get("/jobs"), `"scene_key"`); n != 1 {
		t.Errorf("one start made %d jobs", n)
	}
	if j := f.get(b.job()); !strings.Contains(j, `"priority":7`) || !strings.Contains(j, `"blender":"4.2.0"`) || !strings.Contains(j, `"name":"reef b1b"`) {
		t.Errorf("the job is %s", j)
	}

	// A folder, with a file that takes a while.
	text := make([]byte, 32<<20) // what came of a file is made sure of every 8 MiB
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(text)
	b.press("Submit")
	b.sees("Drop a .blend here")
	b.choose(chooseFolder, folder(t, map[string][]byte{
		"reef/reef.blend": append(blend("x"), text...), "reef/lib/coral.blend": blend("y"), "reef/tex/sand.png": []byte("sand"), "reef/reef.blend1": blend("old"),
		"reef/.DS_Store": []byte("x"), "reef/tex/new\nline.png": []byte("z"), "reef/tex/\u202egnp.png": []byte("w"),
	}))
	b.sees("Which .blend is rendered?", "2 files that no scene uses", "1 file cannot go along")
	b.axed(checker, "the question")
	b.until("choice", `(e => !!e && (e.click(), true))([...document.querySelectorAll("main label")].find(e => /reef\.blend/.test(e.textContent))?.querySelector("input"))`)
	b.pace(12 << 20)
	b.press("Go on")
	b.sees("34 MB read")
	b.until("part that is sent", `document.querySelectorAll("progress")[1]?.value > 0.65`)
	b.axed(checker, "while files are sent")
	if !value[bool](b, `!dispatchEvent(new Event("beforeunload", {cancelable: true}))`) {
		t.Error("who closes the page while files are sent is not asked")
	}
	f.proc.kill()
	b.sees("this goes on by itself")
	f.start()
	b.pace(0)
	b.sees("34 MB sent")
	b.fill("#frames", "1-2")
	b.press("Start")
	b.sees("Latest frames", "2 of 2 frames, 100 %")
	if n := f.received(); n > len(text)-8<<20 {
		t.Errorf("the new master was sent %d bytes of %d", n, len(text))
	}
	files := f.get(b.job() + "/files")
	for _, path := range []string{`/reef.blend"`, `/lib/coral.blend"`, `/tex/sand.png"`, "gnp.png"} {
		if !strings.Contains(files, path) {
			t.Errorf("%s is not among the files %s", path, files)
		}
	}
	if strings.Contains(files, "line.png") || strings.Contains(files, "blend1") || strings.Contains(files, "DS_Store") {
		t.Errorf("the files are %s", files)
	}
}

// job is the path of the job whose page is shown.
func (b *browser) job() string {
	b.t.Helper()
	b.until("page of a job", `/^\/jobs\/\d+$/.test(location.pathname)`)
	return value[string](b, "location.pathname")
}

// received is how many bytes of files the master took since it was started.
func (f *farm) received() int {
	f.t.Helper()
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Get(f.url + "/metrics")
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	m := regexp.MustCompile(`(?m)^netrender_upload\S* (\S+)$`).FindStringSubmatch(text.String())
	if m == nil {
		f.t.Fatal("the master does not tell how much it received")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		f.t.Fatal(err)
	}
	return int(n)
}

// TestSubmitZip: a zip is unpacked in the browser, whichever way it was packed; one that is not what it should be is refused
// with a sentence.
func TestSubmitZip(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "20ms")
	b.enter(f)
	sand := strings.Repeat("sand ", 500_000)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		b.press("Submit")
		b.choose(chooseFiles, zipped(t, method, "reef/", "", "reef/reef.blend", string(blend(strconv.Itoa(int(method)))), "reef/tex/sand.png", sand, "__MACOSX/reef/._reef.blend", "x"))
		b.sees("2 files, 2.5 MB", "1 file that no scene uses", "2.5 MB read")
		b.fill("#frames", "1")
		b.press("Start")
		b.sees("Latest frames", "1 of 1 frame, 100 %")
	}
	if files := f.get(b.job() + "/files"); !strings.Contains(files, `"path":"reef/tex/sand.png","original":"","size":2500000`) {
		t.Errorf("the files are %s", files)
	}

	whole, err := os.ReadFile(zipped(t, zip.Deflate, "a.blend", string(blend(sand))))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(mark string, at int, to ...byte) string { // of the head that begins with mark
		broken := bytes.Clone(whole)
		for i := 0; ; {
			k := bytes.Index(broken[i:], []byte(mark))
			if k < 0 {
				break
			}
			copy(broken[i+k+at:], to)
			i += k + 4
		}
		return filepath.Join(folder(t, map[string][]byte{"broken.zip": broken}), "broken.zip")
	}
	for _, bad := range []struct{ says, file string }{
		{"leads out of it", zipped(t, zip.Store, "a.blend", "BLENDER", "../../etc/passwd", "x")},
		{"leads out of it", zipped(t, zip.Store, "a.blend", "BLENDER", `..\x`, "x")},
		{"leads out of it", zipped(t, zip.Store, "/a.blend", "BLENDER")},
		{"leads out of it", zipped(t, zip.Store, `C:\a.blend`, "BLENDER")},
		{"is encrypted", flip("PK\x01\x02", 8, 1, 0)},
		{"damaged or not whole", flip("PK\x01\x02", 24, 0xf0, 0xff, 0xff, 0xf0)}, // it claims to be 4 GB
		{"is damaged", flip("PK\x01\x02", 24, 0x10, 0, 0, 0)},                    // it is more than it says
		{"is damaged", flip("PK\x01\x02", 16, 1, 2, 3, 4)},                       // another sum
		{"not a zip", filepath.Join(folder(t, map[string][]byte{"x.zip": whole[:len(whole)/2]}), "x.zip")},
		{"no .blend", zipped(t, zip.Store, "a.png", "x")},
		{"is not a Blender file", zipped(t, zip.Store, "a.blend", "<script>")},
	} {
		b.press("Submit")
		b.sees("Submit a job")
		b.visit(f.url + "/submit")
		b.sees("Drop a .blend here")
		b.choose(chooseFiles, bad.file)
		b.sees(bad.says)
	}
	if n := strings.Count(f.get("/jobs"), `"scene_key"`); n != 2 {
		t.Errorf("there are %d jobs", n)
	}

	vera := &farm{t: t, data: t.TempDir(), url: f.url, port: f.port}
	if err := os.WriteFile(filepath.Join(vera.data, "admin-token"), []byte(f.ok("token", "create", "vera", "--role", string(nr.RoleView))), 0o600); err != nil {
		t.Fatal(err)
	}
	viewer := openBrowser(t)
	viewer.enter(vera)
	if value[bool](viewer, `!!document.querySelector('a[href="/submit"]')`) {
		t.Error("who may only look is offered to submit")
	}
	viewer.visit(f.url + "/submit")
	viewer.sees("which may not do this")
}

// TestSubmitMissing: while no worker looks, the page says why; then the form comes filled, what the scene misses is given from
// a folder, by name, and what could be several is asked.
func TestSubmitMissing(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	checker := axe(t)
	b.enter(f)
	b.press("Submit")
	b.choose(chooseFiles, filepath.Join(folder(t, map[string][]byte{"missing.blend": blend("1")}), "missing.blend"))
	b.sees("Waiting for a worker to look at the scene.", "The farm has no workers")
	b.axed(checker, "while nobody looks")
	b.fill("main label input", "by hand")
	f.worker("oak", "--fake-renderer", "20ms")
	b.sees("The scene does not render as it is.", "floor.png", "/home/artist/pictures/wall.png", "used by Image floor.png, Material Fake", "Start anyway", "250 frames; the scene has 1 to 250", "1920 × 1080")
	if name := value[string](b, `document.querySelector("main label input").value`); name != "by hand" {
		t.Errorf("what was typed became %q", name)
	}
	b.axed(checker, "with missing files")
	b.look(390, 900, true)
	b.axed(checker, "with missing files, dark, on a phone")
	b.look(1280, 900, false)

	b.choose("Add files: files", filepath.Join(folder(t, map[string][]byte{"other.png": []byte("x")}), "other.png"))
	b.sees("None of the 1 file has the name of one that is missing.")
	b.choose("Add a folder: a folder", folder(t, map[string][]byte{"x/FLOOR.png": []byte("floor"), "a/wall.png": []byte("wall a"), "b/wall.png": []byte("wall b"), "b/door.png": []byte("door")}))
	b.sees("2 missing files found among 4 files.", "1 file could be one of several: choose which.", "Look again, with 1 file")
	b.until("choice of a wall", `(e => {
		const o = [...(e?.options ?? [])].find(o => o.value.endsWith("b/wall.png"));
		if (!o) return false;
		e.value = o.value;
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})(document.querySelector(".missing select"))`)
	b.press("Look again, with 2 files")
	b.sees("The scene is ready to render.", "3 files, 24 B")
	b.axed(checker, "with a scene that is ready")
	b.fill("#frames", "1-2")
	b.press("Start")
	b.sees("Latest frames", "2 of 2 frames, 100 %")
	var list struct {
		Files []nr.File `json:"files"`
	}
	if err := json.Unmarshal([]byte(f.get(b.job()+"/files")), &list); err != nil {
		t.Fatal(err)
	}
	wall, floor := false, false
	for _, file := range list.Files {
		wall = wall || file.Original == "/home/artist/pictures/wall.png" && file.Ref == blob.RefOf([]byte("wall b")).String()
		floor = floor || file.Path == "textures/floor.png" && file.Ref == blob.RefOf([]byte("floor")).String()
	}
	if len(list.Files) != 3 || !wall || !floor {
		t.Errorf("the job's files are %+v", list.Files)
	}
	if j := f.get(b.job()); !strings.Contains(j, `"engine":"CYCLES"`) || !strings.Contains(j, `"fps":24`) || !strings.Contains(j, `"name":"by hand"`) {
		t.Errorf("the job is %s", j)
	}

	b.press("Submit")
	b.choose(chooseFiles, filepath.Join(folder(t, map[string][]byte{"broken.blend": blend("2")}), "broken.blend"))
	b.sees("Blender could not read the scene.", "is not a .blend file")
	b.axed(checker, "with a scene that cannot be read")
}
