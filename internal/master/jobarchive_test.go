package master_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

var all = master.ArchiveOptions{Farm: "farm", Machine: "oak", Files: true, Results: true, Logs: true}

// inRealFarm runs f with a master in real time: packing has channels of its own, which outlive a bubble of virtual time.
func inRealFarm(t *testing.T, f func(b *bench)) {
	t.Helper()
	b := &bench{t: t, store: newMemStore(), blobs: &shelf{}, dir: t.TempDir()}
	b.free.Store(1 << 40)
	b.start()
	defer func() { b.stop() }()
	f(b)
}

// archived makes the archive of a job.
func (b *bench) archived(id farm.JobID, o master.ArchiveOptions) []byte {
	b.t.Helper()
	var out bytes.Buffer
	if err := b.m.Archive(context.Background(), root, id, o, &out); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

// half makes a job of four frames: two are done, one was given up, one waits.
func (b *bench) half() farm.Job {
	b.t.Helper()
	w := b.worker("oak", 1)
	job := b.submit("1-4", func(s *farm.JobSpec) {
		s.Options, s.Attempts = farm.Options{EXR: "none", Outputs: true}, 1
	})
	for frame := 1; frame <= 3; frame++ {
		g := b.claim(w, 0)
		ctx := context.Background()
		if err := b.m.AppendLog(ctx, root, g.Lease.ID, w, frame, 0, strings.NewReader(fmt.Sprintf("Fra:%d\n", frame))); err != nil {
			b.t.Fatal(err)
		}
		if frame == 2 {
			b.report(g, frame, farm.Errored, func(r *farm.Report) { r.Error = "no camera" })
			continue
		}
		res := b.upload(g, frame, fmt.Sprintf("render/%04d.png", frame), fmt.Sprintf("picture %d", frame))
		b.report(g, frame, farm.Rendered, func(r *farm.Report) {
			r.Results, r.Warnings = []farm.Result{res}, []string{"A texture is missing."}
		})
	}
	return b.job(job.ID)
}

// tree is what lies below the master's folders, but for its logs and results of jobs that it knows.
func (b *bench) tree() (list []string) {
	b.t.Helper()
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // the master removes it just now
			return nil
		}
		if name, _ := filepath.Rel(b.dir, path); err == nil {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bench) imports(o master.ImportOptions, text []byte) (master.Imported, error) {
	return b.m.Import(context.Background(), root, o, bytes.NewReader(text))
}

// TestImportOfHalf: what is done is done, what failed has failed, and nothing is rendered before somebody says so.
func TestImportOfHalf(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		job := b.half()
		text := b.archived(job.ID, all)
		in, err := b.imports(master.ImportOptions{Key: "one"}, text)
		if err != nil {
			t.Fatal(err)
		}
		j := in.Job
		if j.ID == job.ID || j.State != farm.Paused || j.Done != 2 || j.Failed != 1 || j.Total != 4 || j.Folder == job.Folder {
			t.Fatalf("%+v", j)
		}
		same, err := b.imports(master.ImportOptions{Key: "one"}, text)
		if err != nil || !same.Again || same.Job.ID != j.ID {
			t.Errorf("the same key made another job: %+v, %v", same, err)
		}
		b.m.Cancel(context.Background(), root, job.ID)
		want(t, "a paused job is given", b.claim("worker-oak", 0) == nil, true)
		b.restart()
		w := b.worker("oak", 1)
		states, err := b.m.Frames(context.Background(), j.ID)
		if err != nil || states.Done.String() != "1,3" || states.Failed.String() != "2" || states.Queued.String() != "4" {
			t.Fatalf("%+v, %v", states, err)
		}
		for frame, says := range map[int]string{1: "Fra:1\n", 2: "Fra:2\n"} {
			log, err := b.m.OpenLog(context.Background(), j.ID, frame, 0)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(log)
			log.Close()
			want(t, "the log", string(got), says)
		}
		first, _ := b.m.Warnings(context.Background(), job.ID)
		second, _ := b.m.Warnings(context.Background(), j.ID)
		if len(first) == 0 || !slices.Equal(first, second) {
			t.Errorf("warnings %+v, were %+v", second, first)
		}
		if _, err := b.m.Resume(context.Background(), root, j.ID); err != nil {
			t.Fatal(err)
		}
		g := b.claim(w, 0)
		want(t, "the frame that was left", frames(g), "4")
		res := b.upload(g, 4, "render/0004.png", "picture 4")
		b.report(g, 4, farm.Rendered, func(r *farm.Report) { r.Results = []farm.Result{res} })
		want(t, "the job's state", b.job(j.ID).State, farm.Failed)
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Failed: true}); err != nil {
			t.Fatal(err)
		}
		want(t, "the frame that failed", frames(b.claim(w, 0)), "2")
		f, err := b.m.OpenResult(context.Background(), j.ID, "render/0003.png")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, _ := io.ReadAll(f)
		want(t, "a result", string(got), "picture 3")
	})
}

// TestImportStates: in which state an imported job begins.
func TestImportStates(t *testing.T) {
	for _, c := range []struct {
		name  string
		was   func(b *bench, id farm.JobID)
		o     master.ArchiveOptions
		start bool
		state farm.JobState
		done  int
	}{
		{"paused", nil, all, false, farm.Paused, 2},
		{"started", nil, all, true, farm.Active, 2},
		{"canceled", func(b *bench, id farm.JobID) { b.m.Cancel(context.Background(), root, id) }, all, false, farm.Canceled, 2},
		{"canceled, but started", func(b *bench, id farm.JobID) { b.m.Cancel(context.Background(), root, id) }, all, true, farm.Active, 2},
		{"without results", nil, master.ArchiveOptions{Files: true, Logs: true}, false, farm.Paused, 0},
		{"without files", nil, master.ArchiveOptions{Results: true}, false, farm.Paused, 2},
	} {
		inRealFarm(t, func(b *bench) {
			job := b.half()
			if c.was != nil {
				c.was(b, job.ID)
			}
			in, err := b.imports(master.ImportOptions{Start: c.start}, b.archived(job.ID, c.o))
			if err != nil {
				t.Fatal(c.name, err)
			}
			if in.Job.State != c.state || in.Job.Done != c.done || in.Job.Failed != 1 {
				t.Errorf("%s: %+v", c.name, in.Job)
			}
			states, err := b.m.Frames(context.Background(), in.Job.ID)
			if err != nil || states.Done.Count() != c.done || states.Done.Count()+states.Failed.Count()+states.Queued.Count() != 4 {
				t.Errorf("%s: %+v %v", c.name, states, err)
			}
		})
	}
}

// TestImportWaitsForFiles: files that neither the archive nor the farm has are asked for.
func TestImportWaitsForFiles(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		job := b.half()
		text := b.archived(job.ID, master.ArchiveOptions{Results: true})
		scene := blob.RefOf([]byte("a scene"))
		if err := b.blobs.Delete(context.Background(), scene); err != nil {
			t.Fatal(err)
		}
		in, err := b.imports(master.ImportOptions{Start: true}, text)
		if err != nil || in.Job.State != farm.Collecting || in.Job.Missing != 1 {
			t.Fatalf("%+v, %v", in.Job, err)
		}
		b.file("shot.blend", "a scene")
		if err := b.m.BlobStored(context.Background(), scene.String()); err != nil {
			t.Fatal(err)
		}
		want(t, "the job's state", b.job(in.Job.ID).State, farm.Active)
	})
}

// TestArchiveLacks: what is not whole on the master is an error, or is named and left out.
func TestArchiveLacks(t *testing.T) {
	for name, harm := range map[string]func(b *bench, j *farm.Job) error{
		"gone": func(b *bench, j *farm.Job) error { return os.Remove(b.output(*j, "render/0003.png")) },
		"shorter": func(b *bench, j *farm.Job) error {
			return os.WriteFile(b.output(*j, "render/0003.png"), []byte("x"), 0o644)
		},
		"different": func(b *bench, j *farm.Job) error {
			return os.WriteFile(b.output(*j, "render/0003.png"), []byte("pictuRe 3"), 0o644)
		},
		"the scene": func(b *bench, _ *farm.Job) error {
			return b.blobs.Delete(context.Background(), blob.RefOf([]byte("a scene")))
		},
	} {
		inRealFarm(t, func(b *bench) {
			job := b.half()
			if err := harm(b, &job); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := b.m.Archive(context.Background(), root, job.ID, all, &out)
			if farm.KindOf(err) != farm.NotFound || !strings.Contains(err.Error(), "1 file of job 1 cannot be archived: ") {
				t.Errorf("%s: %v", name, err)
			}
			if name == "different" { // found when it was too late for another answer
				a, err := master.ReadJobArchive(bytes.NewReader(out.Bytes()), nil)
				if !errors.Is(err, archive.ErrCut) || a.Broken == nil || !strings.Contains(a.Broken.Text, "1 file of job 1 cannot be archived: ") || a.Broken.Hint == "" {
					t.Errorf("%v %+v", err, a.Broken)
				}
			} else if out.Len() > 0 {
				t.Errorf("%s: %d bytes were written", name, out.Len())
			}
			o := all
			o.AllowMissing = true
			in, err := b.imports(master.ImportOptions{}, b.archived(job.ID, o))
			if err != nil || len(in.Lacks) != 1 {
				t.Fatalf("%s: %+v %v", name, in, err)
			}
			done := 1
			if name == "the scene" {
				done = 2
			}
			if in.Job.Done != done || in.Job.State != farm.Paused {
				t.Errorf("%s: %+v", name, in.Job)
			}
			if _, err := os.Stat(b.output(in.Job, "render/0003.png")); (err == nil) != (done == 2) {
				t.Errorf("%s: the result: %v", name, err)
			}
		})
	}
}

// TestArchiveOfDeletedJob: whoever reads the archive of a job that is deleted meanwhile learns that from its last entry,
// and it is taken for no archive.
func TestArchiveOfDeletedJob(t *testing.T) {
	for _, allow := range []bool{false, true} {
		inRealFarm(t, func(b *bench) {
			job := b.half()
			o := all
			o.AllowMissing = allow
			var out bytes.Buffer
			b.m.Cancel(context.Background(), root, job.ID)
			master.Pause(b.m, func(step string) {
				if step != "surveyed" {
					return
				}
				if err := b.m.Delete(context.Background(), root, job.ID); err != nil {
					t.Error(err)
				}
			})
			err := b.m.Archive(context.Background(), root, job.ID, o, &out)
			if farm.KindOf(err) != farm.NotFound || !strings.Contains(err.Error(), "job 1 was deleted while it was archived") {
				t.Errorf("%v", err)
			}
			a, err := master.ReadJobArchive(bytes.NewReader(out.Bytes()), nil)
			if !errors.Is(err, archive.ErrCut) || a.Broken == nil || !strings.Contains(a.Broken.Text, "was deleted") {
				t.Errorf("%v %+v", err, a.Broken)
			}
			if _, err := b.imports(master.ImportOptions{}, out.Bytes()); farm.KindOf(err) != farm.Mismatch {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestWhoArchives: sources are for the owner and admins.
func TestWhoArchives(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		anna := master.Identity{Name: "anna", Role: farm.RoleSubmit, Token: "anna-1"}
		bert := master.Identity{Name: "bert", Role: farm.RoleSubmit, Token: "bert-1"}
		view := master.Identity{Name: "anna", Role: farm.RoleView, Token: "anna-1"}
		job := b.submitAs(anna, "1-2")
		for _, c := range []struct {
			who   master.Identity
			files bool
			may   bool
		}{{anna, true, true}, {root, true, true}, {bert, true, false}, {view, true, false}, {bert, false, true}, {view, false, true}} {
			var out bytes.Buffer
			o := all
			o.Files = c.files
			if err := b.m.Archive(context.Background(), c.who, job.ID, o, &out); (err == nil) != c.may || !c.may && (farm.KindOf(err) != farm.Denied || out.Len() > 0) {
				t.Errorf("%+v: %v", c, err)
			}
		}
		in, err := b.m.Import(context.Background(), bert, master.ImportOptions{}, bytes.NewReader(b.archived(job.ID, all)))
		if err != nil || in.Job.Owner != "bert" || in.Job.OwnerID != "bert-1" {
			t.Errorf("%+v %v", in.Job, err)
		}
		list, _ := b.m.Audit(context.Background(), farm.AuditFilter{Limit: 10})
		said := ""
		for _, a := range list {
			said += fmt.Sprintln(a.Who, a.Action, a.Subject, a.Text)
		}
		for _, line := range []string{"anna job.archive 1 shot: settings, files, results, logs\n", "bert job.archive 1 shot: settings, results, logs\n", "bert job.import 2 shot: job 1 of oak\n"} {
			if !strings.Contains(said, line) {
				t.Errorf("the audit does not say %q:\n%s", line, said)
			}
		}
	})
}

// stored counts the blobs.
func (b *bench) stored() int {
	b.t.Helper()
	list, err := b.blobs.List(context.Background(), blob.Ref{}, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(list)
}

// entry is a file of an archive that is taken apart.
type entry struct{ name, text string }

func takeApart(t testing.TB, text []byte) (list []entry) {
	t.Helper()
	r := tar.NewReader(blob.Decompress(bytes.NewReader(text), 1<<30))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{h.Name, string(body)})
	}
}

// putTogether makes an archive of entries, with a proper sum; the first is the head and the last the end.
func putTogether(t testing.TB, list []entry) []byte {
	t.Helper()
	var head archive.Head
	if err := json.Unmarshal([]byte(list[0].text), &head); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := blob.CompressTo(&out)
	w, err := archive.NewWriter(z, head)
	for _, e := range list[1 : len(list)-1] {
		err = errors.Join(err, w.Add(archive.Entry{Name: e.name, Size: int64(len(e.text))}, strings.NewReader(e.text)))
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestHostileArchives: what is put together with malice is refused whole, with a sentence.
func TestHostileArchives(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		job := b.half()
		good := takeApart(t, b.archived(job.ID, all))
		sum := blob.RefOf([]byte("picture 1")).String()
		sub := func(name, old, new string) func([]entry) []entry {
			return func(list []entry) []entry {
				for i := range list {
					if list[i].name == name {
						if !strings.Contains(list[i].text, old) {
							t.Fatalf("%s has no %s: %s", name, old, list[i].text)
						}
						list[i].text = strings.ReplaceAll(list[i].text, old, new)
					}
				}
				return list
			}
		}
		at := func(list []entry, name string) int {
			for i := range list {
				if list[i].name == name {
					return i
				}
			}
			t.Fatal("no ", name)
			return 0
		}
		without := func(name string) func([]entry) []entry {
			return func(list []entry) []entry { i := at(list, name); return append(list[:i:i], list[i+1:]...) }
		}
		twice := func(name string) func([]entry) []entry {
			return func(list []entry) []entry {
				i := at(list, name)
				return append(append(list[:i+1:i+1], list[i]), list[i+1:]...)
			}
		}
		next := b.submit("9").ID + 1
		kept := b.stored()
		const frames1, manifest1 = "frames/000001.jsonl", "manifest/000001.jsonl"
		for name, change := range map[string]func([]entry) []entry{
			"a result that leads out": sub(frames1, "render/0001.png", "../../0001.png"),
			"an absolute result":      sub(frames1, "render/0001.png", "/tmp/0001.png"),
			"a name of ours":          sub(frames1, "render/0001.png", ".netrender-deleted"),
			"a device":                sub(frames1, "render/0001.png", "render/NUL.png"),
			"two results of one name": sub(frames1, "render/0003.png", "render/0001.png"),
			"two that differ by case": func(l []entry) []entry {
				l = sub(frames1, "render/0003.png", "Render/0001.PNG")(l)
				l[at(l, "outputs/render/0003.png")].name = "outputs/Render/0001.PNG"
				return l
			},
			"a file where a folder is": func(l []entry) []entry {
				l = sub(frames1, "render/0003.png", "render")(l)
				l[at(l, "outputs/render/0003.png")].name = "outputs/render"
				return l
			},
			"a wrong hash":               sub(frames1, sum, strings.Repeat("ab", 32)),
			"a hash that is none":        sub(frames1, sum, "ab"),
			"a wrong size":               sub(frames1, `"size":9`, `"size":8`),
			"a size beyond all disks":    sub(frames1, `"size":9`, `"size":9000000000000000000`),
			"a negative size":            sub(frames1, `"size":9`, `"size":-9`),
			"other bytes":                sub("outputs/render/0001.png", "1", "2"),
			"other bytes of the scene":   sub("files/shot.blend", "scene", "sceNe"),
			"a result that is not there": without("outputs/render/0001.png"),
			"a file that is not there":   without("files/shot.blend"),
			"what is there and said to be missing": func(l []entry) []entry {
				return append(l[:len(l)-1:len(l)-1], entry{"missing/000001.jsonl", `{"name":"outputs/render/0001.png"}`}, l[len(l)-1])
			},
			"no settings":                  without("job.json"),
			"settings twice":               twice("job.json"),
			"no manifest":                  without(manifest1),
			"a manifest twice":             twice(manifest1),
			"frames twice":                 twice(frames1),
			"a result twice":               twice("outputs/render/0001.png"),
			"a file twice":                 twice("files/shot.blend"),
			"a frame twice":                sub(frames1, `"frame":3`, `"frame":1`),
			"a frame of no job":            sub(frames1, `"frame":3`, `"frame":5`),
			"an outcome that is none":      sub(frames1, `"outcome":"done"`, `"outcome":"canceled"`),
			"a frame without its picture":  sub(frames1, `"kind":"output"`, `"kind":"preview"`),
			"a log elsewhere":              sub(frames1, `"logs/1.log"`, `"logs/../1.log"`),
			"a state that is none":         sub("job.json", `"state":"active"`, `"state":"eager"`),
			"no frames":                    sub("job.json", `"frames":"1-4"`, `"frames":""`),
			"a manifest that leads out":    sub(manifest1, `"path":"shot.blend"`, `"path":"../shot.blend"`),
			"a manifest without its scene": sub(manifest1, `"path":"shot.blend"`, `"path":"shot.blend1"`),
			"a scene that is unknown":      sub(manifest1, blob.RefOf([]byte("a scene")).String(), "00"),
			"what is no JSON":              sub("job.json", "{", "["),
			"a line that is no JSON":       sub(frames1, "{", "["),
			"a stranger's entry":           func(l []entry) []entry { return append(l[:2:2], append([]entry{{"etc/passwd", "root"}}, l[2:]...)...) },
			"entries in another order": func(l []entry) []entry {
				i := at(l, "files/shot.blend")
				f := l[i]
				l = without("files/shot.blend")(l)
				return append(l[:len(l)-1:len(l)-1], f, l[len(l)-1])
			},
		} {
			text := putTogether(t, change(append([]entry{}, good...)))
			_, err := b.imports(master.ImportOptions{}, text)
			var said *farm.Error
			if !errors.As(err, &said) || said.Text == "" || said.Kind == farm.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := b.imports(master.ImportOptions{}, putTogether(t, good)); err != nil {
			t.Fatal("the good one is refused: ", err)
		}
		if got := b.submit("9").ID; got != next+1 {
			t.Errorf("job %d comes after one import, not %d: those that were refused have numbers", got, next+1)
		}
		if now := b.stored(); now != kept {
			t.Errorf("%d blobs, not %d", now, kept)
		}
		for _, name := range b.tree() {
			if strings.HasPrefix(name, "import-") {
				t.Errorf("%s was left behind", name)
			}
		}
	})
}

func unpack(text []byte) ([]byte, error) {
	z := blob.Decompress(bytes.NewReader(text), 1<<30)
	defer z.Close()
	return io.ReadAll(z)
}

// TestBrokenArchives cuts an archive in many places and spoils it in many: nothing of it comes through.
func TestBrokenArchives(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		job := b.half()
		text := b.archived(job.ID, all)
		before := strings.Join(b.tree(), "\n")
		plain, err := unpack(text)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(text)/200)
		for n := 0; n < len(text); n += step {
			_, err := b.imports(master.ImportOptions{}, text[:n])
			if k := farm.KindOf(err); err == nil || k != farm.Mismatch && k != farm.Invalid {
				t.Errorf("cut after %d of %d bytes: %v", n, len(text), err)
			}
			spoilt := bytes.Clone(text)
			spoilt[n] ^= 0x41
			if same, err := unpack(spoilt); err == nil && bytes.Equal(same, plain) {
				continue // a byte of zstd's own that says nothing
			}
			if in, err := b.imports(master.ImportOptions{}, spoilt); err == nil {
				t.Errorf("byte %d was spoilt, and it is job %d", n, in.Job.ID)
			}
		}
		for name, other := range map[string][]byte{"nothing": nil, "a text": []byte(strings.Repeat("frames ", 1000)), "more at the end": append(bytes.Clone(text), text...)} {
			if _, err := b.imports(master.ImportOptions{}, other); err == nil {
				t.Errorf("%s is a job", name)
			}
		}
		gone := errors.New("the sender is gone")
		if _, err := b.m.Import(context.Background(), root, master.ImportOptions{}, io.MultiReader(bytes.NewReader(text[:len(text)/2]), iotest.ErrReader(gone))); !errors.Is(err, gone) {
			t.Error(err)
		}
		if after := strings.Join(b.tree(), "\n"); after != before {
			t.Errorf("left behind:\n%s\nthere was\n%s", after, before)
		}
		if list, _ := b.m.Jobs(context.Background(), farm.JobFilter{Limit: 10}); len(list) != 1 {
			t.Errorf("there are %d jobs", len(list))
		}
	})
}

// TestImportCrashes: what a kill leaves just before the job is made goes at the next start, and so does what a database
// that cannot be written leaves, at once. Somebody's own folder stays.
func TestImportCrashes(t *testing.T) {
	for _, at := range []string{"placed", "put in"} {
		t.Run(at, func(t *testing.T) { inRealFarm(t, func(b *bench) { importCrashes(t, b, at) }) })
	}
}

func importCrashes(t *testing.T, b *bench, at string) {
	job := b.half()
	text := b.archived(job.ID, all)
	killed := t.TempDir()
	master.Pause(b.m, func(step string) {
		if step != at {
			return
		}
		if err := os.CopyFS(killed, os.DirFS(b.dir)); err != nil {
			t.Error(err)
		}
		b.store.breaks(errors.New("the disk is gone"))
	})
	before := b.tree()
	if _, err := b.imports(master.ImportOptions{}, text); err == nil {
		t.Fatal("it was kept by a database that cannot be written")
	}
	if after := b.tree(); !slices.Equal(before, after) {
		t.Errorf("left behind: %q, there was %q", after, before)
	}
	b.store.breaks(nil)
	b.stop()
	b.dir = killed
	if n := len(b.tree()); n <= len(before) {
		t.Fatalf("nothing lies there before the job is made: %q", b.tree())
	}
	own := filepath.Join(killed, "outputs", "shot-3")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	b.start()
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(b.tree(), slices.Sorted(slices.Values(append(before, filepath.Join("outputs", "shot-3"))))); {
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %q, there was %q", b.tree(), before)
		}
		<-time.After(10 * time.Millisecond)
	}
	in, err := b.imports(master.ImportOptions{}, text)
	if farm.KindOf(err) != farm.Conflict { // that number's folder is taken
		t.Fatalf("%+v %v", in, err)
	}
	in, err = b.imports(master.ImportOptions{}, text)
	if err != nil || in.Job.Done != 2 || in.Job.ID != 4 {
		t.Fatalf("%+v %v", in.Job, err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Error(err)
	}
	b.restart()
	want(t, "results after a restart", len(entriesBelow(t, b.m.OutputFolder(&in.Job))), 2)
}

func entriesBelow(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestImportWaitsForRoom: it takes no room that is kept free.
func TestImportWaitsForRoom(t *testing.T) {
	inRealFarm(t, func(b *bench) {
		job := b.half()
		text := b.archived(job.ID, all)
		b.free.Store(reserve + 8) // a picture has 9 bytes
		for _, o := range []master.ImportOptions{{}, {Bytes: 9}} {
			if _, err := b.imports(o, text); farm.KindOf(err) != farm.NoRoom {
				t.Errorf("%+v: %v", o, err)
			}
		}
		if _, err := b.imports(master.ImportOptions{MaxFile: 3}, text); farm.KindOf(err) != farm.TooLarge {
			t.Errorf("a file that is too large: %v", err)
		}
		b.free.Store(reserve + 9)
		if _, err := b.imports(master.ImportOptions{}, text); err != nil {
			t.Error(err)
		}
	})
}
