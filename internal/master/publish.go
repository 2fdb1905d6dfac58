package master

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// ownPrefix begins the names of the master's own files among results.
const ownPrefix = ".netrender-"

// unusable says why the results of a report can never be put in place together, or nothing. Their names must differ on
// every system that they may be fetched to.
func unusable(r *farm.Report) string {
	most := maxResultsPerFrame
	if t, _ := farm.TaskOf(r.Frame); t.Stage == farm.StageBake {
		most = farm.MaxCacheFiles
	}
	if len(r.Results) > most {
		return fmt.Sprintf("%s has %d results, %d are allowed", farm.TaskName(r.Frame), len(r.Results), most)
	}
	names := newNames(len(r.Results))
	for i := range r.Results {
		if err := checkResult(&r.Results[i]); err != nil {
			return err.Error()
		}
		if why := names.add(r.Results[i].Name); why != "" {
			return "two of its results get into each other's way: " + why
		}
	}
	return ""
}

// names are paths that are to lie in one folder, on any system.
type names struct {
	files   map[string]string // as blob.FoldPath has them -> as they are written
	folders map[string]string // every folder on the way to a file -> that file
}

func newNames(n int) *names {
	return &names{files: make(map[string]string, n), folders: make(map[string]string)}
}

// add takes a clean path in, or says why it cannot lie beside those that were.
func (n *names) add(p string) (why string) {
	key := blob.FoldPath(p)
	if other, taken := n.files[key]; taken {
		if other == p {
			return fmt.Sprintf("%s is named twice", clip(p, 100))
		}
		return fmt.Sprintf("%s and %s are one name on some systems", clip(other, 100), clip(p, 100))
	}
	if below, taken := n.folders[key]; taken {
		return fmt.Sprintf("%s would be a file and, for %s, a folder", clip(p, 100), clip(below, 100))
	}
	n.files[key] = p
	for i := strings.LastIndexByte(key, '/'); i > 0; i = strings.LastIndexByte(key[:i], '/') {
		if file, taken := n.files[key[:i]]; taken {
			return fmt.Sprintf("%s would be a file and, for %s, a folder", clip(file, 100), clip(p, 100))
		}
		if _, known := n.folders[key[:i]]; known {
			break // and so are those above it
		}
		n.folders[key[:i]] = p
	}
	return ""
}

// inTheWayError is something in a job's folder that is where a result must go.
type inTheWayError struct{ text string }

func (e *inTheWayError) Error() string { return e.text }

// publish puts a report's results in place under the job's folder, and nowhere else: links that somebody put into it
// are not followed but removed.
func (m *Master) publish(folder string, r *farm.Report) error {
	root, err := os.OpenRoot(m.opt.Dir)
	if err != nil {
		return plainDisk(err, "the result cannot be put in place")
	}
	defer root.Close()
	p := &placing{root: root, top: path.Join("outputs", folder), sync: make(map[string]struct{})}
	if err := p.folder("."); err != nil {
		return p.plain(err)
	}
	incoming, err := filepath.Rel(m.opt.Dir, m.incoming(r.Lease, r.Frame))
	if err != nil {
		return err
	}
	for i := range r.Results {
		res := &r.Results[i]
		if err := p.folder(path.Dir(res.Name)); err != nil {
			return p.plain(err)
		}
		to := path.Join(p.top, res.Name)
		if st, err := root.Lstat(filepath.FromSlash(to)); err == nil && st.IsDir() {
			return p.plain(&inTheWayError{res.Name + " is a folder there"})
		}
		if err := root.Rename(filepath.Join(incoming, stagedName(res)), filepath.FromSlash(to)); err != nil {
			return p.plain(err)
		}
	}
	for dir := range p.sync {
		syncDir(filepath.Join(m.opt.Dir, filepath.FromSlash(dir)))
	}
	return nil
}

// placing is a publish in progress. Its paths have slashes and are below root.
type placing struct {
	root *os.Root
	top  string              // the job's folder
	sync map[string]struct{} // folders whose names must become durable
	made map[string]struct{} // folders that are known to be there
}

// folder makes the folders on the way to dir, which is below the job's, and sees to it that each is one.
func (p *placing) folder(dir string) error {
	at := p.top
	if _, known := p.made[path.Join(at, dir)]; known {
		return nil
	}
	parts := []string{""}
	if dir != "." {
		parts = append(parts, strings.Split(dir, "/")...)
	}
	for _, part := range parts {
		at = path.Join(at, part)
		if err := p.one(at); err != nil {
			return err
		}
	}
	if p.made == nil {
		p.made = make(map[string]struct{})
	}
	p.made[at], p.sync[at] = struct{}{}, struct{}{}
	return nil
}

func (p *placing) one(at string) error {
	name := filepath.FromSlash(at)
	for range 3 { // somebody may be at it
		st, err := p.root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := p.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			p.sync[path.Dir(at)] = struct{}{} // its name must be durable too
		case err != nil:
			return err
		case st.IsDir():
			return nil
		case st.Mode()&fs.ModeSymlink != 0:
			if err := p.root.Remove(name); err != nil {
				return err
			}
		default:
			return &inTheWayError{strings.TrimPrefix(at, p.top+"/") + " is a file there"}
		}
	}
	return &inTheWayError{strings.TrimPrefix(at, p.top+"/") + " does not stay a folder"}
}

// plain turns an error into a sentence; what is in the way stays what it is.
func (p *placing) plain(err error) error {
	var way *inTheWayError
	if errors.As(err, &way) {
		return way
	}
	return plainDisk(err, "the result cannot be put in place")
}
