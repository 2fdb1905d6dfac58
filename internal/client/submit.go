package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// uploaders is how many files are sent at once.
const uploaders = 4

// Sending tells how far an upload is.
type Sending struct {
	Files, FilesSent int
	Bytes, BytesSent int64 // of what the master lacked
	Full             error // why the master takes no more just now; nil: it does
}

// Submit announces the plan and uploads what the master lacks. tell, which may be nil, hears of the progress; calls
// do not overlap. When ctx ends, or the connection is lost for longer than the client is patient, the job stays with
// the master and waits for its files: with Plan.Sent, submitting the same plan again goes on where this left off.
//
// A file that is not what it was hashed as ends the job that was announced with it. When it was only known wrongly, it is
// hashed again, once, and the job is announced anew.
func Submit(ctx context.Context, c *wire.Client, p *Plan, tell func(Sending)) (farm.Job, error) {
	job, err := submit(ctx, c, p, tell)
	var known *staleError
	if !errors.As(err, &known) {
		return job, err
	}
	if err := p.hashAgain(ctx, known.missing); err != nil {
		return job, err
	}
	p.Spec.Key = ""
	if job, err = submit(ctx, c, p, tell); errors.As(err, &known) {
		err = changedError(known.path)
	}
	return job, err
}

func submit(ctx context.Context, c *wire.Client, p *Plan, tell func(Sending)) (farm.Job, error) {
	if p.Spec.Key == "" && p.Sent != nil {
		key, err := p.Sent.key(ctx, c, p)
		if err != nil {
			return farm.Job{}, err
		}
		p.Spec.Key = key
	}
	if p.Spec.Key == "" {
		p.Spec.Key = newKey()
	}
	files := make([]farm.File, len(p.Files))
	local := make(map[string]*LocalFile, len(p.Files))
	for i := range p.Files {
		files[i] = p.Files[i].File
		local[p.Files[i].Ref] = &p.Files[i]
	}
	reply, err := c.Submit(ctx, p.Spec, files)
	if err == nil && p.Sent.isOver(&reply.Job) {
		p.Spec.Key = p.Sent.renew()
		reply, err = c.Submit(ctx, p.Spec, files)
	}
	if err != nil {
		return farm.Job{}, err
	}
	p.Sent.announced(reply.Job.ID)
	if p.Announced != nil {
		p.Announced(reply.Job)
	}
	if reply.Job.State != farm.Collecting && len(reply.Missing) == 0 {
		p.Sent.done()
		return reply.Job, nil
	}
	missing := reply.Missing
	if reply.More {
		if missing, err = missingOf(ctx, c, reply.Job.ID); err != nil {
			return reply.Job, err
		}
	}
	if err := upload(ctx, c, missing, local, tell); err != nil {
		var known *staleError
		if reply.Job.Dispatched == 0 && (errors.As(err, &known) || errors.Is(err, errChanged)) {
			_, _ = c.CancelJob(ctx, reply.Job.ID) // the file that it waits for is no more
		}
		if known != nil {
			known.missing = missing
		}
		return reply.Job, err
	}
	p.Sent.done()
	return c.Job(ctx, reply.Job.ID)
}

// newKey marks one submission, so that sending it twice makes one job.
func newKey() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

// staleError says that a file's bytes are not those that are remembered, although nothing shows a change.
type staleError struct {
	path    string
	missing []string // refs that were to be sent
}

func (e *staleError) Error() string { return e.path + " is not what it was when it was hashed" }

// errChanged marks files that changed since they were hashed.
var errChanged = errors.New("the file changed")

func changedError(path string) error {
	return &farm.Error{
		Kind: farm.Conflict, Text: path + " was changed while it was sent", Hint: "wait until it is saved, and send the job again", Err: errChanged,
	}
}

// hashAgain hashes the files of the refs without what is remembered of them.
func (p *Plan) hashAgain(ctx context.Context, refs []string) error {
	wanted := make(map[string]bool, len(refs))
	for _, ref := range refs {
		wanted[ref] = true
	}
	for i := range p.Files {
		f := &p.Files[i]
		if !wanted[f.Ref] {
			continue
		}
		if p.hashes != nil {
			p.hashes.Forget(f.Local)
		}
		st, err := os.Stat(f.Local)
		if err != nil {
			return plainFile(f.Local, err)
		}
		info, err := blob.HashFile(ctx, f.Local)
		if err != nil {
			return hashError(f.Local, err)
		}
		p.Bytes += info.Size - f.Size
		f.stat, f.Size, f.Ref = st, info.Size, info.Ref.String()
	}
	if p.hashes != nil {
		_ = p.hashes.Save() // else it is found out again next time
	}
	return nil
}

// whyNotTaken finds out why the master does not take the file's bytes for what was announced.
func (f *LocalFile) whyNotTaken(ctx context.Context, err error) error {
	if f.changed() {
		return changedError(f.Local)
	}
	if farm.KindOf(err) != farm.Mismatch {
		return err
	}
	info, herr := blob.HashFile(ctx, f.Local)
	switch {
	case herr != nil:
		return hashError(f.Local, herr)
	case info.Ref.String() != f.Ref:
		return &staleError{path: f.Local}
	}
	return farm.Errorf(farm.Mismatch, "%s does not arrive at the master as it was sent", f.Local).
		WithHint("send it again; if that does not help, the network, a proxy on the way or a machine's memory is faulty")
}

func upload(ctx context.Context, c *wire.Client, missing []string, local map[string]*LocalFile, tell func(Sending)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	state := Sending{Files: len(missing)}
	for _, ref := range missing {
		f := local[ref]
		if f == nil {
			return farm.Errorf(farm.Internal, "the master asks for bytes that the scene does not have")
		}
		state.Bytes += f.Size
	}
	say := func(change func(*Sending)) {
		mu.Lock()
		defer mu.Unlock()
		change(&state)
		if tell != nil {
			tell(state)
		}
	}
	say(func(*Sending) {})
	next := make(chan *LocalFile)
	var wg sync.WaitGroup
	for range uploaders {
		wg.Go(func() {
			for f := range next {
				var last int64
				err := c.PutBlob(ctx, wire.Upload{
					Ref: f.Ref, Size: f.Size,
					Open:    func() (io.ReadSeekCloser, error) { return os.Open(f.Local) },
					Changed: f.changed,
					Full:    func(err error) { say(func(s *Sending) { s.Full = err }) },
					Progress: func(n int64) {
						say(func(s *Sending) {
							s.BytesSent += n - last
							if n > last {
								s.Full = nil
							}
						})
						last = n
					},
				})
				if err != nil {
					if ctx.Err() == nil {
						err = f.whyNotTaken(ctx, err)
					}
					cancel(err)
					continue
				}
				say(func(s *Sending) {
					s.BytesSent += f.Size - last
					s.FilesSent++
				})
			}
		})
	}
	for _, ref := range missing {
		select {
		case next <- local[ref]:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
