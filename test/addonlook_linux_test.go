package test

import (
	"fmt"
	"image"
	"os/exec"
	"slices"
	"strings"
)

// others: the log of a frame opens in a text editor, and the preferences have what they shall.
func (w *walk) others() {
	w.t.Helper()
	for _, one := range []struct{ name, code, there string }{
		{"8-log", `bpy.ops.netrender.show_log(job=2, frame=2)`, `any(area.type == "TEXT_EDITOR" and area.spaces.active.text and len(area.spaces.active.text.as_string()) > 100 for window in bpy.context.window_manager.windows for area in window.screen.areas)`},
		{"8-preferences", `bpy.ops.preferences.addon_show(module=addon().__name__)`, `any(area.type == "PREFERENCES" for window in bpy.context.window_manager.windows for area in window.screen.areas)`},
	} {
		w.do("with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):\n    " + one.code)
		w.until(one.name+" is shown", one.there)
		w.still(one.name)
		w.do("with bpy.context.temp_override(window=bpy.context.window_manager.windows[-1]):\n    bpy.ops.wm.window_close()")
		w.until("its window is closed", "len(bpy.context.window_manager.windows) == 1")
	}
	w.page = map[string]image.Point{}
}

// cost tells what it costs to draw the panels that are open, and that nothing is opened or asked for that.
func (w *walk) cost() {
	w.t.Helper()
	w.do("drawn.clear()")
	for range 40 {
		w.do("redraw()")
	}
	found := ask[map[string][3]float64](w.artist, "medians()")
	if len(found) == 0 {
		w.t.Error("nothing was drawn")
	}
	for name, one := range found {
		w.t.Logf("%s is drawn in %.2f ms (median of %.0f; the slowest took %.2f ms)", name, one[0], one[2], one[1])
		if one[0] > 5 { // the goal is 1, on a machine that does nothing else
			w.t.Errorf("drawing %s takes %.1f ms", name, one[0])
		}
	}
	if broken := ask[[]string](w.artist, "broken"); len(broken) > 0 {
		w.t.Errorf("what is opened while panels are drawn: %v", broken)
	}
}

// enabling tells how much longer Blender takes to start with the add-on.
func (w *walk) enabling() {
	w.t.Helper()
	code := fmt.Sprintf("import time, addon_utils; began = time.perf_counter(); it = addon_utils.enable(%q); print('ENABLED', time.perf_counter() - began, bool(it))", w.module)
	var took []float64
	for range 3 {
		cmd := exec.Command(w.blender, "-b", "--factory-startup", "--python-exit-code", "1", "--python-expr", code)
		cmd.Env = homeOf(w.home)
		out, err := cmd.CombinedOutput()
		_, said, _ := strings.Cut(string(out), "ENABLED ")
		var seconds float64
		var enabled string
		if _, scan := fmt.Sscan(said, &seconds, &enabled); err != nil || scan != nil || enabled != "True" {
			w.t.Fatalf("%v %v\n%s", err, scan, out)
		}
		took = append(took, seconds*1000)
	}
	slices.Sort(took)
	w.t.Logf("Blender starts %.0f ms later with the add-on (%.0f to %.0f)", took[1], took[0], took[2])
	if took[1] > 300 { // the goal is 30, on a machine that does nothing else
		w.t.Errorf("enabling the add-on takes %.0f ms", took[1])
	}
}
