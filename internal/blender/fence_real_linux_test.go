package blender

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// evil is Python that makes a scene whose own Python, run when it is opened, tries what no scene may.
const evil = `
import bpy, sys
blend, secret, port = sys.argv[sys.argv.index("--") + 1:]
bpy.context.scene.render.engine = "CYCLES"
bpy.context.scene.cycles.samples = 1
bpy.context.scene.cycles.use_denoising = False
bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 16
text = bpy.data.texts.new("evil.py")
text.use_module = True
text.from_string('''
import os, socket, subprocess, sys
def attempt(name, f):
    try:
        print("EVIL", name, "done", f(), file=sys.stderr, flush=True)
    except Exception as e:
        print("EVIL", name, "failed", type(e).__name__, file=sys.stderr, flush=True)
attempt("read", lambda: open(%(secret)r).read())
attempt("write", lambda: open(%(secret)r, "w").write("x"))
attempt("beside", lambda: open(os.path.join(os.path.dirname(bpy_file()), "planted"), "w").write("x"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", %(port)s), 2))
attempt("child", lambda: subprocess.check_output(["cat", %(secret)r]))
attempt("parent", lambda: open("/proc/%%d/environ" %% os.getppid()).read())
attempt("grandparent", lambda: open("/proc/%(pid)s/environ").read())
attempt("environ", lambda: os.environ["NETRENDER_TOKEN"])
'''.replace("bpy_file()", "__import__('bpy').data.filepath") % {"secret": secret, "port": port, "pid": PID})
bpy.ops.wm.save_as_mainfile(filepath=blend)
`

func TestFenceHoldsABlender(t *testing.T) {
	in := realBlender(t)
	if can, why := CanFence(); !can {
		t.Skip(why)
	}
	job, out, private := t.TempDir(), t.TempDir(), t.TempDir()
	secret := filepath.Join(private, "token")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	script := filepath.Join(private, "make.py")
	text := strings.ReplaceAll(evil, "PID", strconv.Itoa(os.Getpid()))
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	blend := filepath.Join(job, "evil.blend")
	make := in.Command(t.Context(), script, blend, secret, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	make.Env = environment(os.Environ(), private, private, nil)
	if said, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, held := range []bool{false, true} {
		log := &lockedBuffer{}
		o := Options{Install: in, Home: t.TempDir(), Log: log, Scripts: true, Environ: append(os.Environ(), "NETRENDER_TOKEN=secret")}
		if held {
			o.Fence = &Fence{Read: []string{job}, Write: []string{out}}
		}
		s, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err, log.String())
		}
		if _, err := s.Open(t.Context(), Scene{Blend: blend, Scripts: true}); err != nil {
			t.Fatal(err, log.String())
		}
		if !held { // what it tries can be done, or the test shows nothing
			s.Close()
			for _, what := range []string{"read", "write", "beside", "connect", "child"} {
				if !strings.Contains(log.String(), "EVIL "+what+" done") {
					t.Errorf("without a fence: %s\n%s", what, log.String())
				}
			}
			if err := os.WriteFile(secret, []byte("s3cret"), 0o600); err != nil {
				t.Fatal(err)
			}
			os.Remove(filepath.Join(job, "planted"))
			continue
		}
		r, err := s.Render(t.Context(), Task{Frame: 1, OutDir: out, EXR: EXRFull, Outputs: true, Preview: true}, nil)
		s.Close()
		if err != nil || len(r.Files) != 3 {
			t.Errorf("it does not render: %v %v\n%s", err, r.Files, log.String())
		}
		if said := log.String(); strings.Contains(said, " done") || strings.Count(said, "EVIL") != 8 {
			t.Errorf("it is not held:\n%s", said)
		}
		if text, err := os.ReadFile(secret); err != nil || string(text) != "s3cret" {
			t.Errorf("the token: %q %v", text, err)
		}
		if _, err := os.Stat(filepath.Join(job, "planted")); err == nil {
			t.Error("a file was written beside the scene")
		}
	}
}
