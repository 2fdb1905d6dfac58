package test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// fastFake is a worker that needs no Blender.
var fastFake = []string{"--fake-renderer", "20ms"}

// madeScenes are the scenes of broken.py and tiny.py, made once for all tests.
var madeScenes struct {
	once sync.Once
	dir  string
}

// scenes returns the folder of the broken scenes and the tiny one. Tests that change something copy them first.
func scenes(t *testing.T) string {
	t.Helper()
	blender := blenders(t)[0]
	madeScenes.once.Do(func() {
		dir := filepath.Join(filepath.Dir(program), "studio", "broken")
		python(t, blender, "", "scenes/broken.py", dir)
		python(t, blender, "", "scenes/tiny.py", dir, "--frames", "20", "--size", "32x18")
		madeScenes.dir = dir
	})
	if madeScenes.dir == "" {
		t.Fatal("the scenes could not be made")
	}
	return madeScenes.dir
}

// sharedData is a data folder for clients of several tests, so that Blender is asked only once what it is.
func sharedData() string { return filepath.Join(filepath.Dir(program), "client") }

// blenderWorker starts a worker with real Blender; what the clients of these tests know of it need not be asked again.
func blenderWorker(t *testing.T, f *farm, args ...string) *proc {
	t.Helper()
	dir := t.TempDir()
	known := filepath.Join(sharedData(), "blenders")
	if _, err := os.Stat(known); err == nil {
		if err := os.CopyFS(filepath.Join(dir, "blenders"), os.DirFS(known)); err != nil {
			t.Fatal(err)
		}
	}
	return f.workerIn(dir, "oak", append([]string{"--blender", blenders(t)[0]}, args...)...)
}

// copyOf copies one of the scenes into a folder of the test's own.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(scenes(t), name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "studio", "shots", name)
	write(t, path, text)
	return path
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sentence checks that an error reads as people read: one sentence and a next step, without the words of a program.
func sentence(t *testing.T, text string) {
	t.Helper()
	at := strings.Index(text, "netrender: ")
	if at < 0 {
		t.Errorf("there is no error in:\n%s", text)
		return
	}
	lines := strings.Split(strings.TrimRight(text[at:], "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], "           ") {
		t.Errorf("this is not one sentence and a next step:\n%s", text)
	}
	for _, word := range []string{
		"strconv", "goroutine", "context ", "panic", "%!", "<nil>", "EOF", "errno", "Traceback", "dial tcp", "stat ", "open /", "mkdir ", "0xc0",
	} {
		if strings.Contains(text, word) {
			t.Errorf("an artist does not know %q:\n%s", word, text)
		}
	}
}

func TestBadScenes(t *testing.T) {
	dir := scenes(t)
	f := startFarm(t)
	f.worker("oak", fastFake...)
	fileAsFolder := filepath.Join(t.TempDir(), "file")
	write(t, fileAsFolder, nil)
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no blend", []string{dir + "/notblend.blend"}, 1, []string{"notblend.blend is not a .blend file"}},
		{"empty", []string{dir + "/empty.blend"}, 1, []string{"empty.blend is empty"}},
		{"truncated", []string{dir + "/truncated.blend"}, 1, []string{"truncated.blend is damaged or ends too early", "save it again"}},
		{"newer", []string{dir + "/newer.blend"}, 1, []string{"was made by Blender 9.90", "install that Blender here"}},
		{"missing files", []string{dir + "/missing.blend"}, 1, []string{"lib/gone.blend", "textures/gone.png", "2 of the scene's files are missing", "--allow-missing"}},
		{"no camera", []string{dir + "/nocamera.blend"}, 1, []string{"the scene has no camera", "Add > Camera"}},
		{"no file", []string{dir + "/nothere.blend"}, 1, []string{"there is no file"}},
		{"a folder", []string{dir}, 1, []string{"is a folder, not a .blend file"}},
		{"backwards", []string{dir + "/tiny.blend", "-f", "10-1"}, 2, []string{"the frame range 10-1 runs backwards", "1-10"}},
		{"no frames", []string{dir + "/tiny.blend", "-f", "a"}, 2, []string{`"a" is not a frame range`}},
		{"too far", []string{dir + "/tiny.blend", "-f", "1-1000000000000"}, 2, []string{"outside Blender's range"}},
		{"folder", []string{dir + "/tiny.blend", "-o", fileAsFolder + "/x"}, 1, []string{"cannot be written", "-o"}},
		{"no Blender", []string{dir + "/tiny.blend", "--blender", "/nowhere/blender"}, 1, []string{"there is no Blender at /nowhere/blender"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"render", "--data", sharedData()}, c.args...)
			if c.name != "folder" {
				args = append(args, "-o", out)
			}
			_, errs, code := f.run(args...)
			if code != c.code {
				t.Errorf("exit %d, not %d", code, c.code)
			}
			for _, w := range c.want {
				if !strings.Contains(errs, w) {
					t.Errorf("%q is not in\n%s", w, errs)
				}
			}
			last := errs[strings.LastIndex(errs, "netrender: "):]
			sentence(t, last)
			// A look at the scene says the same.
			if c.name != "folder" {
				look, errs, code := f.run(append([]string{"check", "--data", sharedData()}, c.args...)...)
				for _, w := range c.want {
					if code != c.code || !strings.Contains(look+errs, w) {
						t.Errorf("check: exit %d, %q is not in\n%s%s", code, w, look, errs)
					}
				}
			}
			// The same, for programs: the last line is one object.
			_, errs, code = f.run(append(args, "--json")...)
			var e struct {
				Error, Hint, Kind string
				Exit              int
			}
			lines := strings.Split(strings.TrimSpace(errs), "\n")
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil || e.Exit != c.code || code != c.code || e.Hint == "" {
				t.Errorf("--json: exit %d, %v in\n%s", code, err, errs)
			}
		})
	}
	if jobs := f.ok("jobs", "--json"); jobs != "" {
		t.Errorf("something was sent all the same: %s", jobs)
	}
}

func TestMissingFilesCanBeAllowed(t *testing.T) {
	blend := copyOf(t, "missing.blend")
	f := startFarm(t)
	f.worker("oak", fastFake...)
	out := t.TempDir()
	_, errs, code := f.run("render", "--data", sharedData(), blend, "-f", "1-3", "-o", out, "--allow-missing")
	if code != 0 || !strings.Contains(errs, "missing: ") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if n := len(filesBelow(t, out)); n != 6 {
		t.Errorf("%d files came: %v", n, filesBelow(t, out))
	}
}

// TestCheck: what is known of a scene before it is sent, of the master and of its workers.
func TestCheck(t *testing.T) {
	scene := copyOf(t, "tiny.blend")
	f := startFarm(t)
	f.worker("oak", fastFake...)
	f.online(10 * time.Second)
	look := func(want int, args ...string) (p struct {
		Frames       string
		Total, Files int
		Bytes        int64
		Lacking      *struct{ Files, Bytes int64 }
		Workers      *nr.Fit
		Errors       []struct{ Text, Hint string }
		Warnings     []string
	},
	) {
		t.Helper()
		out, errs, code := f.run(append([]string{"check", scene, "--data", sharedData(), "--json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != want {
			t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
		}
		return p
	}
	p := look(0, "-f", "2-4")
	if p.Frames != "2-4" || p.Total != 3 || p.Files != 1 || p.Lacking == nil || p.Lacking.Files != 1 || p.Lacking.Bytes != p.Bytes || p.Bytes == 0 {
		t.Errorf("before: %+v", p)
	}
	if p.Workers == nil || p.Workers.Fit != 1 || len(p.Errors) != 0 || len(p.Warnings) != 0 {
		t.Errorf("before: %+v", p)
	}
	if jobs := f.ok("jobs", "--json"); jobs != "" {
		t.Errorf("something was sent: %s", jobs)
	}
	f.ok("submit", scene, "--data", sharedData())
	if p = look(0, "--gpu", "optix"); p.Lacking.Files != 0 || p.Lacking.Bytes != 0 || p.Workers.Fit != 0 || len(p.Workers.Lacks) != 1 || len(p.Warnings) != 1 {
		t.Errorf("after: %+v", p)
	}
	if p = look(0, "--offline"); p.Lacking != nil || p.Workers != nil {
		t.Errorf("offline: %+v", p)
	}
	f.proc.kill()
	if p = look(0); p.Lacking != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "not known") {
		t.Errorf("without a master: %+v", p)
	}
	if _, errs, code := f.run("check", scene, "--data", sharedData(), "--master", "a b"); code != 2 {
		t.Errorf("an address that is none: exit %d\n%s", code, errs)
	}
	text := f.ok("check", scene, "--data", sharedData(), "--offline")
	for _, w := range []string{"frames", "Nothing keeps it from being sent."} {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in\n%s", w, text)
		}
	}
}

// A scene of a newer Blender than any worker's waits, and the farm says why.
func TestNewerThanEveryWorker(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	eventually(t, 10*time.Second, "the worker is there", func() bool { return strings.Contains(f.ok("workers"), "oak") })
	job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Needs.Blender = nr.Version{Major: 99, Minor: 90} })
	why := f.ok("job", job.ID.String(), "--why")
	if !strings.Contains(why, "oak: ") || !strings.Contains(why, "99.90") || f.job(job.ID.String()).State != "queued" {
		t.Errorf("it does not say that the worker's Blender is too old:\n%s", why)
	}
}

func TestTokensThatDoNotCount(t *testing.T) {
	f := startFarm(t)
	secret := strings.TrimSpace(f.ok("token", "create", "anna"))
	if _, errs, code := f.run("jobs", "--token", secret); code != 0 {
		t.Fatalf("the token does not work: %s", errs)
	}
	_, errs, code := f.run("token", "list", "--token", secret)
	if code != 3 {
		t.Errorf("exit %d for too low a role", code)
	}
	sentence(t, errs)
	id := ""
	for line := range strings.Lines(f.ok("token", "list", "--json")) {
		var token struct{ ID, Name string }
		if err := json.Unmarshal([]byte(line), &token); err != nil {
			t.Fatal(err)
		}
		if token.Name == "anna" {
			id = token.ID
		}
	}
	f.ok("token", "revoke", id)
	for name, token := range map[string]string{"revoked": secret, "wrong": "wrong", "long": strings.Repeat("x", 5000)} {
		_, errs, code := f.run("jobs", "--token", token)
		if code != 3 || !strings.Contains(errs, "does not know this token, or it was revoked") {
			t.Errorf("%s: exit %d\n%s", name, code, errs)
		}
		sentence(t, errs)
	}
	if w := f.worker("oak", "--fake-renderer", "20ms", "--token", "wrong"); w.wait(20*time.Second) != 3 {
		t.Errorf("a worker with a wrong token: %s", w.out.String())
	}
}

func TestRevokedWorkerStops(t *testing.T) {
	f := startFarm(t)
	secret := strings.TrimSpace(f.ok("token", "create", "oak", "--role", "worker"))
	w := f.worker("oak", "--fake-renderer", "20ms", "--token", secret)
	job := f.submitFake("1-3")
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(job.ID.String()).State == "done" })
	for line := range strings.Lines(f.ok("token", "list", "--json")) {
		var token struct{ ID, Name string }
		if json.Unmarshal([]byte(line), &token) == nil && token.Name == "oak" {
			f.ok("token", "revoke", token.ID)
		}
	}
	if code := w.wait(2 * time.Minute); code != 3 {
		t.Errorf("exit %d: %s", code, w.out.String())
	}
	sentence(t, w.out.String())
}

func TestTwoWorkersOfOneName(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	eventually(t, 10*time.Second, "oak is there", func() bool { return strings.Contains(f.ok("workers"), "oak") })
	f.worker("oak", fastFake...)
	eventually(t, 10*time.Second, "the second one has a name of its own", func() bool { return strings.Contains(f.ok("workers"), "oak-2") })
}

func TestNumbersAndNamesThatAreNotThere(t *testing.T) {
	f := startFarm(t)
	for _, line := range []string{
		"job 99", "cancel 99", "pause 99", "resume 99", "retry 99", "logs 99", "watch 99", "delete 99 -y", "set 99 priority=2",
		"fetch 99", "worker-set nobody enabled=no", "token revoke nobody", "pair accept ABC-DEF",
	} {
		args := strings.Fields(line)
		_, errs, code := f.run(args...)
		if code != 1 {
			t.Errorf("%s: exit %d", line, code)
		}
		sentence(t, errs)
		_, errs, _ = f.run(append(args, "--json")...)
		var e struct{ Error, Hint, Kind string }
		if err := json.Unmarshal([]byte(errs), &e); err != nil || e.Kind != "not-found" || e.Hint == "" {
			t.Errorf("%s --json: %v in %s", line, err, errs)
		}
	}
}

// TestAddressInUse: a second master says so, on the same port and on the same folder.
func TestSecondMaster(t *testing.T) {
	f := startFarm(t)
	_, errs, code := run(t, nil, "master", "--data", t.TempDir(), "--listen", "127.0.0.1:"+strconv.Itoa(f.port), "--quiet-network")
	if code != 1 || !strings.Contains(errs, "address already in use") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	sentence(t, errs)
	_, errs, code = run(t, nil, "master", "--data", f.data, "--listen", "127.0.0.1:0", "--quiet-network")
	if code != 1 {
		t.Errorf("exit %d\n%s", code, errs)
	}
	sentence(t, errs)
}

// TestInterruptedRender: Ctrl-C leaves the job running and says how to come back; fetch brings everything.
func TestInterruptedRender(t *testing.T) {
	blend := copyOf(t, "tiny.blend")
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "150ms")
	out := t.TempDir()
	p := start(t, append(f.env(), "NETRENDER_DATA="+sharedData()), "render", blend, "-f", "1-20", "-o", out)
	eventually(t, time.Minute, "a frame is here", func() bool { return strings.Contains(p.out.String(), "frame 1 ") })
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(20 * time.Second); code != 130 {
		t.Errorf("exit %d", code)
	}
	id := "1"
	if said := p.out.String(); !strings.Contains(said, "netrender fetch "+id+" -o "+out) || !strings.Contains(said, "netrender cancel "+id) {
		t.Errorf("it does not say how to come back:\n%s", said)
	}
	if f.job(id).State != "active" {
		t.Errorf("the job is %s", f.job(id).State)
	}
	eventually(t, time.Minute, "the job is done", func() bool { return f.job(id).State == "done" })
	f.ok("fetch", id, "-o", out)
	if n := len(filesBelow(t, out)); n != 40 { // an EXR and a picture each
		t.Errorf("%d files came: %v", n, filesBelow(t, out))
	}
	f.audit(1, 20)
}

// TestRenderOutlivesTheMaster: the master is killed while a client waits; both come back to each other.
func TestRenderOutlivesTheMaster(t *testing.T) {
	blend := copyOf(t, "tiny.blend")
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "100ms")
	out := t.TempDir()
	p := start(t, append(f.env(), "NETRENDER_DATA="+sharedData()), "render", blend, "-f", "1-20", "-o", out)
	eventually(t, time.Minute, "a frame is here", func() bool { return strings.Contains(p.out.String(), "frame 1 ") })
	f.proc.kill()
	f.start()
	if code := p.wait(time.Minute); code != 0 {
		t.Errorf("exit %d\n%s", code, p.out.String())
	}
	if n := len(filesBelow(t, out)); n != 40 {
		t.Errorf("%d files came", n)
	}
}

// gate is a way to the master that stops after so many bytes until it is opened.
type gate struct {
	addr  string
	mu    sync.Mutex
	sent  int64
	full  bool
	limit int64
	each  bool          // the limit is of each connection, and the others go on
	shut  chan struct{} // closed when the limit was reached
	open  chan struct{} // closed to let everything pass
}

func newGate(t *testing.T, f *farm, limit int64) *gate {
	t.Helper()
	return openGate(t, f, &gate{limit: limit})
}

func openGate(t *testing.T, f *farm, g *gate) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	g.addr, g.shut, g.open = l.Addr().String(), make(chan struct{}), make(chan struct{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(f.port))
			if err != nil {
				_ = c.Close()
				continue
			}
			go g.pass(there, c, true)
			go g.pass(c, there, false)
		}
	}()
	return g
}

func (g *gate) pass(to, from net.Conn, counted bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	var own int64
	for {
		n, err := from.Read(buf)
		own += int64(n)
		if counted && g.count(int64(n), own) {
			<-g.open
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// count counts n more bytes, of a connection that sent so many of its own.
func (g *gate) count(n, own int64) (stop bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent += n
	sent := g.sent
	if g.each {
		sent = own
	}
	if g.limit == 0 || sent <= g.limit {
		return false
	}
	if !g.full {
		g.full = true
		close(g.shut)
	}
	return true
}

func (g *gate) bytes() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
}

// bigScene is missing.blend with its files in place: a library, and a texture of so many bytes that do not compress.
func bigScene(t *testing.T, size int) (blend, texture string) {
	t.Helper()
	blend = copyOf(t, "missing.blend")
	library, err := os.ReadFile(filepath.Join(scenes(t), "tiny.blend"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(blend)
	write(t, filepath.Join(dir, "lib", "gone.blend"), library)
	texture = filepath.Join(dir, "textures", "gone.png")
	write(t, texture, noise(size, 1))
	return blend, texture
}

// noise is bytes that do not compress.
func noise(size int, seed uint64) []byte {
	b := make([]byte, size)
	x := seed
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// TestFileChangesWhileItIsSent: the client says so, and the next try sends what is there then.
func TestFileChangesWhileItIsSent(t *testing.T) {
	blend, texture := bigScene(t, 40<<20)
	f := startFarm(t)
	f.worker("oak", fastFake...)
	g := newGate(t, f, 12<<20)
	env := []string{"NETRENDER_MASTER=" + g.addr, "NETRENDER_TOKEN=" + f.token(), "NETRENDER_DATA=" + sharedData()}
	out := t.TempDir()
	p := start(t, env, "render", blend, "-f", "1-2", "-o", out)
	select {
	case <-g.shut:
	case <-p.done:
		t.Fatalf("it ended before: %s", p.out.String())
	case <-time.After(time.Minute):
		t.Fatalf("nothing is sent: %s", p.out.String())
	}
	write(t, texture, noise(40<<20, 2))
	close(g.open)
	if code := p.wait(time.Minute); code != 1 {
		t.Errorf("exit %d", code)
	}
	said := p.out.String()
	if !strings.Contains(said, "gone.png was changed while it was sent") {
		t.Errorf("it does not say what happened:\n%s", said)
	}
	sentence(t, said)
	if s := f.job("1").State; s != "canceled" {
		t.Errorf("the job that waited for it is %s", s)
	}
	_, errs, code := f.run("render", "--data", sharedData(), blend, "-f", "1-2", "-o", out)
	if code != 0 {
		t.Errorf("the second try: exit %d\n%s", code, errs)
	}
	// What the workers got is what is there now.
	want := noise(40<<20, 2)
	found := false
	ctx := context.Background()
	for file, err := range f.client().Missing(ctx, 2) {
		t.Errorf("%v is missing (%v)", file, err)
	}
	for _, name := range filesBelow(t, filepath.Join(f.data, "master", "blobs")) {
		st, err := os.Stat(filepath.Join(f.data, "master", "blobs", name))
		found = found || err == nil && st.Size() == int64(len(want))
	}
	if !found {
		t.Error("the texture is not with the master")
	}
}

// TestInterruptedUploadGoesOn: a client killed in the middle of an upload, and the same command again: the part that
// was sent is not sent again. A third time sends nothing at all.
func TestInterruptedUploadGoesOn(t *testing.T) {
	blend, _ := bigScene(t, 96<<20)
	f := startFarm(t)
	f.worker("oak", fastFake...)
	g := newGate(t, f, 70<<20)
	env := func(g *gate) []string {
		return []string{"NETRENDER_MASTER=" + g.addr, "NETRENDER_TOKEN=" + f.token(), "NETRENDER_DATA=" + sharedData()}
	}
	p := start(t, env(g), "submit", blend, "-f", "1-2")
	select {
	case <-g.shut:
	case <-p.done:
		t.Fatalf("it ended before: %s", p.out.String())
	case <-time.After(time.Minute):
		t.Fatalf("nothing is sent: %s", p.out.String())
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(20 * time.Second); code != 130 {
		t.Errorf("exit %d", code)
	}
	if said := p.out.String(); !strings.Contains(said, "waits for its files") {
		t.Errorf("it does not say how to go on:\n%s", said)
	}
	close(g.open)
	rest := newGate(t, f, 0)
	if _, errs, code := run(t, env(rest), "submit", blend, "-f", "1-2"); code != 0 {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	if jobs := strings.Count(f.ok("jobs", "--json"), "\n"); jobs != 1 {
		t.Errorf("sending the rest made %d jobs", jobs)
	}
	t.Logf("the second try sent %d bytes", rest.bytes())
	if rest.bytes() > 80<<20 {
		t.Errorf("%d bytes were sent again", rest.bytes())
	}
	nothing := newGate(t, f, 0)
	if _, errs, code := run(t, env(nothing), "submit", blend, "-f", "1-2"); code != 0 {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	if jobs := strings.Count(f.ok("jobs", "--json"), "\n"); jobs != 2 {
		t.Errorf("there are %d jobs, not the one that was sent and the one that was sent anew", jobs)
	}
	if nothing.bytes() > 64<<10 {
		t.Errorf("%d bytes were sent although nothing had changed", nothing.bytes())
	}
}

// TestScriptsThatRaise: the scene's own Python raises. Blender says so and renders all the same, and so does the farm;
// the log tells. Without --scripts nothing of it runs.
func TestScriptsThatRaise(t *testing.T) {
	blend := copyOf(t, "raises.blend")
	f := startFarm(t)
	blenderWorker(t, f, "--scripts")
	_, errs, code := f.run("render", "--data", sharedData(), blend, "-f", "1", "-o", t.TempDir(), "--scripts")
	if code != 0 {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if log := f.ok("logs", "1", "-f", "1"); !strings.Contains(log, "this script of the scene always raises") {
		t.Errorf("the log does not tell of the script:\n%s", tail(log, 2000))
	}
	_, errs, code = f.run("render", "--data", sharedData(), blend, "-f", "1", "-o", t.TempDir())
	if code != 0 || !strings.Contains(errs, "they will not run") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if log := f.ok("logs", "2", "-f", "1"); strings.Contains(log, "always raises") {
		t.Errorf("a script ran without being asked to:\n%s", tail(log, 2000))
	}
}

// TestScriptsThatEndBlender: the scene's own Python ends the process; the frames fail with a sentence, and the worker
// goes on with other jobs.
func TestScriptsThatEndBlender(t *testing.T) {
	blender := blenders(t)[0]
	blend := copyOf(t, "tiny.blend")
	script := filepath.Join(t.TempDir(), "ends.py")
	write(t, script, []byte(`import bpy
text = bpy.data.texts.new("ends.py")
text.write("import os\nos._exit(7)\n")
text.use_module = True
bpy.ops.wm.save_mainfile()
`))
	good := copyOf(t, "tiny.blend")
	python(t, blender, blend, script)
	f := startFarm(t)
	blenderWorker(t, f, "--scripts")
	_, errs, code := f.run("render", "--data", sharedData(), blend, "-f", "1-2", "-o", t.TempDir(), "--scripts", "--attempts", "1")
	if code != 1 || !strings.Contains(errs, "failed: ") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	t.Log(errs)
	sentence(t, errs)
	if s := f.job("1"); s.State != "failed" || s.Failed != 2 {
		t.Errorf("the job is %+v", s)
	}
	if _, errs, code := f.run("render", "--data", sharedData(), good, "-f", "1", "-o", t.TempDir()); code != 0 {
		t.Errorf("the next job: exit %d\n%s", code, errs)
	}
}
