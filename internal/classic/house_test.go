package classic

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/store"
)

// house is a master with a classic door, in this process.
type house struct {
	t     testing.TB
	dir   string
	m     *master.Master
	d     *Door
	blobs *blob.Guard
	url   string
	late  atomic.Int64 // nanoseconds that the clock is ahead
	opt   Options
	stop  func()
}

// admin is who looks at the farm in tests.
var admin = master.Identity{Name: "ann", Token: "t-ann", Role: farm.RoleAdmin}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.late.Load())) }

func open(t testing.TB, change ...func(*Options)) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.opt = Options{Now: h.now, Rand: rand.Reader, Dir: filepath.Join(h.dir, "classic"), Dialect: V18, Program: "1.0.0", Allow: []netip.Prefix{}}
	for _, f := range change {
		f(&h.opt)
	}
	h.blobs = blob.NewGuard(new(blob.Memory), time.Hour, h.now)
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start runs the master and the door.
func (h *house) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	db, err := store.OpenSQLite(ctx, filepath.Join(h.dir, "farm.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	if h.m, err = master.New(ctx, master.Options{Store: db, Blobs: h.blobs, Dir: h.dir, Now: h.now, Rand: rand.Reader, Program: "1.0.0"}); err != nil {
		h.t.Fatal(err)
	}
	o := h.opt
	o.Master, o.Blobs = h.m, h.blobs
	if h.d, err = New(o); err != nil {
		h.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + l.Addr().String()
	engine, stopEngine := context.WithCancel(context.Background())
	var loops, doors sync.WaitGroup
	loops.Go(func() { _ = h.m.Run(engine) })
	doors.Go(func() { _ = h.d.Run(ctx) })
	doors.Go(func() { _ = h.d.Serve(ctx, l, time.Second) })
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			cancel()
			doors.Wait()
			stopEngine()
			loops.Wait()
			_ = db.Close()
		})
	}
}

// restart ends master and door and starts them anew on what they kept.
func (h *house) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

// reply is an answer.
type reply struct {
	status int
	head   http.Header
	body   string
}

// transport is http.client of Python, more or less.
var transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}

// call makes a call; headers come in pairs.
func (h *house) call(method, path string, body []byte, headers ...any) reply {
	h.t.Helper()
	r, err := h.try(method, path, bytes.NewReader(body), headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) try(method, path string, body io.Reader, headers ...any) (reply, error) {
	req, err := http.NewRequest(method, h.url+path, body)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i].(string), fmt.Sprint(headers[i+1]))
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

// need is call with the status that it must have.
func (h *house) need(status int, method, path string, body []byte, headers ...any) reply {
	h.t.Helper()
	r := h.call(method, path, body, headers...)
	if r.status != status {
		h.t.Fatalf("%s %s: %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r
}

// job announces a job of V18 and sends its files. edit changes the description.
func (h *house) job(frames []int, chunks int, scene string, edit ...func(map[string]any)) string {
	h.t.Helper()
	r := h.need(http.StatusAccepted, "POST", "/job", describe(frames, chunks, edit...))
	id := r.head.Get("job-id")
	h.need(http.StatusOK, "PUT", "/file_"+id+"_0", []byte(scene))
	return id
}

// describe is a job in JSON.
func describe(frames []int, chunks int, edit ...func(map[string]any)) []byte {
	list := []any{}
	for _, f := range frames {
		list = append(list, map[string]any{"number": f})
	}
	job := map[string]any{
		"type": 1, "subtype": 1, "name": "shot", "chunks": chunks, "priority": 1, "frames": list,
		"files": []any{map[string]any{"filepath": "/home/ann/shot.blend", "original_path": "/home/ann/shot.blend", "index": 0, "start": -1, "end": -1, "signature": nil}},
	}
	for _, f := range edit {
		f(job)
	}
	text, err := json.Marshal(job)
	if err != nil {
		panic(err)
	}
	return text
}

// slave makes a slave of V18 known.
func (h *house) slave(name string) string {
	h.t.Helper()
	return h.need(http.StatusOK, "POST", "/slave", fmt.Appendf(nil, `{"name":%q,"stats":"Linux"}`, name)).head.Get("slave-id")
}

// task asks for work; nil: there is none.
func (h *house) task(slave string) *renderJob {
	h.t.Helper()
	r := h.call("GET", "/job", nil, "slave-id", slave)
	if r.status == http.StatusAccepted {
		return nil
	}
	if r.status != http.StatusOK {
		h.t.Fatalf("GET /job: %d %s", r.status, r.body)
	}
	var j renderJob
	if err := json.Unmarshal([]byte(r.body), &j); err != nil {
		h.t.Fatal(err)
	}
	return &j
}

func (j *renderJob) numbers() (list []int) {
	for _, f := range j.Frames {
		list = append(list, f.Number)
	}
	return list
}

// send sends a frame's picture.
func (h *house) send(slave, job string, frame int, picture []byte) reply {
	h.t.Helper()
	return h.call("PUT", "/render", picture, "slave-id", slave, "job-id", job, "job-frame", frame, "job-result", frameDone, "job-time", 1.5)
}

// picture is an EXR.
func picture(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../exr/testdata/multilayer.exr")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// engineJob is the job that the engine has of the door's.
func (h *house) engineJob(id string) farm.Job {
	h.t.Helper()
	rec := h.d.find(id)
	if rec == nil || len(rec.Jobs) == 0 {
		h.t.Fatalf("the engine has no job of %s", id)
	}
	j, err := h.m.Job(context.Background(), rec.Jobs[len(rec.Jobs)-1])
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// eventually waits for a fact.
func (h *house) eventually(what string, fact func() bool) {
	h.t.Helper()
	for end := time.Now().Add(30 * time.Second); !fact(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("it is still not so that %s", what)
		}
	}
}

// raw is a connection on which bytes are sent as they are.
type raw struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (h *house) dial() *raw {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &raw{h.t, conn, bufio.NewReader(conn)}
}

// ask sends bytes and reads an answer: its head as it came, and its body.
func (r *raw) ask(request, method string) (head, body string) {
	r.t.Helper()
	if _, err := io.WriteString(r.conn, request); err != nil {
		r.t.Fatal(err)
	}
	length := 0
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			r.t.Fatalf("no answer to %.200q: %v; so far %q", request, err, head)
		}
		head += line
		if line == "\r\n" {
			break
		}
		if rest, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			_, _ = fmt.Sscan(rest, &length)
		}
	}
	if method == http.MethodHead {
		return head, ""
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r.r, text); err != nil {
		r.t.Fatal(err)
	}
	return head, string(text)
}

// decode reads JSON.
func decode(text string, v any) error { return json.Unmarshal([]byte(text), v) }

// smallJPEG is a picture of a few pixels.
func smallJPEG() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}
