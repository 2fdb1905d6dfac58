package test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAddonInWindow: the add-on as an artist uses it, in a Blender with a window, by keyboard and mouse.
func TestAddonInWindow(t *testing.T) {
	path := addonZip(t)
	for _, blender := range windowBlenders(t) {
		t.Run(filepath.Base(blender), func(t *testing.T) {
			w := &walk{t: t, blender: blender, home: t.TempDir(), name: "addon-" + filepath.Base(blender), began: time.Now()}
			w.desktop = openDesktop(t)
			w.farm = startFarm(t)
			w.farm.heartbeat(500)
			probed := knownBlender(t, blender)
			w.farm.workerIn(probed, "oak", "--blender", blender, "--confine", cmp.Or(os.Getenv("NETRENDER_TEST_CONFINE"), "auto")) // a script that starts Blender elsewhere cannot be confined
			if err := os.CopyFS(filepath.Join(w.home, "data", "netrender", "blenders"), os.DirFS(filepath.Join(probed, "blenders"))); err != nil {
				t.Fatal(err)
			}
			w.module = install(t, blender, w.home, wayOf(t, blender), path).Module
			w.enabling()
			w.took("set-up")
			w.open()
			w.prepare()
			w.took("start")
			w.stopped()
			w.took("F12 and Esc")
			w.frame()
			w.took("F12")
			w.animation()
			w.took("Ctrl-F12")
			w.panel()
			w.took("finding the panel")
			w.offline()
			w.took("online access")
			w.buttons()
			w.took("buttons")
			w.folds()
			w.took("panels")
			w.others()
			w.took("log and preferences")
			w.worker()
			w.took("worker")
			w.closed()
			w.took("closing while a scene is sent")
			w.again()
			w.took("Blender again")
		})
	}
}

// wayOf is how people install the add-on in a Blender: as an extension since 4.2.
func wayOf(t *testing.T, blender string) string {
	t.Helper()
	text, err := exec.Command(blender, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(text), "Blender %d.%d", &major, &minor); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if major*100+minor >= 402 {
		return "extension"
	}
	return "legacy"
}

// walk is what one artist does with one Blender.
type walk struct {
	*artist
	t       *testing.T
	desktop *desktop
	farm    *farm
	blender string
	home    string
	name    string
	began   time.Time
	module  string
	renders int // that ended well
	last    int // job
}

func (w *walk) took(what string) {
	w.t.Logf("%s: %.1f s", what, time.Since(w.began).Seconds())
	w.began = time.Now()
}

func (w *walk) open(files ...string) {
	w.t.Helper()
	w.artist = openBlender(w.t, w.desktop, w.blender, w.home, w.name, w.farm.env(), files...)
	w.renders = 0
	w.took("Blender talks")
	w.online()
	w.took("the farm is there")
	w.do("watch_drawing()\nscene = bpy.context.window_manager.windows[0].scene\nstate = bpy.context.window_manager.netrender")
}

func (w *walk) online() {
	w.t.Helper()
	w.until("the farm is there", `addon() and addon().settings.the_farm.state == "online" and addon().settings.the_farm.workers`)
}

// shot is the scene's file.
func (w *walk) shot() string { return filepath.Join(w.home, "shot.blend") }

// prepare makes the scene: cheap, with three frames that differ, and saved.
func (w *walk) prepare() {
	w.t.Helper()
	w.do(`
render = scene.render
render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 1, False, False
render.threads_mode, render.threads = "FIXED", 1
render.resolution_x, render.resolution_y = 480, 270
scene.frame_start, scene.frame_end = 1, 3
cube = bpy.data.objects["Cube"]
for frame in (1, 3):
    cube.location.x = frame
    cube.keyframe_insert("location", frame=frame)
render.filepath = %q
bpy.ops.wm.save_as_mainfile(filepath=%q)
`, filepath.Join(w.home, "out", "frame-"), w.shot())
}

// rendered waits for the end of a render that shows a picture.
func (w *walk) rendered() {
	w.t.Helper()
	w.renders++
	w.until("the render is over", `ended["complete"] + ended["cancel"] > %d and not rendering()`, w.renders-1)
}

// shows tells whether the Render Result is a picture of the scene: of its size, in more than a few colours.
func (w *walk) shows(what string) {
	w.t.Helper()
	path := filepath.Join(w.home, what+".png")
	w.do("save(%q)", path)
	colours := map[color.Color]bool{}
	found := picture(w.t, path)
	if size := found.Bounds().Size(); size != image.Pt(480, 270) {
		w.t.Errorf("%s: the Render Result has %v pixels", what, size)
	}
	for y := range found.Bounds().Dy() {
		for x := range found.Bounds().Dx() {
			colours[found.At(x, y)] = true
		}
	}
	if len(colours) < 100 {
		w.t.Errorf("%s: the Render Result has %d colours", what, len(colours))
	}
}

// leave closes the render window, as people do: with the mouse over it, since newer Blenders open it elsewhere.
func (w *walk) leave() {
	w.t.Helper()
	w.eventually("the render window is closed", func() bool {
		if ask[int](w.artist, "len(bpy.context.window_manager.windows)") == 1 {
			return true
		}
		if at := w.renderWindow(); !at.Empty() {
			w.move(center(at))
			w.turns()
		}
		w.press(keyEscape)
		w.turns()
		return false
	})
	w.page = map[string]image.Point{}
}

// renderWindow is where the render window is on the screen; nowhere: there is none.
func (w *walk) renderWindow() (found image.Rectangle) {
	for _, one := range w.windows() {
		if strings.Contains(one.title, "Render") {
			found = one.Rectangle
		}
	}
	return found
}

// stopped: F12 of a frame that takes for ever shows how far it is; Esc ends it on the farm, too.
func (w *walk) stopped() {
	w.t.Helper()
	w.do(`scene.render.engine = "NETRENDER"; scene.netrender.engine = "CYCLES"; scene.cycles.samples = 1000`)
	w.move(center(w.area("LARGEST")))
	w.press(keyF12)
	line := func() image.Rectangle {
		found := w.renderWindow()
		if !found.Empty() {
			found.Min.Y, found.Max.Y = found.Min.Y+25, found.Min.Y+60
		}
		return found
	}
	w.eventually("the render window is there", func() bool { return !line().Empty() })
	texts, looks, at := map[string]bool{}, map[string]bool{}, line()
	w.eventually("the line above the picture says how far it is", func() bool {
		texts[ask[string](w.artist, "waiting()")] = true
		if now := line(); now != at { // the window may be moved after it was opened
			at = now
			clear(looks)
		}
		if !at.Empty() {
			looks[string(w.look(at).Pix)] = true
		}
		return len(texts) > 1 && len(looks) > 1
	})
	w.until("the farm renders", `"rendering on the farm" in waiting()`)
	w.still("1-waiting")
	w.press(keyEscape)
	w.until("waiting has ended", "not rendering()")
	w.eventually("the job is canceled", func() bool { return w.farm.job("1").State == "canceled" })
	w.still("2-stopped")
	w.renders = 1
}

// frame: after that F12 shows the frame.
func (w *walk) frame() {
	w.t.Helper()
	w.do("scene.cycles.samples = 1; scene.frame_set(2)")
	w.press(keyF12)
	w.rendered()
	w.shows("frame")
	w.still("3-frame")
}

// written are the pictures that the scene's output has, which are then removed.
func (w *walk) written(what string) {
	w.t.Helper()
	seen := map[string]bool{}
	for frame := 1; frame <= 3; frame++ {
		path := filepath.Join(w.home, "out", fmt.Sprintf("frame-%04d.png", frame))
		text, err := os.ReadFile(path)
		if err != nil {
			w.t.Errorf("%s: %v", what, err)
			continue
		}
		seen[string(text)] = true
		if size := picture(w.t, path).Bounds().Size(); size != image.Pt(480, 270) {
			w.t.Errorf("%s: frame %d has %v pixels", what, frame, size)
		}
		_ = os.Remove(path)
	}
	if len(seen) != 3 {
		w.t.Errorf("%s: %d different frames of 3 were written", what, len(seen))
	}
}

// animation: Ctrl-F12 writes the frames where the scene's output says.
func (w *walk) animation() {
	w.t.Helper()
	w.press(keyControl, keyF12)
	w.rendered()
	w.written("Ctrl-F12")
	w.still("4-animation")
	w.leave()
	w.do(`scene.render.engine = "CYCLES"`)
	w.turns() // Blender takes what it evaluates after it was saved for a change
	w.do("bpy.ops.wm.save_mainfile()")
}

// panel makes the properties as large as they are on a larger screen, with no other panel above.
func (w *walk) panel() {
	w.t.Helper()
	w.do(`look("PROPERTIES")[1].spaces.active.context = "RENDER"`)
	corner := w.edge("PROPERTIES")
	w.drag(corner.Add(image.Pt(100, 0)), image.Pt(corner.X+100, 130))
	corner = w.edge("PROPERTIES")
	w.drag(corner.Add(image.Pt(-1, 200)), corner.Add(image.Pt(-121, 200)))
	w.until("the properties are larger", `look("PROPERTIES")[1].width > 300 and look("PROPERTIES")[1].height > 550`)
	w.do("alone()")
	if _, ok := w.find("netrender.mode", 17); !ok {
		w.fail("the panel is not there")
	}
	w.still("5-panel")
	w.page = map[string]image.Point{}
}

// offline: without online access, which is how a new Blender is, no other computer's master is spoken to, and the panel
// says how to allow it.
func (w *walk) offline() {
	w.t.Helper()
	if !ask[bool](w.artist, `hasattr(bpy.app, "online_access")`) {
		return
	}
	if ask[bool](w.artist, "bpy.app.online_access") {
		w.fail("this Blender allows online access from the start")
	}
	w.do("addon().settings.preferences().master = %q", strings.Replace(w.farm.url, "127.0.0.1", "0.0.0.0", 1)) // which leads here, but does not look so
	w.until("it is known that this is not allowed", `addon().settings.the_farm.state == "offline"`)
	w.still("5-offline")
	if _, ok := w.find("bpy.ops.netrender.show_online", 50); !ok {
		w.fail("nobody says how to allow it")
	}
	w.do("bpy.context.preferences.system.use_online_access = True")
	w.online()
	w.do("bpy.context.preferences.system.use_online_access = False")
	w.until("it is heeded at once", `addon().settings.the_farm.state == "offline"`)
	w.do(`addon().settings.preferences().master = ""`)
	w.online()
	w.page = map[string]image.Point{}
}

// buttons: they do what F12 and Ctrl-F12 do, and the scene has its engine afterwards.
func (w *walk) buttons() {
	w.t.Helper()
	own := `scene.render.engine == "CYCLES"`
	w.click("bpy.ops.netrender.render_frame", 50)
	w.rendered()
	w.shows("button")
	w.until("the scene has its engine", own)
	w.leave()
	w.click("bpy.ops.netrender.render_animation", 50)
	w.rendered()
	w.written("the button")
	w.until("the scene has its engine", own)
	w.leave()
	w.gone()
}

// gone: another frame is gone to, for which Blender holds the file for changed; the farm has that frame all the same.
func (w *walk) gone() {
	w.t.Helper()
	w.until("the scene is as it was saved", "addon().scene.untouched()")
	before, at := len(w.jobs()), ask[int](w.artist, "scene.frame_current")
	w.move(center(w.area("LARGEST")))
	w.turns()
	w.press(keyLeft)
	w.until("another frame is gone to", "scene.frame_current == %d and bpy.data.is_dirty", at-1)
	w.click("bpy.ops.netrender.render_frame", 50)
	w.rendered()
	w.shows("gone")
	if now := len(w.jobs()); now != before {
		w.t.Errorf("there are %d jobs, not %d: a frame that the farm has was rendered again", now, before)
	}
	w.leave()
	w.do("scene.frame_set(%d); bpy.ops.wm.save_mainfile()", at)
}

// drawn tells whether a panel is open: it is drawn when everything is.
func (w *walk) drawn(name string) bool {
	w.t.Helper()
	w.turns()
	before := ask[int](w.artist, "redraw()\ndraws(%q)", name)
	w.turns()
	return ask[int](w.artist, "draws(%q)", name) > before
}

// unfold opens a panel by its header, which is near a place.
func (w *walk) unfold(name string, near image.Point) {
	w.t.Helper()
	for _, off := range []int{0, 4, -4, 8, -8, 12, -12} {
		w.move(near.Add(image.Pt(0, off)))
		w.turns()
		w.tap()
		if w.drawn(name) {
			return
		}
	}
	w.fail("the panel " + name + " is not there")
}

// scroll turns the wheel over the properties; down, where n is more than 0.
func (w *walk) scroll(n int) {
	w.t.Helper()
	area := w.area("PROPERTIES")
	w.move(image.Pt(area.Min.X+4, center(area).Y)) // beside the panels: a list takes the wheel for itself
	w.turns()
	for range max(n, -n) {
		if n > 0 {
			w.button(5)
		} else {
			w.button(4)
		}
	}
	w.turns()
	w.page = map[string]image.Point{}
}

// folds: the folded panels draw what they have to, and a job is steered from there.
func (w *walk) folds() {
	w.t.Helper()
	w.do("scene.cycles.samples = 200000")
	at := w.click("bpy.ops.netrender.send_job", 50)
	w.until("the job is chosen", "state.last and state.last == state.followed")
	w.last = ask[int](w.artist, "state.last")
	job := fmt.Sprint(w.last)
	w.eventually("the job is rendered", func() bool { return w.farm.job(job).Running > 0 })
	w.still("6-sent")
	// Below the buttons a box says that the job was sent, and there are four headers. From the last one up, none of those
	// that follow moves.
	for i, name := range []string{"workers", "jobs", "check", "options"} {
		w.unfold("NETRENDER_PT_"+name, at.Add(image.Pt(0, 64+26*(3-i))))
		w.page = map[string]image.Point{}
		w.still("7-" + name)
		switch name {
		case "jobs":
			w.scroll(20)
			w.steer(job)
			w.scroll(-40)
		case "check":
			w.click("bpy.ops.netrender.check", 50)
			w.until("the scene was looked at", "addon().send.checked and addon().send.checked.over")
			w.still("7-checked")
		case "options":
			w.scroll(10)
			w.still("7-options-below")
			w.scroll(-40)
			w.cost()
		}
	}
	w.do(`look("PROPERTIES")[1].spaces.active.context = "OUTPUT"`)
	area := w.area("PROPERTIES")
	w.unfold("NETRENDER_PT_output", image.Pt(center(area).X, area.Min.Y+53))
	w.still("8-output")
	w.cost()
	w.do(`look("PROPERTIES")[1].spaces.active.context = "RENDER"`)
}

// steer pauses the job, has it go on, and cancels it.
func (w *walk) steer(job string) {
	w.t.Helper()
	var near image.Point
	for _, one := range []struct {
		what, state string
		column      int
	}{{"pause", "paused", 25}, {"resume", "active queued", 25}, {"cancel", "canceled", 75}} {
		what := fmt.Sprintf("bpy.ops.netrender.steer(job=%s, what='%s')", job, one.what)
		if !near.Eq(image.Point{}) { // in the row of the one before
			area := w.area("PROPERTIES")
			w.page[fmt.Sprint(what, one.column)] = image.Pt(area.Min.X+area.Dx()*one.column/100, near.Y)
		}
		near = w.click(what, one.column)
		w.eventually("the job is "+one.state, func() bool { return strings.Contains(one.state, w.farm.job(job).State) })
		w.until("the panel knows", `addon().jobs._jobs[%s]["state"] in %q`, job, one.state)
		w.still("7-jobs-" + one.what)
	}
}

// workers are the names of those that are there.
func (w *walk) workers() []string {
	w.t.Helper()
	var names []string
	for line := range strings.Lines(w.farm.ok("workers", "--json")) {
		var one struct {
			Name   string
			Online bool
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			w.t.Fatal(err)
		}
		if one.Online {
			names = append(names, one.Name)
		}
	}
	return names
}

func (w *walk) crew(n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("the farm has %d workers", n), func() bool { return len(w.workers()) == n })
}

// worker: this Blender is a worker until Esc; and one goes on in the background.
func (w *walk) worker() {
	w.t.Helper()
	w.page = map[string]image.Point{}
	w.click("netrender.mode", 50)
	w.until("it may be a worker", `state.mode == "WORKER"`)
	w.click("bpy.ops.netrender.serve", 50)
	w.patience = 4 * time.Minute // what this Blender can do on a display is not known yet, and is tried
	w.crew(2)
	w.patience = time.Minute
	w.waits()
	w.still("9-worker")
	w.press(keyEscape)
	w.crew(1)
	w.until("it is over", "not addon().serve.services['WORKER'].on")
	w.still("9-worker-ended")
	w.leave()
	start, ok := w.find("bpy.ops.netrender.serve", 50)
	if !ok {
		w.fail("there is no button to start it")
	}
	for up := 25; up < 60 && !ask[bool](w.artist, "addon().settings.preferences().stay"); up += 6 {
		w.move(start.Sub(image.Pt(-40, up)))
		w.turns()
		w.tap()
		w.turns()
	}
	w.until("it shall go on", "addon().settings.preferences().stay")
	w.click("bpy.ops.netrender.serve", 50)
	w.crew(2)
	w.waits()
	w.still("9-worker-stays")
	w.click("netrender.mode", 17)
	w.until("it sends scenes", `state.mode == "CLIENT"`)
}

// waits: the worker that runs here says that it waits.
func (w *walk) waits() {
	w.t.Helper()
	w.until("the worker says that it waits", `addon().serve.services["WORKER"].last.startswith("Waits for frames")`)
}

// closed: Blender is left while a scene is sent. The farm knows what is missing; the worker stays.
func (w *walk) closed() {
	w.t.Helper()
	texture := filepath.Join(w.home, "noise.tga")
	head := make([]byte, 18)
	head[2], head[13], head[15], head[16] = 2, 8, 8, 24 // 2048 x 2048 pixels, see the TGA specification
	write(w.t, texture, append(head, noise(3<<22, 1)...))
	way := openGate(w.t, w.farm, &gate{limit: 2 << 20, each: true}) // the .blend has less than that
	w.do(`
material = bpy.data.materials["Material"]
material.use_nodes = True
node = material.node_tree.nodes.new("ShaderNodeTexImage")
node.image = bpy.data.images.load(%q)
material.node_tree.links.new(node.outputs["Color"], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
scene.cycles.samples = 1
bpy.ops.wm.save_mainfile()
addon().settings.preferences().master = %q
`, texture, "http://"+way.addr)
	w.until("the old connection is over", "not addon().settings.the_farm.again") // until the new one was heard it is not online
	w.online()
	w.page = map[string]image.Point{}
	w.click("bpy.ops.netrender.send_job", 50)
	select {
	case <-way.shut:
	case <-time.After(time.Minute):
		w.fail("nothing is sent")
	}
	jobs := w.jobs()
	w.last = jobs[len(jobs)-1]
	waits := func() bool {
		job := w.farm.job(fmt.Sprint(w.last))
		return job.State == "collecting" && job.Missing == 1
	}
	w.eventually("the texture alone is on its way", waits)
	w.keep(w.name + "-10-sending")
	w.press(keyControl, 'q')
	w.ended()
	close(way.open)
	w.eventually("the job waits for its file", waits)
	w.crew(2)
	w.clean()
}

// jobs are the numbers of all jobs, the oldest first.
func (w *walk) jobs() []int {
	w.t.Helper()
	var list []int
	for line := range strings.Lines(w.farm.ok("jobs", "--json")) {
		var one struct{ ID int }
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, one.ID)
	}
	slices.Sort(list)
	return list
}

// again: in a new Blender sending goes on, the worker in the background is ended, and none outlives the add-on.
func (w *walk) again() {
	w.t.Helper()
	before := len(w.jobs())
	w.open(w.shot())
	w.do("alone()")
	w.still("11-again")
	w.click("bpy.ops.netrender.send_job", 50)
	w.eventually("the rest of the scene is sent, and rendered", func() bool { return w.farm.job(fmt.Sprint(w.last)).State == "done" })
	if now := len(w.jobs()); now != before {
		w.t.Errorf("there are %d jobs, not %d", now, before)
	}
	w.still("12-done")
	w.click("netrender.mode", 50)
	w.until("it may be a worker", `state.mode == "WORKER"`)
	w.still("13-worker-stayed")
	w.page = map[string]image.Point{}
	w.click("bpy.ops.netrender.unserve", 50)
	w.crew(1)
	w.until("it is over", "not addon().serve.services['WORKER'].on")
	w.do("addon().settings.preferences().stay = False")
	w.click("bpy.ops.netrender.serve", 50)
	w.crew(2)
	w.do("bpy.ops.preferences.addon_disable(module=addon().__name__)")
	w.crew(1)
	w.eventually("nothing of the add-on is left", func() bool { return len(w.children()) == 0 })
	w.still("14-disabled")
	w.press(keyControl, 'q')
	w.ended()
	w.clean()
}

// children are the processes of the program that have this artist's home.
func (w *walk) children() []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains("\x00"+string(text), "\x00HOME="+w.home+"\x00") {
			continue
		}
		if line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline")); err == nil && strings.Contains(string(line), "/bin/netrender\x00") {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

var complaint = regexp.MustCompile(`(?m)^.*(Traceback|Error:|Exception|rna_ui|unknown icon|not found|SystemError).*$`)

// clean looks for complaints in what Blender said.
func (w *walk) clean() {
	w.t.Helper()
	found := slices.DeleteFunc(complaint.FindAllString(w.out.String(), -1), func(line string) bool {
		return strings.Contains(line, "Repository data") // of Blender's own extensions: this computer has not asked for them
	})
	if len(found) > 0 {
		w.t.Errorf("Blender complains:\n%s", tail(w.out.String(), 5000))
	}
}

func (w *walk) fail(why string) {
	w.t.Helper()
	w.keep(w.name + "-failed")
	w.t.Fatal(why)
}

func center(r image.Rectangle) image.Point { return r.Min.Add(r.Max).Div(2) }

// windowBlenders are the Blenders that can be tested with a window.
func windowBlenders(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, one := range blenders(t) {
		if !strings.HasPrefix(filepath.Base(one), "python") {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		lacking(t, "no Blender with a window was found")
	}
	return list
}
