package classic

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// modern submits a job as the command line does. edit changes it.
func (h *house) modern(edit ...func(*farm.JobSpec)) farm.Job {
	h.t.Helper()
	ctx := context.Background()
	spec := farm.JobSpec{Name: "new", Blend: "new.blend", Frames: farm.FrameRange(1, 2, 1), Options: farm.Options{EXR: "full", Preview: true}}
	files := []farm.File{}
	for _, name := range []string{"new.blend", "a.png"} {
		if name == "a.png" && spec.Name != "two files" {
			break
		}
		text := []byte("the bytes of " + name)
		ref := blob.RefOf(text)
		if err := h.blobs.Put(ctx, ref, int64(len(text)), strings.NewReader(string(text))); err != nil {
			h.t.Fatal(err)
		}
		files = append(files, farm.File{Path: name, Original: "/home/bob/" + name, Size: int64(len(text)), Ref: ref.String()})
		if name == "new.blend" {
			for _, f := range edit {
				f(&spec)
			}
		}
	}
	j, err := h.m.Submit(ctx, admin, spec, files)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// TestModernJobs: a slave renders modern jobs whose options it can honour, and no others; who asks why is told.
func TestModernJobs(t *testing.T) {
	for name, edit := range map[string]func(*farm.JobSpec){
		"":                        func(*farm.JobSpec) {},
		"renders parts of frames": func(s *farm.JobSpec) { s.Tiles = farm.Tiles{X: 2, Y: 2} },
		"renders frames in order": func(s *farm.JobSpec) { s.InOrder = true },
		"makes films":             func(s *farm.JobSpec) { s.Film = &farm.Film{} },
		"renders anything but whole multilayer EXRs": func(s *farm.JobSpec) { s.Options.EXR = "half" },
		"writes the scene's own files":               func(s *farm.JobSpec) { s.Options.Outputs = true },
		"runs scripts by the job's choice":           func(s *farm.JobSpec) { s.Options.Scripts = true },
		"follows the job's options":                  func(s *farm.JobSpec) { s.Options.Engine = "CYCLES" },
		"lays out scenes of several files":           func(s *farm.JobSpec) { s.Name = "two files" },
		"older":                                      func(s *farm.JobSpec) { s.Needs.Blender = farm.Version{Major: 4} },
		"cannot render with":                         func(s *farm.JobSpec) { s.Needs.Engine = "BLENDER_EEVEE" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			j := h.modern(edit)
			slave := h.slave("old")
			task := h.task(slave)
			why, err := h.m.Why(context.Background(), j.ID)
			if err != nil || len(why) != 1 {
				t.Fatalf("%v, %v", why, err)
			}
			if name != "" {
				if task != nil {
					t.Error("it is given out")
				}
				if !strings.Contains(why[0].Text, name) && !strings.Contains(why[0].Text, "older") && !strings.Contains(why[0].Text, "scripts") {
					t.Errorf("why: %s", why[0].Text)
				}
				return
			}
			if task == nil {
				t.Fatalf("it is not given out: %s", why[0].Text)
			}
			id := task.ID
			if id != "1000000001" || len(task.Files) != 1 || task.Files[0].Filepath != "new.blend" || !slices.Equal(task.numbers(), []int{1}) {
				t.Errorf("the slave is told %+v", task)
			}
			if r := h.need(200, "GET", "/file_"+id+"_0", nil); r.body != "the bytes of new.blend" {
				t.Errorf("the file is %q", r.body)
			}
			h.need(200, "HEAD", "/status", nil, "job-id", id, "job-frame", 1)
			h.need(204, "GET", "/status", nil, "job-id", id) // clients of the protocol see their own jobs alone
			h.need(204, "POST", "/cancel_"+id, nil)
			h.need(204, "GET", "/render_"+id+"_1.exr", nil)
			exr := picture(t)
			for _, frame := range []int{1, 2} {
				if r := h.send(slave, id, frame, exr); r.status != 200 {
					t.Errorf("frame %d: %d %s", frame, r.status, r.body)
				}
				h.task(slave)
			}
			h.need(204, "GET", "/file_"+id+"_0", nil) // it holds nothing of the job any more
			f, err := h.m.OpenResult(context.Background(), j.ID, "exr/0001.exr")
			if err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
			if j, _ = h.m.Job(context.Background(), j.ID); j.State != farm.Done {
				t.Errorf("the job is %s", j.State)
			}
		})
	}
}

// TestModernWorker: a worker of today renders a job of the door, and its client fetches.
func TestModernWorker(t *testing.T) {
	h := open(t)
	id := h.job([]int{1}, 1, "BLENDER-v279 scene", func(j map[string]any) {
		j["render"] = "CYCLES"
		j["files"] = []any{
			map[string]any{"filepath": "/home/ann/film/shot.blend", "start": -1, "end": -1},
		}
	})
	ctx := context.Background()
	who := admin
	_, err := h.m.Register(ctx, who, farm.Registration{ID: "worker-new", Name: "new", Slots: 1, Protocol: farm.Protocol, Facts: farm.Facts{
		Blenders: []farm.Blender{{Version: farm.Version{Major: 4}, Engines: []string{"CYCLES"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.m.Claim(ctx, who, farm.Wish{Worker: "worker-new"})
	if err != nil || g == nil {
		t.Fatalf("%v, %v", g, err)
	}
	if g.Blend != "shot.blend" || g.Options.EXR != "full" || g.Options.Scripts || g.Needs.Blender != (farm.Version{Major: 2, Minor: 79}) || g.Needs.Engine != "CYCLES" {
		t.Errorf("the worker is told %+v", g)
	}
	files, err := h.m.Files(ctx, g.Lease.Job, "", 10)
	if err != nil || len(files) != 1 || files[0].Original != "/home/ann/film/shot.blend" {
		t.Errorf("%+v, %v", files, err)
	}
	exr := picture(t)
	r := farm.Result{Kind: farm.KindEXR, Name: "exr/0001.exr", Size: int64(len(exr)), Ref: blob.RefOf(exr).String(), Frame: 1}
	if _, _, err := h.m.PutResult(ctx, who, g.Lease.ID, "worker-new", r, 0, strings.NewReader(string(exr))); err != nil {
		t.Fatal(err)
	}
	rep := farm.Report{Lease: g.Lease.ID, Worker: "worker-new", Job: g.Lease.Job, Frame: 1, Attempt: 1, Outcome: farm.Rendered, Results: []farm.Result{r}}
	if v, _, err := h.m.Report(ctx, who, []farm.Report{rep}, nil); err != nil || !v[0].Accepted {
		t.Fatalf("%v, %v", v, err)
	}
	if got := h.need(200, "GET", "/render_"+id+"_1.exr", nil); got.body != string(exr) {
		t.Error("the client fetches something else")
	}
	var view renderJob
	if err := decode(h.need(200, "GET", "/status", nil, "job-id", id).body, &view); err != nil {
		t.Fatal(err)
	}
	if f := view.Frames[0]; view.Status != jobFinished || f.Status != frameDone || f.Slave == nil || f.Slave.Name != "new" || !slices.Equal(f.Results, []string{"000001.exr"}) {
		t.Errorf("the client sees %+v", view)
	}
}

// TestFiles: a job of several files waits for all, a slave is told those that its frames need, and a modern worker where
// each lies.
func TestFiles(t *testing.T) {
	h := open(t)
	r := h.need(202, "POST", "/job", describe(numbers(2), 1, func(j map[string]any) {
		j["files"] = []any{
			map[string]any{"filepath": "/home/ann/shot.blend", "start": -1, "end": -1},
			map[string]any{"filepath": "/home/ann/tex/a.png", "start": -1, "end": -1},
			map[string]any{"filepath": `C:\lib\a.png`, "start": 2, "end": 5},
		}
	}))
	id := r.head.Get("job-id")
	slave := h.slave("old")
	for i, status := range []int{202, 202, 200} {
		if h.task(slave) != nil {
			t.Fatal("it is given out before all files are there")
		}
		h.need(status, "PUT", "/file_"+id+"_"+string(rune('0'+i)), []byte("file "+string(rune('0'+i))))
	}
	names := func(j *renderJob) (list []string) {
		for _, f := range j.Files {
			list = append(list, f.Filepath)
			if got := h.need(200, "GET", "/file_"+id+"_"+string(rune('0'+f.Index)), nil).body; got != "file "+string(rune('0'+f.Index)) {
				t.Errorf("%s is %q", f.Filepath, got)
			}
		}
		return list
	}
	if got := names(h.task(slave)); !slices.Equal(got, []string{"shot.blend", "a.png"}) {
		t.Errorf("for frame 1: %v", got)
	}
	h.send(slave, id, 1, picture(t))
	if got := names(h.task(slave)); !slices.Equal(got, []string{"shot.blend", "a.png", "2_a.png"}) {
		t.Errorf("for frame 2: %v", got)
	}
	files, err := h.m.Files(context.Background(), h.engineJob(id).ID, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range files {
		got[f.Original] = f.Path
	}
	if got["/home/ann/shot.blend"] != "shot.blend" || got["/home/ann/tex/a.png"] != "tex/a.png" || !strings.HasPrefix(got[`C:\lib\a.png`], "_outside/") {
		t.Errorf("the manifest is %v", got)
	}
}

// TestRestart: a master that is started anew knows jobs, files that came, slaves and what they hold.
func TestRestart(t *testing.T) {
	h := open(t)
	two := func(j map[string]any) {
		j["files"] = append(j["files"].([]any), map[string]any{"filepath": "/home/ann/a.png", "start": -1, "end": -1})
	}
	waiting := h.need(202, "POST", "/job", describe([]int{1}, 1, two)).head.Get("job-id")
	h.need(202, "PUT", "/file_"+waiting+"_0", []byte("scene"))
	id := h.job(numbers(3), 1, "another scene")
	canceled := h.job([]int{1}, 1, "a third")
	h.need(200, "POST", "/cancel_"+canceled, nil)
	slave, idle := h.slave("old"), h.slave("old")
	task := h.task(slave)
	h.need(200, "PUT", "/log_"+id+"_1.log", []byte("before "), "slave-id", slave)
	h.restart()
	h.need(200, "HEAD", "/status", nil, "job-id", id, "job-frame", 1)
	h.need(200, "PUT", "/log_"+id+"_1.log", []byte("after"), "slave-id", slave)
	if r := h.send(slave, task.ID, 1, picture(t)); r.status != 200 {
		t.Errorf("what it held is not taken: %d %s", r.status, r.body)
	}
	if got := h.need(200, "GET", "/log_"+id+"_1.log", nil).body; got != "before after" {
		t.Errorf("the log is %q", got)
	}
	if next := h.task(idle); next == nil || next.ID != id {
		t.Errorf("a slave from before gets %v", next)
	}
	if third := h.slave("old"); third == slave || third == idle {
		t.Error("a slave that comes has the id of one that is there")
	}
	h.need(200, "PUT", "/file_"+waiting+"_1", []byte("picture"))
	h.need(202, "GET", "/render_"+waiting+"_1.exr", nil)
	h.need(204, "GET", "/status", nil, "job-id", canceled)
	if again := h.job([]int{1}, 1, "a fourth"); again == canceled || again == waiting || again == id {
		t.Errorf("the id %s is given twice", again)
	}
}

// TestSteering: what clients of 1.8 may do with their jobs.
func TestSteering(t *testing.T) {
	h := open(t)
	id := h.job(numbers(3), 1, "scene")
	slave := h.slave("old")
	status := func() *renderJob {
		var j renderJob
		if err := decode(h.need(200, "GET", "/status", nil, "job-id", id).body, &j); err != nil {
			t.Fatal(err)
		}
		return &j
	}
	h.need(200, "POST", "/pause_"+id, nil)
	if status().Status != jobPaused || h.task(slave) != nil {
		t.Error("it is not paused")
	}
	h.need(200, "POST", "/pause_"+id, nil)
	if status().Status != jobQueued {
		t.Error("it does not go on")
	}
	h.need(200, "POST", "/pause_"+id, []byte(`{"status":true}`))
	h.need(200, "POST", "/edit_"+id, []byte(`{"status":1,"priority":7,"chunks":4}`))
	if j := status(); j.Status != jobPaused || j.Priority != 7 || j.Chunks != 4 || h.engineJob(id).Priority != 7 {
		t.Errorf("%+v", j)
	}
	h.need(200, "POST", "/edit_"+id, []byte(`{"status":3,"priority":0}`))
	if j := status(); j.Status != jobQueued || j.Priority != 1 {
		t.Errorf("%+v", j)
	}
	fail := func() {
		for range 10 {
			if task := h.task(slave); task != nil {
				h.need(200, "PUT", "/render", nil, "slave-id", slave, "job-id", id, "job-frame", task.Frames[0].Number, "job-result", frameError)
			}
		}
	}
	fail() // three times each
	if j := status(); j.Status != jobFinished || j.Frames[0].Status != frameError {
		t.Errorf("%+v", j)
	}
	h.need(206, "GET", "/render_"+id+"_1.exr", nil)
	h.need(200, "POST", "/reset_"+id+"_2", nil)
	h.need(202, "GET", "/render_"+id+"_2.exr", nil)
	h.need(206, "GET", "/render_"+id+"_3.exr", nil)
	h.need(200, "POST", "/reset_"+id+"_0", nil)
	h.need(202, "GET", "/render_"+id+"_3.exr", nil)
	ctx := context.Background()
	if _, err := h.m.ChangeWorker(ctx, admin, workerID(slave), func(w *farm.Worker) { w.Enabled = true }); err != nil { // it failed too often
		t.Fatal(err)
	}
	for range 3 {
		task := h.task(slave)
		if task == nil {
			t.Fatal("nothing is given out")
		}
		h.need(200, "PUT", "/thumb", smallJPEG(), "slave-id", slave, "job-id", id, "job-frame", task.Frames[0].Number)
		if r := h.send(slave, id, task.Frames[0].Number, picture(t)); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if r := h.need(200, "GET", "/thumb_"+id+"_1.jpg", nil); r.head.Get("Content-Type") != "image/jpeg" || r.body != string(smallJPEG()) {
		t.Errorf("the preview: %v", r.head)
	}
	h.need(200, "POST", "/resetall_"+id+"_1", nil)
	h.need(202, "GET", "/render_"+id+"_1.exr", nil)
	folder := h.engineJob(id)
	h.need(200, "POST", "/clear", []byte(`{"clear":true}`))
	h.need(204, "GET", "/status", nil, "job-id", id)
	if _, err := h.m.Job(ctx, folder.ID); farm.KindOf(err) != farm.NotFound {
		t.Errorf("the farm has it yet: %v", err)
	}
}

// TestDenied: a slave that a job denies gets nothing of it.
func TestDenied(t *testing.T) {
	h := open(t)
	a, b := h.slave("a"), h.slave("b")
	id := h.job([]int{1}, 1, "scene", func(j map[string]any) { j["blacklist"] = []any{a, "nobody"} })
	if h.task(a) != nil {
		t.Error("the denied slave gets it")
	}
	if j := h.task(b); j == nil || j.ID != id || !slices.Equal(j.Blacklist, []string{a}) {
		t.Errorf("the other gets %v", j)
	}
}

// TestMoreFrames: in the dialect of 2009 the same file again adds frames, failed ones come again, and after a cancellation it is
// a new job.
func TestMoreFrames(t *testing.T) {
	h := open(t, func(o *Options) { o.Dialect = Page })
	scene := []byte("the scene")
	sum := md5.Sum(scene)
	id := hex.EncodeToString(sum[:])
	announce := func(frames string) {
		h.need(200, "PUT", "/file", scene, "job-id", id, "job-frame", frames, "job-chunks", 2)
	}
	ask := func(slave string) string {
		r := h.call("GET", "/job", nil, "slave-id", slave)
		if r.status == http.StatusNoContent {
			return ""
		}
		return r.head.Get("job-frame")
	}
	slave := h.need(200, "POST", "/slave", []byte("old\nLinux")).head.Get("slave-id")
	h.need(200, "PUT", "/file", scene, "job-id", id) // without frames
	if ask(slave) != "" {
		t.Error("a file alone is a job")
	}
	announce("1:2")
	announce("2:4")
	rec := h.d.find(id)
	if rec.Frames.String() != "1-4" || len(rec.Jobs) != 2 || rec.Pending.Count() != 0 {
		t.Errorf("frames %s in %d jobs", rec.Frames, len(rec.Jobs))
	}
	announce("1:4")
	if len(rec.Jobs) != 2 {
		t.Error("frames that are there are rendered twice")
	}
	var seen []string
	for range 2 {
		frames := ask(slave)
		seen = append(seen, frames)
		set, err := readRange(frames)
		if err != nil {
			t.Fatal(err)
		}
		for f := range set.All() {
			result := frameDone
			if f == 3 {
				result = frameError
			}
			h.call("PUT", "/render", picture(t), "slave-id", slave, "job-id", id, "job-frame", f, "job-result", result)
		}
	}
	if !slices.Equal(seen, []string{"1:2", "3:4"}) {
		t.Errorf("given out were %v", seen)
	}
	for range 3 {
		if ask(slave) == "3" {
			h.need(200, "PUT", "/render", nil, "slave-id", slave, "job-id", id, "job-frame", 3, "job-result", frameError)
		}
	}
	h.need(417, "GET", "/render", nil, "job-id", id, "job-frame", 3)
	h.need(417, "GET", "/log", nil, "job-id", id, "job-frame", 3)
	announce("3")
	h.need(204, "GET", "/render", nil, "job-id", id, "job-frame", 3)
	h.restart()
	h.need(200, "GET", "/render", nil, "job-id", id, "job-frame", 1)
	h.need(200, "POST", "/cancel", nil, "job-id", id)
	h.need(404, "GET", "/render", nil, "job-id", id, "job-frame", 1)
	announce("1")
	h.need(204, "GET", "/render", nil, "job-id", id, "job-frame", 1)
	if got := ask(slave); got != "1" {
		t.Errorf("the new job gives out %q", got)
	}
}

// TestUnlike: the dialect of 2009 has ranges of frames that follow one another alone.
func TestUnlike(t *testing.T) {
	for _, c := range []struct{ frames, rest []int }{
		{[]int{1}, nil},
		{[]int{1, 2, 3}, nil},
		{[]int{1, 2, 4, 5}, []int{4, 5}},
		{[]int{5, 4}, []int{4}},
	} {
		if got := unlike(c.frames); !slices.Equal(got, c.rest) {
			t.Errorf("%v: %v", c.frames, got)
		}
	}
}
