//go:build linux

package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestAuditorFindsWhatIsWrong: an auditor that finds nothing is worth something only if it finds what is there. A
// farm at rest is falsified in one way after the other.
func TestAuditorFindsWhatIsWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a farm")
	}
	r := newRun(t)
	r.hireFakes()
	r.seed, r.round = 1, 1
	r.ctx, r.stop = context.WithCancel(context.Background())
	for no := 1; no <= 2; no++ {
		n := r.newNote(no, &jobPlan{User: "ada", Frames: "1-9", Chunk: 2, Priority: 3, Order: nr.Linear, EXR: "full", Preview: true, Files: []int64{100, 2000}, Fetch: true})
		r.notes = append(r.notes, n)
		r.pursue(n)
		close(n.ops)
	}
	r.wait(time.Minute, "the jobs are known", func() bool { return r.notes[0].job() > 0 && r.notes[1].job() > 0 })
	if !r.rest() {
		t.FailNow()
	}
	r.audit()
	if t.Failed() {
		t.Fatal("something is wrong before anything was falsified")
	}
	n := r.notes[0]
	found := []string{}
	r.found = &found
	a := &auditor{run: r}
	a.frames(n, &nr.Job{}, []nr.Attempt{{Frame: 1}, {Frame: 2}, {Frame: 1}})
	r.found = nil
	if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, "frame 1 has 2 accepted results") }) {
		t.Errorf("when a frame is there twice, the auditor finds\n%s", indent(strings.Join(found, "\n")))
	}
	folder := filepath.Join(r.masterDir(), "outputs", fmt.Sprintf("%s-%d", n.name, n.id))
	frame := filepath.Join(folder, "0003.png")
	stored := filepath.Join(r.masterDir(), "blobs", n.files[1].Ref[:2], n.files[1].Ref)
	log := r.actors["oak"].log
	swap := func(path string, text []byte) func() {
		was, err := os.ReadFile(path)
		st, _ := os.Stat(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err == nil && text != nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.WriteFile(path, was, 0o600); err != nil {
				t.Fatal(err)
			}
			_ = os.Chmod(path, st.Mode())
		}
	}
	add := func(path string) func() {
		r.must(os.MkdirAll(filepath.Dir(path), 0o700))
		r.must(os.WriteFile(path, []byte("x"), 0o600))
		return func() { r.must(os.Remove(path)) }
	}
	for _, c := range []struct {
		what, want string
		falsify    func() (undo func())
	}{
		{"a result has other bytes", "0003.png is not the file that was accepted", func() func() { return swap(frame, []byte("x")) }},
		{"a result is gone", "the result 0003.png was accepted and is not there", func() func() { return swap(frame, nil) }},
		{"a file lies among the results", "stray lies among the results", func() func() { return add(filepath.Join(folder, "stray")) }},
		{"a folder belongs to nobody", "outputs/stray belongs to no job", func() func() {
			dir := filepath.Join(r.masterDir(), "outputs", "stray")
			r.must(os.Mkdir(dir, 0o700))
			return func() { r.must(os.Remove(dir)) }
		}},
		{"a sent file is gone", "was acknowledged and is not there", func() func() { return swap(stored, nil) }},
		{"a sent file has other bytes", "is damaged", func() func() { return swap(stored, []byte("x")) }},
		{"a worker paints something else", "is not what", func() func() {
			was := n.mark
			n.mark[0] ^= 1
			return func() { n.mark = was }
		}},
		{"another attempt was told of", "a client was told of attempt", func() func() {
			was := n.frames[4]
			n.frames[4] = told{seq: was.seq + 1, lease: was.lease}
			return func() { n.frames[4] = was }
		}},
		{"a frame was told of that is not there", "frame 77 was told to be accepted and is lost", func() func() {
			n.frames[77] = told{}
			return func() { delete(n.frames, 77) }
		}},
		{"it was canceled", "was canceled and is done", func() func() {
			n.canceled = true
			return func() { n.canceled = false }
		}},
		{"it was deleted", "was deleted and is there", func() func() {
			n.deleted = true
			return func() { n.deleted = false }
		}},
		{"it was told to have failed", "was told to be failed and is done", func() func() {
			was := n.ended
			n.ended = nr.Failed
			return func() { n.ended = was }
		}},
		{"it was told another priority", "was told to have priority 9 and has 3", func() func() {
			n.priority = 9
			return func() { n.priority = 3 }
		}},
		{"it was submitted with another chunk", "is not what was submitted", func() func() {
			n.spec.Chunk = 3
			return func() { n.spec.Chunk = 2 }
		}},
		{"it has a file more", "the manifest has 2 files, not 3", func() func() {
			was := n.files
			n.files = append(slices.Clone(was), nr.File{Path: "x", Ref: was[0].Ref})
			return func() { n.files = was }
		}},
		{"it was paused", "when the job was paused", func() func() {
			n.pauses = []span{{from: r.began}}
			return func() { n.pauses = nil }
		}},
		{"a worker was told of a frame", "lease 99) was accepted, and nothing is known", func() func() {
			f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
			r.must(err)
			_, err = fmt.Fprintf(f, `{"msg":"a report was accepted","job":%d,"frame":3,"lease":99,"outcome":"done"}`+"\n", n.id)
			r.must(err)
			r.must(f.Close())
			return func() {}
		}},
		{"a worker fell", "fell; see its log", func() func() {
			f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
			r.must(err)
			_, err = fmt.Fprintln(f, "panic: oh")
			r.must(err)
			r.must(f.Close())
			return func() {}
		}},
		{"an outbox is not empty", "worker fir keeps 1 of out/*", func() func() {
			return add(filepath.Join(r.workerData("fir"), "worker", "out", "x"))
		}},
		{"an upload was left", "blobs/partial/x was left behind", func() func() { return add(filepath.Join(r.masterDir(), "blobs", "partial", "x")) }},
		{"the rules were others", "the rules are", func() func() {
			r.rules.Attempts++
			return func() { r.rules.Attempts-- }
		}},
		{"a worker is missing", "workers are known, not 6", func() func() {
			r.actors["x"] = r.actors["oak"]
			return func() { delete(r.actors, "x") }
		}},
		{"a result was left", "incoming/7/x was left behind", func() func() { return add(filepath.Join(r.masterDir(), "incoming", "7", "x")) }},
		{"half a frame was fetched", "the fetched file 0005.png is nothing that anybody painted", func() func() {
			return swap(filepath.Join(n.folder(), "0005.png"), []byte("half"))
		}},
		{"a client's folder has more", "lies x, which is no result", func() func() { return add(filepath.Join(n.folder(), "x")) }},
		{"nobody knows a job", "and nobody was told of it", func() func() {
			var id nr.JobID
			r.must(r.call(func(ctx context.Context) error {
				reply, err := r.admin.Submit(ctx, nr.JobSpec{Name: "x", Blend: "a", Frames: nr.Frames(1), Options: n.spec.Options}, []nr.File{{Path: "a", Ref: strings.Repeat("ab", 32), Size: 1}})
				id = reply.Job.ID
				return err
			}))
			return func() { r.must(r.call(func(ctx context.Context) error { return r.admin.DeleteJob(ctx, id) })) }
		}},
		{"a job is not done", "is active", func() func() {
			r.must(r.call(func(ctx context.Context) error {
				var err error
				r.rules, err = r.admin.SetRules(ctx, nr.DefaultRules()) // a lease outlives the audit
				for _, name := range workerNames {
					r.links[name].setHole(true, false)
				}
				if err == nil {
					_, err = r.admin.RetryJob(ctx, n.id, wire.RetryRequest{All: true})
				}
				return err
			}))
			return func() {}
		}},
		{"a job is gone", "was acknowledged and is not there", func() func() {
			r.must(r.call(func(ctx context.Context) error { return r.admin.DeleteJob(ctx, n.id) }))
			return func() {}
		}},
	} {
		found := []string{}
		undo := c.falsify()
		r.found = &found
		r.audit()
		r.found = nil
		undo()
		if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, c.want) }) {
			t.Errorf("when %s, the auditor finds\n%s", c.what, indent(strings.Join(found, "\n")))
		}
	}
}
