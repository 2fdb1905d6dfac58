//go:build linux

package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// user is a client: a token, a line to the master, and a folder.
type user struct {
	run   *run
	name  string
	link  *link
	token string
	dir   string
	wire  *wire.Client
}

func (u *user) env() []string {
	return []string{"NETRENDER_MASTER=" + u.link.url(), "NETRENDER_TOKEN=" + u.token, "NETRENDER_DATA=" + u.data()}
}

const (
	callTime = 6 * time.Second // a call that takes longer is tried anew
	again    = 150 * time.Millisecond
)

// until calls f until it is sure of the answer or the run is over.
func (r *run) until(f func(ctx context.Context) (sure bool)) {
	for r.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(r.ctx, callTime)
		sure := f(ctx)
		cancel()
		if sure {
			return
		}
		select {
		case <-time.After(again):
		case <-r.ctx.Done():
		}
	}
}

// unsure tells whether an error leaves open what happened, or passes with time.
func unsure(err error) bool {
	switch nr.KindOf(err) {
	case nr.Internal, nr.NoRoom, nr.Stopping, nr.Throttled:
		return true
	}
	return wire.Again(err)
}

// pursue has a job submitted, fed, steered, watched and fetched.
func (r *run) pursue(n *note) {
	r.jobs.Go(func() {
		if n.plan.Render && r.scene != nil {
			r.commission(n)
		} else {
			n.plan.Render = false
			r.submit(n)
		}
		if r.ctx.Err() != nil {
			return
		}
		r.jobs.Go(func() { r.watch(n) })
		if n.plan.Fetch {
			r.jobs.Go(func() { r.fetch(n) })
		}
		for op := range n.ops {
			r.steer(n, op)
		}
	})
}

// submit announces the job until the master says that it has it, and then sends its files beside everything else.
func (r *run) submit(n *note) {
	r.until(func(ctx context.Context) bool {
		reply, err := n.user.wire.Submit(ctx, n.spec, n.files)
		if err != nil {
			if !unsure(err) {
				r.failf("job %s was refused: %v", n.name, err)
				return true
			}
			return false
		}
		n.mu.Lock()
		n.id = reply.Job.ID
		n.mu.Unlock()
		close(n.told)
		r.count("jobs", 1)
		r.jobs.Go(func() { r.feed(n, reply.Missing) })
		return true
	})
}

// feed sends files; each is noted when the master says that it has it.
func (r *run) feed(n *note, missing []string) {
	for _, ref := range missing {
		text := n.bytes[ref]
		if text == nil {
			r.failf("the master asks for %s, which is not of job %s", ref, n.name)
			continue
		}
		r.until(func(ctx context.Context) bool {
			if n.gone() {
				return true
			}
			err := n.user.wire.PutBlob(ctx, wire.Upload{Ref: ref, Size: int64(len(text)), Open: func() (io.ReadSeekCloser, error) {
				return nopCloser{bytes.NewReader(text)}, nil
			}})
			if err != nil {
				if !unsure(err) && nr.KindOf(err) != nr.Conflict && ctx.Err() == nil {
					r.failf("a file of job %s was refused: %v", n.name, err)
					return true
				}
				return false
			}
			n.mu.Lock()
			n.blobs[ref] = true
			n.mu.Unlock()
			r.count("files sent", 1)
			return true
		})
	}
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// watch asks again and again which frames are there, and notes what it is told.
func (r *run) watch(n *note) {
	var after int64
	last := -1
	r.until(func(ctx context.Context) bool {
		if n.gone() || r.quiet() {
			return true
		}
		resets := n.resets()
		if resets != last {
			after, last = 0, resets
		}
		page, err := n.user.wire.Attempts(ctx, nr.AttemptFilter{Job: n.job(), After: after, Accepted: true, Limit: 500}, 2*time.Second)
		if err != nil {
			if nr.KindOf(err) == nr.NotFound && !n.gone() {
				time.Sleep(again) // a deletion may be under way
				return false
			}
			return false
		}
		n.saw(resets, page.Attempts)
		for i := range page.Attempts {
			after = max(after, page.Attempts[i].Seq)
		}
		if page.Ended {
			if job, err := n.user.wire.Job(ctx, n.job()); err == nil {
				n.sawJob(resets, &job)
			}
			time.Sleep(time.Second) // a retry may come
		}
		return false
	})
}

// fetch runs `netrender fetch --follow` until everything is here, however often it is killed.
func (r *run) fetch(n *note) {
	r.until(func(context.Context) bool {
		if n.gone() || r.quiet() {
			return true
		}
		_, _, code := r.exec(n.user, "fetch", n.job().String(), "-o", n.folder(), "--follow", "--previews")
		if (code == 0 || code == 1) && !r.quiet() { // it has ended; a retry may come
			time.Sleep(2 * time.Second)
		}
		return code == 0 && r.quiet()
	})
}

// folder is where the job's frames are fetched to.
func (n *note) folder() string { return filepath.Join(n.user.dir, n.name) }

// steer does what the script says to the job, until the answer is sure.
func (r *run) steer(n *note, op action) {
	id := n.job()
	calls := 0
	r.until(func(ctx context.Context) bool {
		if n.gone() {
			return true
		}
		calls++
		resets := r.before(n, op)
		job, err := r.ask(ctx, n, op)
		kind := nr.KindOf(err)
		switch {
		case err == nil:
			r.after(n, op, resets, &job)
			r.count(op.Do, 1)
			return true
		case op.Do == "delete" && kind == nr.NotFound && calls > 1: // an earlier call did it
			r.after(n, op, resets, &job)
			return true
		case kind == nr.Conflict: // the job is in another state
			return true
		case kind == nr.NotFound:
			r.failf("job %d (%s) was acknowledged and is not there: %s: %v", id, n.name, op, err)
			return true
		case unsure(err) || ctx.Err() != nil:
			return false
		}
		r.failf("%s of job %d was refused: %v", op, id, err)
		return true
	})
}

// before notes that from now on things may change.
func (r *run) before(n *note, op action) (resets int) {
	switch op.Do {
	case "retry":
		set, err := nr.ParseFrameSet(op.Set)
		n.loosen(func(f int) bool { return op.Set == "all" || err == nil && set.Contains(f) })
	case "resume":
		n.unpause()
	case "cancel", "delete":
		n.unpause()
		n.mu.Lock()
		n.reset++
		n.mu.Unlock()
	case "priority":
		n.mu.Lock()
		n.priority = 0
		n.mu.Unlock()
	}
	return n.resets()
}

// after notes what was acknowledged.
func (r *run) after(n *note, op action, resets int, job *nr.Job) {
	if op.Do == "retry" {
		n.unpause()
		n.loosen(func(int) bool { return false }) // what was asked for before the answer came is not to be trusted
		return
	}
	if job.ID != 0 {
		n.sawJob(resets, job)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch op.Do {
	case "pause":
		if job.State == nr.Paused && !n.paused {
			n.paused = true
			n.pauses = append(n.pauses, span{from: time.Now()})
		}
	case "cancel":
		n.canceled = true
	case "delete":
		n.deleted = true
	case "priority":
		n.priority = int(op.N)
	}
}

// ask makes the call, or runs the command.
func (r *run) ask(ctx context.Context, n *note, op action) (job nr.Job, err error) {
	id, c := n.job(), n.user.wire
	if op.CLI {
		return r.command(ctx, n, op)
	}
	switch op.Do {
	case "pause":
		return c.PauseJob(ctx, id)
	case "resume":
		return c.ResumeJob(ctx, id)
	case "cancel":
		return c.CancelJob(ctx, id)
	case "delete":
		return nr.Job{}, c.DeleteJob(ctx, id)
	case "priority":
		p := int(op.N)
		return c.ChangeJob(ctx, id, wire.JobChange{Priority: &p})
	case "retry":
		which := wire.RetryRequest{All: op.Set == "all", Failed: op.Set == ""}
		if !which.All && !which.Failed {
			if which.Frames, err = nr.ParseFrameSet(op.Set); err != nil {
				return nr.Job{}, err
			}
		}
		return c.RetryJob(ctx, id, which)
	}
	panic("nobody knows how to " + op.Do)
}

// command does it with the program's own command.
func (r *run) command(ctx context.Context, n *note, op action) (job nr.Job, err error) {
	id := n.job().String()
	var args []string
	switch op.Do {
	case "priority":
		args = []string{"set", id, fmt.Sprintf("priority=%d", op.N)}
	case "retry":
		if args = []string{"retry", id}; op.Set == "all" {
			args = append(args, "--all")
		} else if op.Set != "" {
			args = append(args, "-f", op.Set)
		}
	case "delete":
		args = []string{"delete", id, "--yes"}
	default:
		args = []string{op.Do, id}
	}
	out, errs, code := r.exec(n.user, append(args, "--json")...)
	return readAnswer(op.Do, out, errs, code)
}

// readAnswer makes of a command's output what a call would have returned.
func readAnswer(what, out, errs string, code int) (job nr.Job, err error) {
	if code == 0 {
		if what == "delete" {
			return job, nil
		}
		return job, lastJSON(out, &job)
	}
	var told struct{ Error, Kind string }
	if code < 0 || code == 3 || lastJSON(errs, &told) != nil {
		return job, &wire.Unreachable{Err: fmt.Errorf("exit %d: %s", code, strings.TrimSpace(errs))}
	}
	return job, nr.Errorf(nr.Kind(told.Kind), "%s", told.Error)
}
