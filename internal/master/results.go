package master

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Results arrive in incoming/LEASE/FRAME/, one file named by what it is to be, verified and synced; beside it gathers
// what has come of one that is not whole. Settling the report renames them into outputs/FOLDER/, before the report is
// made durable: a crash between the two leaves files of a frame that is rendered again and replaced.

const maxResultsPerFrame = 1000

func (m *Master) makeFolders() error {
	for _, d := range []string{"outputs", "logs", "incoming"} {
		path := filepath.Join(m.opt.Dir, d)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return plainDisk(err, "the data folder cannot be written")
		}
		if st, err := os.Lstat(path); err != nil || !st.IsDir() {
			return farm.Errorf(farm.Invalid, "%s must be a folder, not a link", path).
				WithHint("to keep results elsewhere, move the whole data folder and name it with --data")
		}
	}
	return nil
}

func (m *Master) incoming(l farm.LeaseID, frame int) string {
	return filepath.Join(m.opt.Dir, "incoming", strconv.FormatInt(int64(l), 10), strconv.Itoa(frame))
}

// stagedName is where a result lies until its report: the same bytes under two names are two files.
func stagedName(r *farm.Result) string {
	h := sha256.Sum256([]byte(r.Ref + "\x00" + r.Name))
	return hex.EncodeToString(h[:])
}

// PutResult takes a result's bytes from an offset on, verified as a whole against its size and SHA-256. What came
// before the sender broke off stays, and is where the next call goes on; have is how much that is. An offset below 0
// begins anew whatever there is. Sending a result again that is there is harmless.
func (m *Master) PutResult(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, r farm.Result, offset int64, body io.Reader) (have int64, whole bool, err error) {
	path, info, err := m.expected(ctx, who, lease, worker, &r)
	if err != nil {
		return 0, false, err
	}
	m.leftover.expect(lease)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, false, plainDisk(err, "the result cannot be kept")
	}
	if offset < 0 {
		if err := m.arrivals.Restart(path); err != nil {
			return 0, false, plainDisk(err, "the result cannot be kept")
		}
		offset = 0
	}
	src := &readError{r: body}
	have, whole, err = m.arrivals.Append(ctx, path, info, offset, src)
	var wrong *blob.MismatchError
	switch {
	case src.err != nil: // the sender broke off
		err = src.err
	case err == nil, errors.Is(err, blob.ErrOffset), errors.Is(err, blob.ErrBusy), ctx.Err() != nil:
	case errors.As(err, &wrong):
		err = farm.Errorf(farm.Mismatch, "the bytes of %s do not match what was announced", clip(r.Name, 100))
	default:
		err = plainDisk(err, "the result cannot be kept")
	}
	return have, whole, err
}

// ResultOffset is how much of a result is here; whole says that it is all.
func (m *Master) ResultOffset(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, r farm.Result) (have int64, whole bool, err error) {
	path, info, err := m.expected(ctx, who, lease, worker, &r)
	if err != nil {
		return 0, false, err
	}
	if have, err = m.arrivals.Offset(path, info); err != nil {
		return 0, false, plainDisk(err, "the result cannot be looked for")
	}
	return have, arrived(path, info.Size) || m.hasCache(ctx, &r), nil
}

// expected is where a result of the lease arrives. It is an error when nobody waits for it.
func (m *Master) expected(ctx context.Context, who Identity, lease farm.LeaseID, worker farm.WorkerID, r *farm.Result) (path string, info blob.Info, err error) {
	if err := checkResult(r); err != nil {
		return "", info, err
	}
	_, err = ask(ctx, m, func(e *engine) (struct{}, error) {
		l := e.leases[lease]
		if l == nil {
			l = e.lapsed[lease]
		}
		if l == nil || l.Worker != worker || !e.speaks(who, worker) {
			return struct{}{}, farm.Errorf(farm.Conflict, "the lease is over")
		}
		if _, ok := l.left[r.Frame]; !ok {
			return struct{}{}, farm.Errorf(farm.Conflict, "frame %d was already reported or is not part of the lease", r.Frame)
		}
		if w := e.workers[worker]; w != nil {
			e.heard(w)
			l.seen = w.seen
		}
		return struct{}{}, nil
	})
	if err != nil {
		return "", info, err
	}
	ref, err := blob.ParseRef(r.Ref)
	return filepath.Join(m.incoming(lease, r.Frame), stagedName(r)), blob.Info{Ref: ref, Size: r.Size}, err
}

func arrived(path string, size int64) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode().IsRegular() && st.Size() == size
}

// readError remembers that it was the reading that failed.
type readError struct {
	r   io.Reader
	err error
}

func (r *readError) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func checkResult(r *farm.Result) error {
	if clean, err := blob.CleanPath(r.Name); err != nil || clean != r.Name {
		return farm.Errorf(farm.Invalid, "a result has a name that cannot be used: %s", clip(r.Name, 100))
	}
	if r.Kind == farm.KindPart && (!farm.IsPart(r.Frame) || r.Name != farm.PartName(r.Frame)) {
		return farm.Errorf(farm.Invalid, "a part of a frame has a name that is not its own: %s", clip(r.Name, 100))
	}
	if r.Kind != farm.KindPart && slices.ContainsFunc(strings.Split(blob.FoldPath(r.Name), "/"), func(c string) bool { return strings.HasPrefix(c, ownPrefix) }) {
		return farm.Errorf(farm.Invalid, "a result has a name that is the master's own: %s", clip(r.Name, 100))
	}
	if (r.Kind == farm.KindFilm) != farm.IsFilm(r.Frame) {
		return farm.Errorf(farm.Invalid, "only a film is the result of encoding one: %s", clip(r.Name, 100))
	}
	if err := checkCache(r); err != nil {
		return err
	}
	if _, err := blob.ParseRef(r.Ref); err != nil {
		return farm.Errorf(farm.Invalid, "the result %s has no proper SHA-256", clip(r.Name, 100))
	}
	if r.Size < 0 {
		return farm.Errorf(farm.Invalid, "the result %s has no proper size", clip(r.Name, 100))
	}
	switch r.Kind {
	case farm.KindPart, farm.KindEXR, farm.KindOutput, farm.KindNode, farm.KindPreview, farm.KindReport, farm.KindThumbnail, farm.KindCache, farm.KindFilm:
		return nil
	}
	return farm.Errorf(farm.Invalid, "%q is not a kind of result", clip(string(r.Kind), 40))
}

// notArrived names the report's results whose bytes are not here.
func (m *Master) notArrived(ctx context.Context, r *farm.Report) []string {
	var missing []string
	for i := range r.Results {
		res := &r.Results[i]
		if !arrived(filepath.Join(m.incoming(r.Lease, r.Frame), stagedName(res)), res.Size) && !m.hasCache(ctx, res) {
			missing = append(missing, res.Name)
		}
	}
	return missing
}

// syncDir makes renames in the folder durable where the platform needs that; elsewhere it does nothing.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync() // not supported on every platform
	_ = d.Close()
}

func (m *Master) clearIncoming(l farm.LeaseID, frame int) {
	dir := m.incoming(l, frame)
	_ = os.RemoveAll(dir)
	m.arrivals.Forget(dir)
	_ = os.Remove(filepath.Dir(dir)) // goes only when it is empty
}

// sweepIncoming removes what leases left behind that nobody knows any more, before the engine runs.
func (m *Master) sweepIncoming(e *engine) error {
	ids, err := m.arrivalFolders()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if e.leases[id] == nil && e.lapsed[id] == nil {
			m.removeArrival(id)
		} else {
			m.leftover.expect(id)
		}
	}
	return nil
}

// arrivalFolders lists the leases that have a folder in incoming/. What else is there is removed.
func (m *Master) arrivalFolders() (ids []farm.LeaseID, err error) {
	root := filepath.Join(m.opt.Dir, "incoming")
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, plainDisk(err, "the data folder cannot be read")
	}
	for _, entry := range entries {
		if n, err := strconv.ParseInt(entry.Name(), 10, 64); err == nil {
			ids = append(ids, farm.LeaseID(n))
		} else {
			_ = os.RemoveAll(filepath.Join(root, entry.Name()))
		}
	}
	return ids, nil
}

// removeArrival removes what came for a lease that is over.
func (m *Master) removeArrival(id farm.LeaseID) {
	dir := filepath.Join(m.opt.Dir, "incoming", strconv.FormatInt(int64(id), 10))
	if err := os.RemoveAll(dir); err != nil {
		m.opt.Log.Warn("what came for a lease that is over cannot be removed", "lease", id, "err", err)
	}
	m.arrivals.Forget(dir)
}

// OpenResult opens a result of an accepted frame by its name.
func (m *Master) OpenResult(ctx context.Context, id farm.JobID, name string) (*os.File, error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	clean, err := blob.CleanPath(name)
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "that is not the name of a result")
	}
	f, err := m.openOutput(j.Folder, clean)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if lost := j.Lost(farm.Outputs); lost != nil {
			return nil, farm.Errorf(farm.NotFound, "job %d has no result %s: %s", id, clip(name, 200), lost.Sentence()).
				WithHint("netrender retry %d --all renders its frames again", id)
		}
		return nil, farm.Errorf(farm.NotFound, "job %d has no result %s", id, clip(name, 200))
	}
	return nil, plainDisk(err, "the result cannot be read")
}

// openOutput opens a regular file in a job's results folder; no link leads out of it.
func (m *Master) openOutput(folder, name string) (*os.File, error) {
	clean, err := blob.CleanPath(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	if st, err := os.Lstat(m.outputs(folder)); err != nil || !st.IsDir() { // a link that somebody put there
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(m.outputs(folder))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	before, err := root.Lstat(filepath.FromSlash(clean))
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, fs.ErrNotExist
	}
	f, err := root.Open(filepath.FromSlash(clean))
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		_ = f.Close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// plainDisk turns an error of the file system into a sentence.
func plainDisk(err error, what string) error {
	if err == nil {
		return nil
	}
	if blob.IsFull(err) {
		return &farm.Error{Kind: farm.NoRoom, Text: what + ": the master's disk is full", Hint: "make room on it; nothing is lost, senders try again", Err: err}
	}
	return &farm.Error{Kind: farm.Internal, Text: what + ": " + cause(err), Err: err}
}

func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Sprint(pe.Err)
	}
	return err.Error()
}

func isNotFound(err error) bool { return errors.Is(err, blob.ErrNotFound) }
