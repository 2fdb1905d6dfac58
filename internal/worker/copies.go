package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	copySilence = 20 * time.Second // how long the folder that results are copied to may take nothing
	copyPause   = time.Minute      // how long one that failed so is left alone
)

// copied is a result on its way to a folder besides the master's: under a name of its own until the master has taken the
// frame, so that what lies there under its own name is what the farm holds.
type copied struct {
	Root string `json:"root"` // a folder that must be there
	Name string `json:"name"` // below it, with slashes
	Temp string `json:"temp"` // beside it
}

// copier copies results to the folders of this worker and of jobs.
type copier struct {
	opt     *Options
	silence time.Duration

	mu   sync.Mutex
	away map[string]time.Time // guarded by mu: roots that took nothing, and since when
}

func newCopier(opt *Options) *copier {
	return &copier{opt: opt, silence: copySilence, away: make(map[string]time.Time)}
}

// goal is a folder below a root.
type goal struct{ root, below string }

// goals are where the results of a lease are copied to. Why is a sentence when the job asks for more than may be.
func (c *copier) goals(g *farm.Grant) (list []goal, why string) {
	if c.opt.CopyTo != "" {
		below := g.Folder
		if below == "" || !filepath.IsLocal(below) {
			below = "job-" + g.Lease.Job.String()
		}
		list = append(list, goal{c.opt.CopyTo, below})
	}
	if want := g.Options.CopyTo; want != "" {
		for _, s := range c.opt.CopyRoots {
			if below, ok := s.Below(want); ok {
				return append(list, goal{s.To, below}), ""
			}
		}
		why = fmt.Sprintf("it is not copied to %s: that is not below a folder that this worker copies to (netrender worker --copy-root)", want)
	}
	return list, why
}

// stage copies a finished frame's files to where they go, under names that nobody takes for results. What went wrong is
// told as a warning: the master gets the frame all the same.
func (c *copier) stage(p *parcel, f *frame) {
	r := &p.Reports[0]
	for _, g := range f.goals {
		done, err := c.toRoot(p, g)
		if err != nil {
			c.drop(done)
			r.Warnings = farm.Sentences(append(r.Warnings, fmt.Sprintf("it is not copied to %s: %v", filepath.Join(g.root, g.below), err)))
			continue
		}
		p.Copies = append(p.Copies, done...)
	}
}

var errAway = errors.New("the folder takes nothing")

// toRoot copies the files of one goal, or gives up when nothing moves for a while.
func (c *copier) toRoot(p *parcel, g goal) (done []copied, err error) {
	c.mu.Lock()
	since, away := c.away[g.root]
	c.mu.Unlock()
	if away && c.opt.Now().Sub(since) < copyPause {
		return nil, errAway
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stall := time.AfterFunc(c.silence, func() { cancel(errAway) })
	defer stall.Stop()
	var mu sync.Mutex // around done, which a copy that hangs may still want to add to
	ended := make(chan error, 1)
	go func() {
		ended <- c.copyAll(ctx, p, g, func() { stall.Reset(c.silence) }, func(one copied) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, one)
		})
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.mu.Lock()
	delete(c.away, g.root)
	if errors.Is(err, errAway) {
		c.away[g.root] = c.opt.Now()
	}
	c.mu.Unlock()
	mu.Lock()
	defer mu.Unlock()
	return append([]copied(nil), done...), err
}

func (c *copier) copyAll(ctx context.Context, p *parcel, g goal, moved func(), each func(copied)) error {
	root, err := os.OpenRoot(g.root)
	if err != nil {
		return plainPath(err)
	}
	defer root.Close()
	r := &p.Reports[0]
	for i := range r.Results {
		if k := r.Results[i].Kind; k == farm.KindPreview || k == farm.KindPart {
			continue
		}
		name := path.Join(filepath.ToSlash(g.below), r.Results[i].Name)
		one := copied{Root: g.root, Name: name, Temp: path.Join(path.Dir(name), tempName(r, i))}
		each(one) // before there is anything: what is half there is to be removed as well
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o777); err != nil {
			return plainPath(err)
		}
		if err := copyInto(ctx, root, one.Temp, filepath.Join(p.dir, filepath.FromSlash(p.Paths[i])), moved); err != nil {
			return plainPath(err)
		}
	}
	return nil
}

// tempName names a copy that is not to be taken for a result.
func tempName(r *farm.Report, i int) string {
	return ".netrender-" + strconv.FormatInt(int64(r.Lease), 36) + "-" + strconv.Itoa(r.Frame) + "-" + strconv.Itoa(i) + ".part"
}

func copyInto(ctx context.Context, root *os.Root, name, from string, moved func()) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(filepath.FromSlash(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	buf := make([]byte, 256<<10)
	for {
		n, rerr := in.Read(buf)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n > 0 {
			if _, err := out.Write(buf[:n]); err != nil {
				return err
			}
			moved()
		}
		if rerr == io.EOF {
			return out.Sync()
		}
		if rerr != nil {
			return rerr
		}
	}
}

// plainPath leaves out Go's own words around why.
func plainPath(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	for inner := pe; errors.As(inner.Err, &inner); { // os.Root wraps one in another
		pe = inner
	}
	if pe.Err.Error() == "path escapes from parent" { // os.Root has no name for it
		return fmt.Errorf("%s leads out of the folder", pe.Path)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}

// place gives copies their names, now that the master has the frame.
func (c *copier) place(list []copied) error {
	return c.each(list, func(root *os.Root, one *copied) error {
		err := root.Rename(filepath.FromSlash(one.Temp), filepath.FromSlash(one.Name))
		if errors.Is(err, fs.ErrNotExist) { // an earlier process may have got so far
			if _, there := root.Stat(filepath.FromSlash(one.Name)); there == nil {
				return nil
			}
		}
		return err
	})
}

// fill is place for copies whose names nobody has.
func (c *copier) fill(list []copied) error {
	return c.each(list, func(root *os.Root, one *copied) error {
		if _, err := root.Lstat(filepath.FromSlash(one.Name)); err == nil {
			return root.Remove(filepath.FromSlash(one.Temp))
		}
		return root.Rename(filepath.FromSlash(one.Temp), filepath.FromSlash(one.Name))
	})
}

// drop removes copies of a frame that the master did not take.
func (c *copier) drop(list []copied) {
	_ = c.each(list, func(root *os.Root, one *copied) error { // what cannot be removed is in nobody's way
		return root.Remove(filepath.FromSlash(one.Temp))
	})
}

// each works on copies with their folders open, and gives up when that takes too long. It returns the first error.
func (c *copier) each(list []copied, do func(root *os.Root, one *copied) error) error {
	if len(list) == 0 {
		return nil
	}
	ended := make(chan error, 1)
	go func() {
		var first error
		for i := range list {
			root, err := os.OpenRoot(list[i].Root)
			if err == nil {
				err = do(root, &list[i])
				_ = root.Close()
			}
			if err != nil && first == nil {
				first = plainPath(err)
			}
		}
		ended <- first
	}()
	late := time.NewTimer(c.silence)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return errAway
	}
}
