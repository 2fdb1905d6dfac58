package classic

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func numbers(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

// TestNoDoubleDispatch: 64 slaves that poll at the same time get each frame once.
func TestNoDoubleDispatch(t *testing.T) {
	h := open(t)
	const frames, slaves = 300, 64
	id := h.job(numbers(frames), 1, "scene", func(j map[string]any) { j["priority"] = 0 })
	names := make([]string, slaves)
	for i := range names {
		names[i] = h.slave("old")
	}
	if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != slaves {
		t.Fatal("two slaves have one id")
	}
	exr := picture(t)
	var mu sync.Mutex
	given := map[int]int{}
	var polling sync.WaitGroup
	errs := make(chan error, slaves)
	for _, name := range names {
		polling.Go(func() {
			for {
				r, err := h.try("GET", "/job", nil, "slave-id", name)
				if err != nil || r.status != http.StatusOK {
					if err != nil || r.status != http.StatusAccepted {
						errs <- fmt.Errorf("GET /job: %d, %v", r.status, err)
					}
					return
				}
				var j renderJob
				if err := decode(r.body, &j); err != nil {
					errs <- err
					return
				}
				for _, f := range j.numbers() {
					mu.Lock()
					given[f]++
					mu.Unlock()
					r, err := h.try("PUT", "/render", bytes.NewReader(exr), "slave-id", name, "job-id", id, "job-frame", f, "job-result", frameDone)
					if err != nil || r.status != http.StatusOK {
						errs <- fmt.Errorf("PUT /render: %d %s, %v", r.status, r.body, err)
						return
					}
				}
			}
		})
	}
	polling.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	for f := 1; f <= frames; f++ {
		if given[f] != 1 {
			t.Errorf("frame %d was given out %d times", f, given[f])
		}
	}
	if j := h.engineJob(id); j.State != farm.Done || j.Done != frames {
		t.Errorf("the job is %s with %d frames", j.State, j.Done)
	}
}

// TestTruncatedPicture: neither a body that breaks off nor an EXR that does is a frame.
func TestTruncatedPicture(t *testing.T) {
	h := open(t)
	id := h.job(numbers(2), 2, "scene")
	slave := h.slave("old")
	h.task(slave)
	whole := picture(t)

	c := h.dial() // it says more than it sends
	_, err := fmt.Fprintf(c.conn, "PUT /render HTTP/1.1\r\nHost: x\r\nslave-id: %s\r\njob-id: %s\r\njob-frame: 1\r\njob-result: 2\r\nContent-Length: %d\r\n\r\n%s",
		slave, id, len(whole), whole[:len(whole)-1])
	if err != nil {
		t.Fatal(err)
	}
	_ = c.conn.(interface{ CloseWrite() error }).CloseWrite()
	if text, _ := io.ReadAll(c.conn); bytes.HasPrefix(text, []byte("HTTP/1.1 200")) {
		t.Errorf("a body that broke off was answered %.100q", text)
	}
	if j := h.engineJob(id); j.Done != 0 || j.Failed != 0 {
		t.Errorf("after it %d frames are done, %d failed", j.Done, j.Failed)
	}

	for name, body := range map[string][]byte{"a piece": whole[:len(whole)/2], "nothing": nil, "text": []byte("no picture")} {
		if r := h.send(slave, id, 1, body); r.status == http.StatusOK {
			t.Errorf("%s was taken for a picture", name)
		}
	}
	if j := h.engineJob(id); j.Done != 0 {
		t.Errorf("%d frames are done", j.Done)
	}
	h.need(http.StatusAccepted, "GET", "/render_"+id+"_1.exr", nil)
	if r := h.send(slave, id, 2, whole); r.status != http.StatusOK {
		t.Errorf("the frame that is whole was answered %d", r.status)
	}
	// What failed is tried again, by the same slave where there is no other.
	if again := h.task(slave); again == nil || !slices.Equal(again.numbers(), []int{1}) {
		t.Fatalf("the failed frame is not given out again: %v", again)
	}
	if r := h.send(slave, id, 1, whole); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	if j := h.engineJob(id); j.State != farm.Done {
		t.Errorf("the job is %s", j.State)
	}
}

// TestEmptyJobs: a job without frames or files is refused with a sentence, and stalls nobody.
func TestEmptyJobs(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		name string
		edit func(map[string]any)
		says string
	}{
		{"no frames", func(j map[string]any) { j["frames"] = []any{} }, "no frames"},
		{"no files", func(j map[string]any) { j["files"] = []any{} }, "no files"},
		{"nothing", func(j map[string]any) { clear(j) }, "no files"},
		{"commands", func(j map[string]any) { j["type"] = 2 }, "renders scenes only"},
		{"a bake", func(j map[string]any) { j["subtype"] = 2 }, "renders scenes only"},
		{"frames beyond Blender's", func(j map[string]any) { j["frames"] = []any{map[string]any{"number": 1 << 30}} }, "not a frame"},
		{"no MD5", func(j map[string]any) { j["files"].([]any)[0].(map[string]any)["signature"] = "x" }, "no MD5"},
		{"a path of controls", func(j map[string]any) { j["files"].([]any)[0].(map[string]any)["filepath"] = "/a\nb" }, "cannot be used"},
	} {
		r := h.call("POST", "/job", describe([]int{1}, 1, c.edit))
		if r.status != http.StatusBadRequest || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %q", c.name, r.status, r.body)
		}
	}
	if body := h.need(http.StatusOK, "GET", "/status", nil).body; body != "[]" {
		t.Errorf("jobs are left: %s", body)
	}
	slave := h.slave("old")
	if h.task(slave) != nil {
		t.Error("there is work")
	}
	id := h.job([]int{1}, 0, "scene", func(j map[string]any) { j["priority"] = -5 })
	if h.task(slave) == nil {
		t.Error("a proper job is not given out")
	}
	if j := h.engineJob(id); j.Priority != 1 || j.Chunk != 1 {
		t.Errorf("priority %d, chunk %d", j.Priority, j.Chunk)
	}
}

// TestAsksAgain: a slave that asks while it holds frames has nothing left of them; they are given out again at once.
func TestAsksAgain(t *testing.T) {
	h := open(t)
	id := h.job(numbers(4), 2, "scene")
	a, b := h.slave("a"), h.slave("b")
	if got := h.task(a).numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("a has %v", got)
	}
	if got := h.task(b).numbers(); !slices.Equal(got, []int{3, 4}) {
		t.Fatalf("b has %v", got)
	}
	if got := h.task(a).numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("a asks again and has %v", got)
	}
	if r := h.send(a, id, 1, picture(t)); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got := h.task(b).numbers(); !slices.Equal(got, []int{2}) && !slices.Equal(got, []int{3, 4}) {
		t.Errorf("b asks again and has %v", got)
	}
	list, err := h.m.Attempts(context.Background(), farm.AttemptFilter{Job: h.engineJob(id).ID, Failed: true, Limit: 100})
	if err != nil || len(list) > 0 {
		t.Errorf("giving back counts as a failure: %v, %v", list, err)
	}
}

// TestRoots: announced paths are read below the roots alone.
func TestRoots(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write := func(path, text string) string {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inside := write(filepath.Join(root, "film", "shot.blend"), "the scene")
	secret := write(filepath.Join(outside, "secret"), "the secret")
	link, dir := filepath.Join(root, "link"), filepath.Join(root, "dir")
	if err := os.Symlink(secret, link); err != nil {
		t.Skip("no links here")
	}
	if err := os.Symlink(outside, dir); err != nil {
		t.Fatal(err)
	}
	sibling := write(root+"-2/shot.blend", "a neighbour")
	t.Cleanup(func() { _ = os.RemoveAll(root + "-2") })

	files := func(path, signature string) func(map[string]any) {
		return func(j map[string]any) {
			f := map[string]any{"filepath": path, "start": -1, "end": -1}
			if signature != "" {
				f["signature"] = signature
			}
			j["files"] = []any{f}
		}
	}
	sum := md5.Sum([]byte("the scene"))
	h := open(t, func(o *Options) { o.Roots = []string{root} })
	for path, status := range map[string]int{
		inside: 200,
		filepath.Join(root, "film/../film/shot.blend"): 200,
		secret:                       202,
		link:                         202,
		filepath.Join(dir, "secret"): 202,
		root + "/../" + filepath.Base(outside) + "/secret": 202,
		sibling:                           202,
		root:                              202,
		filepath.Join(root, "none.blend"): 202,
		"film/shot.blend":                 202,
		"/dev/zero":                       202,
		"/etc/passwd":                     202,
	} {
		r := h.call("POST", "/job", describe([]int{1}, 1, files(path, "")))
		if r.status != status {
			t.Errorf("%s: %d, want %d", path, r.status, status)
			continue
		}
		id := r.head.Get("job-id")
		r = h.call("GET", "/file_"+id+"_0", nil)
		if status == 200 && r.body != "the scene" || status == 202 && r.status != http.StatusNoContent {
			t.Errorf("%s: the file is answered %d %q", path, r.status, r.body)
		}
	}
	h.need(200, "POST", "/job", describe([]int{1}, 1, files(inside, strings.ToUpper(hex.EncodeToString(sum[:])))))
	h.need(202, "POST", "/job", describe([]int{1}, 1, files(inside, strings.Repeat("0", 32)))) // another file than the client's
	none := open(t)
	if r := none.call("POST", "/job", describe([]int{1}, 1, files(inside, ""))); r.status != 202 {
		t.Errorf("without roots %d", r.status)
	}
	old := open(t, func(o *Options) { o.Roots, o.Dialect = []string{root}, Page })
	old.need(200, "POST", "/job", []byte(inside), "job-id", hex.EncodeToString(sum[:]), "job-frame", 1)
	old.need(404, "POST", "/job", []byte(secret), "job-id", strings.Repeat("1", 32), "job-frame", 1)
}

// TestResultNames: a slave writes nothing but files of its frame, below the job's results.
func TestResultNames(t *testing.T) {
	h := open(t)
	id := h.job(numbers(2), 2, "scene")
	slave := h.slave("old")
	h.task(slave)
	put := func(name string, body []byte, finished string) reply {
		return h.call("PUT", "/result", body, "slave-id", slave, "job-id", id, "job-frame", 1, "job-result", frameDone, "result-filename", name, "job-finished", finished)
	}
	for _, name := range []string{"../x", "/etc/x", "a/b.png", `..\x`, `C:\x`, "..", ".hidden", "CON", "x:y"} {
		if r := put(name, []byte("text"), "False"); r.status != http.StatusBadRequest {
			t.Errorf("%q: %d", name, r.status)
		}
		if got := h.task(slave); got == nil { // a refused result fails the frame: it is given out again
			t.Fatalf("%q: the frame is gone", name)
		}
		h.need(200, "POST", "/resetall_"+id+"_0", nil)
		h.task(slave)
	}
	if r := put("notes.txt", []byte("text"), "False"); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := put("picture.exr", picture(t), "True"); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	j := h.engineJob(id)
	top := h.m.OutputFolder(&j)
	for name, want := range map[string]string{"files/0001/notes.txt": "text", "exr/0001.exr": string(picture(t))} {
		if text, err := os.ReadFile(filepath.Join(top, name)); err != nil || string(text) != want {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	if r := h.need(200, "GET", "/result_"+id+".zip", nil); !strings.HasPrefix(r.body, "PK") || r.head.Get("Content-Type") != "application/zip" {
		t.Error("the zip is none")
	}
}

// TestVanished: what a slave held that fell silent is given to another, and what it sends late does no harm.
func TestVanished(t *testing.T) {
	h := open(t)
	h.d.pace = 100 * time.Millisecond
	rules := farm.DefaultRules()
	rules.HeartbeatMS = 50
	if err := h.m.SetRules(context.Background(), admin, rules); err != nil {
		t.Fatal(err)
	}
	id := h.job(numbers(2), 2, "scene")
	a, b := h.slave("a"), h.slave("b")
	h.task(a)
	var got *renderJob
	h.eventually("b has the frames of a", func() bool { got = h.task(b); return got != nil })
	if !slices.Equal(got.numbers(), []int{1}) { // what was lost comes one by one
		t.Errorf("b has %v", got.numbers())
	}
	if r := h.send(b, id, 1, picture(t)); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := h.send(a, id, 2, picture(t)); r.status != 200 { // late, but nobody else has it yet
		t.Errorf("a frame that came late: %d", r.status)
	}
	h.send(a, id, 1, picture(t))
	h.send(b, id, 2, picture(t))
	if j := h.engineJob(id); j.State != farm.Done || j.Done != 2 {
		t.Errorf("the job is %s with %d frames", j.State, j.Done)
	}
}

// TestSignsOfLife: what a slave says while it renders renews its lease, and that of nobody else.
func TestSignsOfLife(t *testing.T) {
	h := open(t)
	h.d.pace = time.Millisecond
	id := h.job(numbers(2), 1, "scene")
	a, b := h.slave("a"), h.slave("b")
	h.task(a)
	h.task(b)
	seen := func(slave string) time.Time {
		w, err := h.m.Worker(context.Background(), workerID(slave))
		if err != nil || len(w.Running) != 1 {
			t.Fatalf("%v, %v", w.Running, err)
		}
		return w.Running[0].Seen
	}
	for name, say := range map[string]func(){
		"HEAD": func() { h.need(200, "HEAD", "/status", nil, "job-id", id, "job-frame", 1) },
		"log":  func() { h.need(200, "PUT", "/log_"+id+"_1.log", []byte("text"), "slave-id", a) },
	} {
		before, other := seen(a), seen(b)
		time.Sleep(time.Millisecond)
		say()
		if !seen(a).After(before) {
			t.Errorf("%s is no sign of life", name)
		}
		if !seen(b).Equal(other) {
			t.Errorf("%s is taken for one of another slave", name)
		}
	}
}
