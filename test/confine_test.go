package test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blender"
)

// evil is a text of a scene that runs when the scene is opened and tries what no scene may.
const evil = `import os, socket
def attempt(name, f):
    try:
        f()
        print("EVIL", name, "done", flush=True)
    except Exception as e:
        print("EVIL", name, "failed", type(e).__name__, flush=True)
attempt("token", lambda: open(r"TOKENS").read())
attempt("write", lambda: open(r"OUTSIDE", "w").write("x"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", PORT), 2))
attempt("local", lambda: socket.socket(socket.AF_UNIX).connect(r"SOCKET"))
`

// TestEvilScene: a job whose Python may run tries to read the worker's token, to write outside its folder and to open
// connections. It renders, and fails at all of them.
func TestEvilScene(t *testing.T) {
	if can, why := blender.CanFence(); !can {
		t.Skip(why)
	}
	blend := copyOf(t, "tiny.blend")
	f := startFarm(t)
	dir := t.TempDir()
	local, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	outside := filepath.Join(dir, "outside")
	text := strings.NewReplacer(
		"TOKENS", filepath.Join(f.data, "admin-token"), "OUTSIDE", outside,
		"PORT", strconv.Itoa(f.port), "SOCKET", local.Addr().String(),
	).Replace(evil)
	script := filepath.Join(dir, "evil.py")
	write(t, script, []byte("import bpy\ntext = bpy.data.texts.new(\"evil.py\")\ntext.write('''"+text+"''')\ntext.use_module = True\nbpy.ops.wm.save_mainfile()\n"))
	python(t, blenders(t)[0], blend, script)
	attempts := []string{"token", "write", "connect", "local"}
	for _, confine := range []string{"never", "auto"} {
		w := blenderWorker(t, f, "--scripts", "--confine", confine)
		out := t.TempDir()
		if _, errs, code := f.run("render", "--data", sharedData(), blend, "-f", "1", "-o", out, "--scripts"); code != 0 {
			t.Fatalf("--confine %s: exit %d\n%s", confine, code, errs)
		}
		if len(filesBelow(t, out)) == 0 {
			t.Errorf("--confine %s: no frame came", confine)
		}
		id := map[string]string{"never": "1", "auto": "2"}[confine]
		log, end := f.ok("logs", id, "-f", "1"), map[string]string{"never": "done", "auto": "failed"}[confine]
		for _, a := range attempts { // unconfined it can do them all, or the test shows nothing
			if !strings.Contains(log, "EVIL "+a+" "+end) {
				t.Errorf("--confine %s: %s has not %s:\n%s", confine, a, end, tail(log, 2000))
			}
		}
		_, err := os.Stat(outside)
		if written := err == nil; written != (confine == "never") {
			t.Errorf("--confine %s: written outside: %t", confine, written)
		}
		os.Remove(outside)
		w.kill()
	}
}
