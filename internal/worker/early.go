package worker

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	cachesAtOnce = 500 // files handed over in one call, so that none grows too large
	cachePause   = 5   // times as long as a call took nothing more is handed over: the master reads a list that grows
)

// cache is a file of a bake.
type cache struct {
	blender.CacheFile
	ref  string // "": it is not known
	sent bool   // the master has its bytes
}

// sending sends the caches of a bake to the master while others are computed, and hands over those that frames can begin
// with. What it does not get to does not matter.
type sending struct {
	w      *Worker
	lease  farm.LeaseID
	no     int
	from   *os.Root // no link that Blender leaves leads out of it
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	list  []cache
	marks []mark        // rising
	more  chan struct{} // has something when there is more

	// Of the goroutine of run.
	next   int  // of list: those before have a ref, and unless over the master has them
	handed int  // of list: those before are handed over
	whole  bool // what is handed over next are the first of all
	ready  int  // the frame that was said last
	over   bool // the master wants nothing more before the end
	after  time.Time
}

// mark says that frames up to ready have all of their files among the first of a list.
type mark struct{ files, ready int }

func (w *Worker) sendCaches(ctx context.Context, lease farm.LeaseID, no int, from *os.Root) *sending {
	ctx, cancel := context.WithCancel(ctx)
	s := &sending{w: w, lease: lease, no: no, from: from, cancel: cancel, done: make(chan struct{}), more: make(chan struct{}, 1), ready: noFrame}
	go s.run(ctx)
	return s
}

// noFrame is before any frame.
const noFrame = -farm.MaxFrame - 1

// add takes complete files; the frames up to ready have all of theirs now.
func (s *sending) add(list []blender.CacheFile, ready int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range list {
		s.list = append(s.list, cache{CacheFile: f})
	}
	s.marks = append(s.marks, mark{len(s.list), max(ready, noFrame)})
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// stop ends it, and returns all files.
func (s *sending) stop() []cache {
	s.cancel()
	<-s.done
	return s.list
}

func (s *sending) run(ctx context.Context) {
	defer close(s.done)
	back := backoff{jitter: s.w.opt.Jitter}
	for ctx.Err() == nil {
		more, err := s.step(ctx)
		wait := s.after.Sub(s.w.opt.Now())
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.w.log.Debug("caches could not be handed over while they were baked", "err", err)
			}
			_, linked := s.w.link.state()
			back.wait(ctx, linked)
		case more:
			back.reset()
		case wait > 0 && s.due() > s.handed:
			pause(ctx, wait, s.more)
		default:
			select {
			case <-s.more:
			case <-ctx.Done():
			}
		}
	}
}

// step sends a file, or hands some over when that is due; more tells that it did something.
func (s *sending) step(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	var c *cache
	if s.next < len(s.list) {
		one := s.list[s.next]
		c = &one
	}
	s.mu.Unlock()
	if due := s.due(); due > s.handed && !s.w.opt.Now().Before(s.after) {
		return true, s.hand(ctx, due)
	}
	if c == nil {
		return false, nil
	}
	err = s.one(ctx, c)
	if unwanted(err) {
		s.over, err = true, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list[s.next].ref, s.list[s.next].sent = c.ref, c.sent
	if err == nil {
		s.next++
	}
	return true, err
}

// due is up to which file of the list frames could begin with it that could not before.
func (s *sending) due() int {
	if s.over {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.marks) - 1; i >= 0; i-- {
		if m := s.marks[i]; m.files <= s.next {
			s.marks = s.marks[i:]
			if m.ready <= s.ready && !s.whole {
				return 0
			}
			return m.files
		}
	}
	return 0
}

// hand hands over files up to one of the list.
func (s *sending) hand(ctx context.Context, due int) error {
	s.mu.Lock()
	in := wire.CacheRequest{Worker: s.w.id, Task: s.no, Ready: s.marks[0].ready, Whole: s.whole}
	until := min(due, s.handed+cachesAtOnce)
	for i := s.handed; i < until; i++ {
		in.Results = append(in.Results, s.list[i].result(s.no, s.list[i].ref))
	}
	s.mu.Unlock()
	if until < due {
		in.Ready = s.ready
		if s.whole {
			in.Ready = noFrame
		}
	}
	began := s.w.opt.Now()
	out, err := s.w.master.CachesReady(ctx, s.lease, in)
	now := s.w.opt.Now()
	switch {
	case unwanted(err):
		s.over = true
		return nil
	case err != nil:
		return err
	case out.Other:
		s.handed, s.whole, s.ready = 0, true, noFrame
	case len(out.Missing) > 0:
		s.again(out.Missing)
	default:
		s.handed, s.ready, s.whole = until, in.Ready, false
		if until == due {
			s.after = now.Add(cachePause * now.Sub(began))
		}
	}
	return nil
}

// unwanted tells whether the master will take nothing more before the end.
func unwanted(err error) bool {
	switch kindOf(err) {
	case farm.Conflict, farm.NotFound, farm.Denied, farm.Invalid, farm.TooLarge:
		return true
	}
	return false
}

// again sends files once more that the master does not have.
func (s *sending) again(missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list[:s.next] {
		if slices.Contains(missing, s.list[i].Name) {
			s.list[i].sent = false
			s.next = min(s.next, i)
		}
	}
}

// one hashes a file, and sends it.
func (s *sending) one(ctx context.Context, c *cache) error {
	if c.ref == "" {
		f, err := s.open(c)
		if err != nil {
			s.over = true // it is looked at when all are there
			return nil    //nolint:nilerr // see above
		}
		defer f.Close()
		if c.ref, err = hashOf(f); err != nil {
			return err
		}
	}
	if c.sent || s.over {
		return nil
	}
	if !s.w.link.isOpen() {
		return errNotNow
	}
	err := s.w.master.PutResult(ctx, s.lease, s.w.id, c.result(s.no, c.ref), func() (io.ReadSeekCloser, error) { return s.open(c) })
	c.sent = err == nil
	return err
}

// open opens a file while its Blender goes on and could put another thing in its place.
func (s *sending) open(c *cache) (*os.File, error) {
	name, err := filepath.Rel(s.from.Name(), c.Path)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDONLY
	if runtime.GOOS != "windows" {
		flags |= syscall.O_NONBLOCK // a pipe would wait for who writes into it
	}
	f, err := s.from.OpenFile(name, flags, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fault{text: "among the caches is " + c.Name + ", which is no plain file"}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (c *cache) result(no int, ref string) farm.Result {
	return farm.Result{Kind: farm.KindCache, Name: c.Name, Size: c.Size, Ref: ref, Frame: no, First: c.First, Last: c.Last}
}
