package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
	"sync"

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
// the master and waits for its files: submitting a plan of the same key again goes on where this left off.
func Submit(ctx context.Context, c *wire.Client, p *Plan, tell func(Sending)) (farm.Job, error) {
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
	if err != nil {
		return farm.Job{}, err
	}
	if p.Announced != nil {
		p.Announced(reply.Job)
	}
	if reply.Job.State != farm.Collecting && len(reply.Missing) == 0 {
		return reply.Job, nil
	}
	missing := reply.Missing
	if reply.More {
		missing = missing[:0]
		seen := make(map[string]bool)
		for f, err := range c.Missing(ctx, reply.Job.ID) {
			if err != nil {
				return reply.Job, err
			}
			if !seen[f.Ref] {
				seen[f.Ref] = true
				missing = append(missing, f.Ref)
			}
		}
	}
	if err := upload(ctx, c, missing, local, tell); err != nil {
		return reply.Job, err
	}
	return c.Job(ctx, reply.Job.ID)
}

// newKey marks one submission, so that sending it twice makes one job.
func newKey() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
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
					if f.changed() {
						err = farm.Errorf(farm.Conflict, "%s was changed while it was sent", f.Local).WithHint("save it and send the job again")
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
