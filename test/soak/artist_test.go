//go:build linux

package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// Some jobs are sent as artists send them: by `netrender submit` and `netrender render`, which read a scene by means
// of a real Blender. The renderers stay fake.

// findBlender finds the Blender to read scenes with, and to render them; "" when there is none.
func (r *run) findBlender() string {
	path := os.Getenv("NETRENDER_BLENDER")
	if path == "" {
		path, _ = exec.LookPath("blender")
	}
	if strings.HasPrefix(filepath.Base(path), "python") {
		path = ""
	}
	if path == "" && os.Getenv("NETRENDER_TEST_BLENDER") == "required" {
		r.t.Fatal("no Blender was found; tools/setup installs one")
	}
	return path
}

// python runs a script of the tests in a Blender, behind the scene that it opens first, if any.
func (r *run) python(blender, blend, script string, args ...string) {
	script, err := filepath.Abs("../" + script)
	if err != nil {
		r.t.Fatal(err)
	}
	argv := []string{"-b", "--factory-startup", "-t", "1"}
	if blend != "" {
		argv = append(argv, blend)
	}
	argv = append(append(argv, "--python-exit-code", "1", "--python", script, "--"), args...)
	if out, err := exec.Command(blender, argv...).CombinedOutput(); err != nil {
		r.t.Fatalf("%s %s: %v\n%s", script, strings.Join(args, " "), err, out)
	}
}

// studio makes the scene that such jobs are made of, where there is a Blender.
func (r *run) studio() {
	path := r.findBlender()
	if path == "" {
		r.say("no Blender here: all jobs are submitted by calls")
		return
	}
	dir := filepath.Join(r.dir, "studio")
	r.python(path, "", "scenes/tiny.py", dir, "--size", "64x36")
	var err error
	if r.scene, err = os.ReadFile(filepath.Join(dir, "tiny.blend")); err != nil {
		r.t.Fatal(err)
	}
	r.blender = path
	r.probe(r.users[userNames[0]].data(), path)
	for _, name := range userNames[1:] {
		r.copyProbe(r.users[name].data())
	}
}

// probe has the program find out what a Blender can do, once; others take it from there.
func (r *run) probe(data, blender string) {
	r.probed = data
	cmd := exec.Command(program, "doctor", "--quick", "--master", "127.0.0.1:1", "--data", data, "--blender", blender)
	cmd.Env = cleanEnv()
	if out, _ := cmd.CombinedOutput(); !bytes.Contains(out, []byte("ok    blender")) { // it fails for want of a master
		r.t.Fatalf("%s was not found to work:\n%s", blender, out)
	}
}

func (r *run) copyProbe(data string) {
	if err := os.CopyFS(filepath.Join(data, "blenders"), os.DirFS(filepath.Join(r.probed, "blenders"))); err != nil {
		r.t.Fatal(err)
	}
}

// draw makes the scene's file: each has bytes of its own behind those that Blender reads.
func (r *run) draw(n *note) (path string, text []byte) {
	rng := rand.New(rand.NewPCG(r.seed, uint64(n.no)))
	text = bytes.Clone(r.scene)
	for range n.plan.Files[0] * 300 {
		text = append(text, byte(rng.Uint32()>>9))
	}
	path = filepath.Join(r.dir, "studio", n.name+".blend")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path, text
}

// words are the command's, without its name.
func (n *note) words(path, blender string) []string {
	args := []string{
		path, "--frames=" + n.spec.Frames.String(), "--name", n.name, "--priority", fmt.Sprint(n.spec.Priority), "--chunk", fmt.Sprint(n.spec.Chunk),
		"--order", string(n.spec.Order), "--attempts", fmt.Sprint(n.spec.Attempts), "--exr", n.spec.Options.EXR, "--blender", blender, "--json",
	}
	if !n.spec.Options.Preview {
		args = append(args, "--no-preview")
	}
	return args
}

// commission has the job submitted by a command, again and again until one of them says that it was.
func (r *run) commission(n *note) {
	path, text := r.draw(n)
	ref := blob.RefOf(text).String()
	n.spec.Key, n.files = "", nil
	n.bytes = map[string][]byte{ref: text}
	args := append([]string{"submit"}, n.words(path, r.blender)...)
	if n.plan.Fetch {
		args = append([]string{"render", "-o", n.folder()}, n.words(path, r.blender)...)
	}
	var once sync.Once
	said := func(id nr.JobID) {
		once.Do(func() {
			r.learn(n, id, path, ref)
			n.mu.Lock()
			n.id = id
			n.mu.Unlock()
			close(n.told)
			r.count("jobs", 1)
			r.count("jobs by "+args[0], 1)
		})
	}
	r.until(func(context.Context) bool {
		n.mu.Lock()
		n.tries++
		n.mu.Unlock()
		if args[0] == "submit" {
			var job nr.Job
			out, errs, code := r.exec(n.user, args...)
			if code == 2 {
				r.failf("job %s cannot be submitted: %s", n.name, errs)
				return true
			}
			if code != 0 || lastJSON(out, &job) != nil || job.ID == 0 {
				return false
			}
			n.mu.Lock()
			n.blobs[ref] = true
			n.mu.Unlock()
			said(job.ID)
			return true
		}
		ended := make(chan struct{})
		told := make(chan nr.JobID, 1)
		r.jobs.Go(func() {
			defer close(ended)
			r.execLines(n.user, func(line string) {
				var first struct {
					Job   nr.JobID `json:"job"`
					Name  string   `json:"name"`
					State string   `json:"state"`
				}
				if json.Unmarshal([]byte(line), &first) == nil && first.Job != 0 && first.Name != "" {
					select {
					case told <- first.Job:
					default:
					}
				}
			}, args...)
		})
		select {
		case id := <-told:
			said(id)
			return true
		case <-ended:
		}
		select {
		case id := <-told:
			said(id)
			return true
		default:
			return false
		}
	})
}

// learn reads what the command made of the scene.
func (r *run) learn(n *note, id nr.JobID, path, ref string) {
	r.until(func(ctx context.Context) bool {
		var list []nr.File
		for f, err := range r.admin.Files(ctx, id) {
			if err != nil {
				if nr.KindOf(err) == nr.NotFound {
					r.failf("job %d (%s) was acknowledged and has no files: %v", id, n.name, err)
					return true
				}
				return false
			}
			list = append(list, f)
		}
		if len(list) != 1 || list[0].Ref != ref || list[0].Original != path {
			r.failf("job %d (%s) has other files than its scene: %+v", id, n.name, list)
		}
		job, err := r.admin.Job(ctx, id)
		if err != nil {
			return false
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.spec.Blend, n.spec.Needs = job.Blend, job.Needs
		n.files, n.mark = list, fake.MarkOf(map[string]string{path: ref})
		return true
	})
}

// orphans removes the jobs of commands that were killed before they could say their number.
func (r *run) orphans(ctx context.Context) error {
	page, err := r.admin.Jobs(ctx, nr.JobFilter{Limit: 1000})
	if err != nil {
		return err
	}
	mine := map[nr.JobID]bool{}
	for _, n := range r.notes {
		mine[n.job()] = true
	}
	for _, j := range page.Jobs {
		for _, n := range r.notes {
			if mine[j.ID] || j.Name != n.name || !n.plan.Render || n.job() == 0 {
				continue
			}
			if err := r.admin.DeleteJob(ctx, j.ID); err != nil {
				return err
			}
			r.count("jobs of commands that were killed", 1)
			n.mu.Lock()
			if n.tries--; n.tries < 1 {
				r.failf("more jobs are called %s than commands sent one", n.name)
			}
			n.mu.Unlock()
		}
	}
	return nil
}

// data is the user's data folder.
func (u *user) data() string { return filepath.Join(u.run.dir, "data-"+u.name) }
