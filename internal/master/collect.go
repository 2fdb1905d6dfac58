package master

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// usualBreath lets others at the disk and the database between two pieces of work that nobody waits for.
const usualBreath = 5 * time.Millisecond

// Collected is what a collection freed.
type Collected struct {
	Blobs int
	Bytes int64
}

// Collect removes the blobs that no kept job names and nobody was told of for a while. It does nothing while another
// collection is in progress, and soon after the start.
func (m *Master) Collect(ctx context.Context) (sum Collected, err error) {
	if m.guard == nil {
		return sum, nil
	}
	c := m.guard.Begin()
	if c == nil {
		return sum, nil
	}
	defer c.End()
	// From here on whoever submits pins what it names, and that is left alone: only older jobs must be looked at.
	named, err := m.named(ctx)
	if err != nil {
		return sum, err
	}
	for after, more := (blob.Ref{}), true; more; {
		page, err := m.opt.Blobs.List(ctx, after, 1000)
		if err != nil {
			return sum, err
		}
		for _, info := range page {
			if after = info.Ref; named.has(info.Ref) {
				continue
			}
			gone, err := c.Delete(ctx, info.Ref)
			if err != nil {
				return sum, err
			}
			if gone {
				sum.Blobs++
				sum.Bytes += info.Size
				m.opt.Log.Debug("a file that no job names was removed", "ref", info.Ref.String(), "bytes", info.Size)
				m.rest(ctx, 1)
			}
		}
		more = len(page) == 1000
		m.rest(ctx, 1)
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
	}
	return sum, nil
}

// refSet holds the first halves of refs: two blobs that are equal there, which nobody will see, are kept together.
type refSet []uint64

func firstHalf(r blob.Ref) uint64 { return binary.BigEndian.Uint64(r[:8]) }

func (s refSet) has(r blob.Ref) bool {
	_, found := slices.BinarySearch(s, firstHalf(r))
	return found
}

// named finds what the manifests of all kept jobs name.
func (m *Master) named(ctx context.Context) (refSet, error) {
	var set refSet
	shrink := func() {
		slices.Sort(set)
		set = slices.Compact(set)
	}
	limit := 1 << 16 // jobs of one project name the same files: they are put together now and then
	err := m.everyJob(ctx, func(j *farm.Job) error {
		if j.Lost(farm.Inputs) != nil {
			return nil // until a retry needs them
		}
		return m.everyFile(ctx, j.ID, func(f *farm.File) error {
			ref, err := blob.ParseRef(f.Ref)
			if err != nil {
				return nil //nolint:nilerr // it names nothing
			}
			if set = append(set, firstHalf(ref)); len(set) >= limit {
				shrink()
				limit = max(limit, 2*len(set))
			}
			return nil
		})
	})
	shrink()
	return set, err
}

// everyJob calls f for each kept job, newest first, without hurry.
func (m *Master) everyJob(ctx context.Context, f func(j *farm.Job) error) error {
	for before := farm.JobID(0); ; {
		page, err := m.opt.Store.Jobs(ctx, farm.JobFilter{Before: before, Limit: 1000})
		if err != nil {
			return err
		}
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
			before = page[i].ID
		}
		if len(page) < 1000 {
			return nil
		}
		m.rest(ctx, 1)
	}
}

// everyFile calls f for each entry of a job's manifest, without hurry.
func (m *Master) everyFile(ctx context.Context, id farm.JobID, f func(*farm.File) error) error {
	for after := ""; ; {
		page, err := m.opt.Store.Manifest(ctx, id, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Path
		m.rest(ctx, 10)
	}
}

// rest takes a breath, or a part of one.
func (m *Master) rest(ctx context.Context, part int) {
	if m.breath > 0 {
		sleep(ctx, m.breath/time.Duration(part))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// pinJob is pin for a job that is kept.
func (m *Master) pinJob(ctx context.Context, id farm.JobID) (unpin func(named bool), err error) {
	if m.guard == nil {
		return func(bool) {}, nil
	}
	var files []farm.File
	if err := m.everyFile(ctx, id, func(f *farm.File) error {
		files = append(files, farm.File{Ref: f.Ref})
		return nil
	}); err != nil {
		return nil, err
	}
	return m.pin(ctx, files)
}

// pin keeps what a manifest names from being collected until the job is kept.
func (m *Master) pin(ctx context.Context, files []farm.File) (unpin func(named bool), err error) {
	if m.guard == nil {
		return func(bool) {}, nil
	}
	refs := make([]blob.Ref, 0, len(files))
	for i := range files {
		if ref, err := blob.ParseRef(files[i].Ref); err == nil {
			refs = append(refs, ref)
		}
	}
	return m.guard.Pin(ctx, refs...)
}
