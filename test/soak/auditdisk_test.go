//go:build linux

package soak

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
)

// files: the manifest is what was submitted, and every file that was acknowledged is there, whole.
func (a *auditor) files(ctx context.Context, n *note) error {
	kept := map[string]nr.File{}
	for f, err := range a.admin.Files(ctx, n.id) {
		if err != nil {
			return err
		}
		kept[f.Path] = f
	}
	for _, f := range n.files {
		if kept[f.Path] != f {
			a.failf("job %d: the manifest has %+v for %+v", n.id, kept[f.Path], f)
		}
		text, err := os.ReadFile(filepath.Join(a.masterDir(), "blobs", f.Ref[:2], f.Ref))
		switch {
		case err != nil && (n.blobs[f.Ref] || len(n.frames) > 0):
			a.failf("job %d: the file %s was acknowledged and is not there: %v", n.id, f.Path, err)
		case err == nil && blob.RefOf(text).String() != f.Ref:
			a.failf("job %d: the file %s is damaged", n.id, f.Path)
		}
	}
	if len(kept) != len(n.files) {
		a.failf("job %d: the manifest has %d files, not %d", n.id, len(kept), len(n.files))
	}
	return nil
}

// outputs: on the master's disk lie the accepted results and nothing else. In the folder of a job that was canceled
// files may be left whose report did not become durable.
func (a *auditor) outputs(n *note, job *nr.Job, accepted []nr.Attempt) {
	want := map[string]string{}
	for i := range accepted {
		for _, res := range accepted[i].Results {
			want[res.Name] = res.Ref
		}
	}
	dir := filepath.Join(a.masterDir(), "outputs", job.Folder)
	for name, ref := range hashesBelow(dir) {
		if want[name] == "" && job.State == nr.Done {
			a.failf("job %d: %s lies among the results and is none", n.id, name)
		}
		if want[name] != "" && want[name] != ref {
			a.failf("job %d: %s is not the file that was accepted", n.id, name)
		}
		delete(want, name)
	}
	for name := range want {
		a.failf("job %d: the result %s was accepted and is not there", n.id, name)
	}
}

// fetched: what came to the client is what was accepted. Of a job that was canceled some may have come. However often
// fetching was broken off, a file under its own name is whole.
func (a *auditor) fetched(n *note, job *nr.Job, accepted []nr.Attempt) {
	now := map[string]string{}
	for i := range accepted {
		for _, res := range accepted[i].Results {
			now[res.Name] = res.Ref
		}
	}
	for name, ref := range hashesBelow(n.folder()) {
		frame, ok := frameIn(name)
		if strings.HasPrefix(name, ".fetch-") || ok && now[name] == ref {
			continue
		}
		if !ok || !slices.ContainsFunc(workerNames, func(w string) bool { return a.expected(n, frame, w)[name] == ref }) { // accepted once
			a.failf("job %d: the fetched file %s is nothing that anybody painted", n.id, name)
		}
	}
	if job.State == nr.Done {
		_, errs, code := a.exec(n.user, "fetch", n.id.String(), "-o", n.folder(), "--previews")
		if code != 0 {
			a.failf("job %d is done and cannot be fetched: exit %d: %s", n.id, code, errs)
		}
	}
	got := hashesBelow(n.folder())
	for i := range accepted {
		for _, res := range accepted[i].Results {
			if ref, ok := got[res.Name]; ok && ref != res.Ref && job.State == nr.Done || !ok && job.State == nr.Done {
				a.failf("job %d: the fetched file %s is not what was accepted", n.id, res.Name)
			}
			delete(got, res.Name)
		}
	}
	if job.State == nr.Done {
		for name := range got {
			a.failf("job %d: in the folder that it was fetched to lies %s, which is no result", n.id, name)
		}
	}
	a.run.count("jobs fetched", 1)
}

// strangers: no job is there that nobody submitted.
func (a *auditor) strangers() {
	mine := map[nr.JobID]bool{}
	for _, n := range a.notes {
		mine[n.id] = true
	}
	folders := map[string]bool{}
	for id, j := range a.said {
		folders[j.Folder] = true
		if !mine[id] {
			a.failf("job %d (%s) is there, and nobody was told of it", id, j.Name)
		}
	}
	entries, _ := os.ReadDir(filepath.Join(a.masterDir(), "outputs"))
	for _, e := range entries {
		if !folders[e.Name()] {
			a.failf("outputs/%s belongs to no job", e.Name())
		}
	}
}

// leftovers: nothing is left of what was under way.
func (a *auditor) leftovers() {
	for name := range hashesBelow(filepath.Join(a.masterDir(), "incoming")) {
		a.failf("incoming/%s was left behind", name)
	}
	for name := range hashesBelow(filepath.Join(a.masterDir(), "blobs", "temp")) {
		a.failf("blobs/temp/%s was left behind", name)
	}
	partial, _ := os.ReadDir(filepath.Join(a.masterDir(), "blobs", "partial"))
	for _, e := range partial {
		if !slices.ContainsFunc(a.notes, func(n *note) bool {
			_, mine := n.bytes[strings.TrimSuffix(e.Name(), ".sum")]
			return mine && a.said[n.id].State == nr.Canceled
		}) {
			a.failf("blobs/partial/%s was left behind", e.Name())
		}
	}
	if why := a.leftInWorkers(); why != "" {
		a.failf("%s", why)
	}
}

// workersLogs: what workers were told to be accepted is there.
func (a *auditor) workersLogs() error {
	gone := func(id nr.JobID) bool { _, there := a.said[id]; return !there }
	for _, name := range workerNames {
		f, err := os.Open(a.actors[name].log)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Seek(a.read[name], io.SeekStart); err != nil {
			return err
		}
		text, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		a.read[name] += int64(len(text))
		if strings.Contains(string(text), "panic:") || strings.Contains(string(text), "fatal error:") {
			a.failf("worker %s fell; see its log", name)
		}
		for line := range strings.Lines(string(text)) {
			var said struct {
				Msg     string     `json:"msg"`
				Job     nr.JobID   `json:"job"`
				Frame   int        `json:"frame"`
				Lease   nr.LeaseID `json:"lease"`
				Outcome nr.Outcome `json:"outcome"`
			}
			if json.Unmarshal([]byte(line), &said) != nil || said.Msg != "a report was accepted" || said.Outcome != nr.Rendered || gone(said.Job) {
				continue
			}
			if _, ok := a.rendered[frameOf{said.Lease, said.Frame}]; !ok {
				a.failf("worker %s was told that frame %d of job %d (lease %d) was accepted, and nothing is known of it", name, said.Frame, said.Job, said.Lease)
			}
			a.run.count("reports audited", 1)
		}
	}
	if text, err := os.ReadFile(a.master.log); err != nil || strings.Contains(string(text), "panic:") || strings.Contains(string(text), "fatal error:") {
		a.failf("the master fell; see its log (%v)", err)
	}
	return nil
}

// hashesBelow are the SHA-256 of all files below a folder, by name.
func hashesBelow(dir string) map[string]string {
	list := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			text, err := os.ReadFile(path)
			if err == nil {
				list[filepath.ToSlash(rel)] = blob.RefOf(text).String()
			}
		}
		return nil
	})
	return list
}
