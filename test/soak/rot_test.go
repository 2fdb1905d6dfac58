//go:build linux

package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
)

// Bytes change on disks: of files that were sent, of results, of frames that wait in an outbox. The farm must never
// hand such bytes on as if they were right, and must say that they are not. What a client can do about it, it does:
// it sends the file again, or has the frame rendered again.

// flip changes one byte of the n-th of the files, whose mode stays.
func flip(list []string, n int64) (path string, ok bool) {
	slices.Sort(list)
	if len(list) == 0 {
		return "", false
	}
	path = list[int(uint64(n)%uint64(len(list)))]
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return "", false
	}
	at := int64(uint64(n>>8) % uint64(st.Size()))
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return "", false
	}
	b[0] ^= 1 << (uint64(n) % 8)
	_, err = f.WriteAt(b, at)
	return path, err == nil
}

// rotFile damages a file of a job on the master's disk.
func (r *run) rotFile(n int64) bool {
	list, _ := filepath.Glob(filepath.Join(r.masterDir(), "blobs", "??", "*"))
	path, ok := flip(list, n)
	if ok {
		r.rotten[path] = true
	}
	return ok
}

// rotResult damages a result on the master's disk. Its frame may have to be rendered again, from this instant on.
func (r *run) rotResult(n int64) bool {
	var list []string
	owners := map[string]*note{}
	for _, note := range r.notes {
		if note.job() == 0 || note.gone() {
			continue
		}
		some, _ := filepath.Glob(filepath.Join(r.masterDir(), "outputs", fmt.Sprintf("%s-%d", note.name, note.job()), "*"))
		for _, path := range some {
			owners[path] = note
		}
		list = append(list, some...)
	}
	slices.Sort(list)
	if len(list) == 0 {
		return false
	}
	path := list[int(uint64(n)%uint64(len(list)))]
	frame, ok := frameIn(path)
	if !ok {
		return false
	}
	owners[path].rot(frame)
	if _, ok = flip([]string{path}, n); ok {
		r.rotten[path] = true
	}
	return ok
}

// frameIn reads the frame out of a result's name.
func frameIn(path string) (frame int, ok bool) {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name = strings.TrimPrefix(strings.TrimPrefix(name, "layers_"), "preview_")
	_, err := fmt.Sscanf(name, "%d", &frame)
	return frame, err == nil
}

// rotOutbox damages a file of a finished frame that waits on a worker's disk: one that was hashed already.
func (r *run) rotOutbox(name string, n int64) bool {
	kept, _ := filepath.Glob(filepath.Join(r.workerData(name), "worker", "out", "p*", "report.json"))
	var list []string
	for _, record := range kept {
		files, _ := filepath.Glob(filepath.Join(filepath.Dir(record), "files", "*"))
		list = append(list, files...)
	}
	_, ok := flip(list, n)
	return ok
}

// rottenYet tells what is damaged on the master's disk and still of use; "" when nothing is. With tend it is read as
// somebody would who needs it: the damage must be found, and can then be made good.
func (r *run) rottenYet(tend bool) (why string) {
	for path := range r.rotten {
		n, again := r.damaged(path)
		if n == nil {
			delete(r.rotten, path)
			continue
		}
		why = fmt.Sprintf("%s of job %d is damaged", path, n.job())
		if tend {
			r.count("found damaged at reading", 1)
			again()
		}
	}
	return why
}

// damaged returns the job that needs a file which is not right, and how to read and then mend it.
func (r *run) damaged(path string) (*note, func()) {
	ref := filepath.Base(path)
	text, err := os.ReadFile(path)
	for _, n := range r.notes {
		if n.gone() {
			continue
		}
		if slices.ContainsFunc(n.files, func(f nr.File) bool { return f.Ref == ref }) {
			if err == nil && blob.RefOf(text).String() == ref {
				return nil, nil
			}
			return n, func() { r.mendFile(n, ref) }
		}
		if frame, ok := frameIn(path); ok && filepath.Base(filepath.Dir(path)) == fmt.Sprintf("%s-%d", n.name, n.job()) {
			if err != nil || !r.differs(n, path, text) {
				return nil, nil
			}
			return n, func() { r.mendResult(n, path, frame) }
		}
	}
	return nil, nil
}

// differs tells whether a result is not what was accepted under its name.
func (r *run) differs(n *note, path string, text []byte) (differs bool) {
	if err := r.call(func(ctx context.Context) error {
		page, err := r.admin.Attempts(ctx, nr.AttemptFilter{Job: n.job(), Accepted: true, Limit: 1000}, 0)
		for i := range page.Attempts {
			for _, res := range page.Attempts[i].Results {
				if res.Name == filepath.Base(path) && res.Ref != blob.RefOf(text).String() {
					differs = true
				}
			}
		}
		return err
	}); err != nil {
		return true
	}
	return differs
}

// mendFile reads a damaged file from the master, which must not give it away, and sends it anew.
func (r *run) mendFile(n *note, ref string) {
	_ = r.call(func(ctx context.Context) error {
		h := &keeper{}
		if err := r.admin.FetchBlob(ctx, ref, h); err == nil && blob.RefOf(h.text).String() != ref {
			r.failf("the master gave away a damaged file, %s of job %d", ref, n.job())
		}
		there, _, err := r.admin.HasBlob(ctx, ref)
		if err != nil {
			return err
		}
		if text, rerr := os.ReadFile(filepath.Join(r.masterDir(), "blobs", ref[:2], ref)); there && rerr == nil && blob.RefOf(text).String() != ref {
			r.failf("the master was made to read a damaged file, %s of job %d, and still keeps it", ref, n.job())
		}
		if !there {
			r.feed(n, []string{ref})
		}
		return nil
	})
}

type keeper struct{ text []byte }

func (k *keeper) Write(p []byte) (int, error) {
	k.text = append(k.text, p...)
	return len(p), nil
}

// mendResult has a damaged result found: by its owner, who fetches it and must not get it as if it were right, or by
// a verification of everything. Then the farm renders the frame again by itself.
func (r *run) mendResult(n *note, path string, frame int) {
	if r.probes++; r.probes%2 == 0 {
		r.verify()
		return
	}
	to := filepath.Join(r.dir, "probe")
	defer os.RemoveAll(to)
	_, errs, code := r.exec(n.user, "fetch", n.job().String(), fmt.Sprintf("--frames=%d", frame), "-o", to, "--previews")
	name := filepath.Base(path)
	if text, err := os.ReadFile(filepath.Join(to, name)); err == nil && r.differs(n, path, text) {
		r.failf("the damaged result %s of job %d was fetched as if it were right: exit %d, %s", name, n.job(), code, errs)
	}
}

// verify has the farm read everything, and mend what it finds.
func (r *run) verify() {
	out, errs, code := r.exec(r.boss, "verify", "--repair", "--rate", "0", "--json")
	if code == 0 {
		r.count("verified", 1)
	}
	if code == 1 && strings.Contains(out, `"mended":false`) {
		r.failf("a verification cannot mend all that it found: %s%s", out, errs)
	}
}
