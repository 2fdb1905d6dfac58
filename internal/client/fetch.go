package client

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// FetchOptions say what to bring home.
type FetchOptions struct {
	Job    farm.JobID
	Dir    string // where results go, by their names
	Kinds  []farm.ResultKind
	Frames farm.FrameSet // empty: all
	Follow bool          // wait for frames until all that are asked for are here or the job has ended
	// Frame is told of every frame whose files are all in place, in the order they came. Calls do not overlap.
	Frame func(FetchedFrame)
	// Film is told of the film that was made of the frames, when it is in place; may be nil. It is no frame.
	Film func(FetchedFrame)
	// Again is told of a frame whose results the master has lost or damaged and has rendered again; may be nil.
	Again func(frame int)
	// Bytes is told how many bytes have come, of those that are known to be wanted so far: what was here already is not
	// counted. Calls do not overlap. May be nil.
	Bytes func(done, total int64)
}

// FetchedFrame is a frame that is here.
type FetchedFrame struct {
	Frame   int               `json:"frame"`
	Paths   []string          `json:"paths"` // local
	Kinds   []farm.ResultKind `json:"kinds"` // of each path
	Attempt farm.Attempt      `json:"-"`
	Results []farm.Result     `json:"-"`
	Kept    bool              `json:"kept"` // everything was here already
}

// fetchers is how many files are fetched at once.
const fetchers = 4

// Fetch brings a job's results into a folder: each file under a temporary name, verified, then renamed, so that a
// file under its own name is whole. A file that is there already with the same bytes is not fetched again. With
// Follow it returns when everything that is asked for is here, or the job has ended and all that there is is here.
func Fetch(ctx context.Context, c *wire.Client, o FetchOptions) error {
	if err := CheckFolder(o.Dir); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, fetchers)
		told  sync.Mutex
		bytes counter
	)
	bytes.tell = o.Bytes
	var (
		asked = make(map[int]struct{}) // frames of those named that are there
		again []int                    // guarded by told: frames that are rendered again
		last  int64                    // Attempt.Seq
	)
	handle := func(a farm.Attempt) {
		last = max(last, a.Seq)
		if a.Part > 0 { // the frame comes when it is finished
			return
		}
		film := farm.IsFilm(a.Task())
		if !film && len(o.Kinds) == 1 && o.Kinds[0] == farm.KindFilm || film && !o.wants(farm.KindFilm) {
			return
		}
		frame := a.Frame
		if o.Frames.Count() > 0 {
			asked[frame] = struct{}{}
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f, err := fetchFrame(ctx, c, &o, &a, &bytes)
			var harm *harmError
			if err != nil && !errors.As(err, &harm) {
				cancel(err)
				return
			}
			told.Lock()
			defer told.Unlock()
			if err != nil {
				again = append(again, frame)
				if o.Again != nil && !film {
					o.Again(frame)
				}
			} else if film {
				if o.Film != nil {
					o.Film(f)
				}
			} else if o.Frame != nil {
				o.Frame(f)
			}
		})
	}
	filter := farm.AttemptFilter{Job: o.Job, Accepted: true, Frames: o.Frames, Limit: wire.MaxPage}
	list := func() error {
		filter.After = last
		if o.Follow {
			for a, err := range c.FollowAttempts(ctx, filter) {
				if err != nil {
					return err
				}
				bytes.want(o.bytesOf(&a))
				handle(a)
				if n := o.Frames.Count(); n > 0 && len(asked) == n {
					return nil
				}
			}
			return nil
		}
		for {
			page, err := c.Attempts(ctx, filter, 0)
			if err != nil {
				return err
			}
			for i := range page.Attempts {
				bytes.want(o.bytesOf(&page.Attempts[i]))
			}
			for _, a := range page.Attempts {
				handle(a)
			}
			if page.Next == 0 || len(page.Attempts) == 0 {
				return nil
			}
			filter.After = page.Next
		}
	}
	for {
		err := list()
		if err != nil {
			cancel(err)
		}
		wg.Wait()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil || len(again) == 0 {
			return err
		}
		if !o.Follow {
			return harmed(o.Job, again)
		}
		for _, f := range again { // they come once more
			delete(asked, f)
		}
		again = nil
	}
}

// counter adds up bytes.
type counter struct {
	mu          sync.Mutex
	done, total int64
	tell        func(done, total int64)
}

func (c *counter) change(done, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += done
	c.total += total
	if c.tell != nil && (done != 0 || total < 0 && c.done > 0) { // before that it is not known what is here already
		c.tell(c.done, c.total)
	}
}

func (c *counter) add(n int64)  { c.change(n, 0) }
func (c *counter) want(n int64) { c.change(0, n) }

// wants tells whether results of the kind are asked for.
func (o *FetchOptions) wants(k farm.ResultKind) bool {
	return len(o.Kinds) == 0 || slices.Contains(o.Kinds, k)
}

func (o *FetchOptions) bytesOf(a *farm.Attempt) (n int64) {
	for i := range a.Results {
		if o.wants(a.Results[i].Kind) && a.Results[i].Kind != farm.KindPart {
			n += a.Results[i].Size
		}
	}
	return n
}

func fetchFrame(ctx context.Context, c *wire.Client, o *FetchOptions, a *farm.Attempt, bytes *counter) (FetchedFrame, error) {
	out := FetchedFrame{Frame: a.Frame, Attempt: *a, Kept: true}
	for _, r := range a.Results {
		if !o.wants(r.Kind) {
			continue
		}
		name, err := blob.CleanPath(r.Name)
		if err != nil {
			return out, farm.Errorf(farm.Invalid, "the master names a result %q, which is no safe name", r.Name)
		}
		target := filepath.Join(o.Dir, filepath.FromSlash(name))
		out.Paths = append(out.Paths, target)
		out.Results = append(out.Results, r)
		out.Kinds = append(out.Kinds, r.Kind)
		if same(ctx, target, r) {
			bytes.want(-r.Size)
			continue
		}
		out.Kept = false
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return out, PlainWrite(filepath.Dir(target), err, otherFolder)
		}
		last := int64(0)
		err = c.FetchVerified(ctx, o.Job, r, target, func(n, _ int64) {
			bytes.add(n - last)
			last = n
		})
		if err != nil {
			if err = suspect(ctx, c, o.Job, a.Task(), r, target, err); err != nil {
				bytes.change(-last, -r.Size)
				return out, plainFetch(ctx, target, err)
			}
		}
	}
	return out, nil
}

// plainFetch turns an error of this machine's disk into a sentence; those of the master and the way there are
// sentences already.
func plainFetch(ctx context.Context, target string, err error) error {
	var (
		told *farm.Error
		lost *wire.Unreachable
		harm *harmError
	)
	if ctx.Err() != nil || errors.As(err, &told) || errors.As(err, &lost) || errors.As(err, &harm) {
		return err
	}
	return PlainWrite(target, err, otherFolder)
}

const otherFolder = "name another folder with -o"

// same tells whether the file is there with the very bytes of the result.
func same(ctx context.Context, path string, r farm.Result) bool {
	st, err := os.Stat(path)
	if err != nil || st.Size() != r.Size {
		return false
	}
	info, err := blob.HashFile(ctx, path)
	return err == nil && info.Ref.String() == r.Ref
}

// CheckFolder makes the folder and proves that files can be written in it.
func CheckFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return PlainWrite(dir, err, otherFolder)
	}
	f, err := os.CreateTemp(dir, ".netrender-*")
	if err != nil {
		return PlainWrite(dir, err, otherFolder)
	}
	_, werr := io.WriteString(f, "x")
	cerr := f.Close()
	rerr := os.Remove(f.Name())
	if err := errors.Join(werr, cerr, rerr); err != nil {
		return PlainWrite(dir, err, otherFolder)
	}
	return nil
}

// reason is the cause of a file system's error without the path.
func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
