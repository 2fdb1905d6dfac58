package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// fetchPreviewFilm writes a film of the previews that are there now.
func (a *app) fetchPreviewFilm(ctx context.Context, master *wire.Client, job *farm.Job, path string, force bool) error {
	show := a.newShow()
	defer show.close()
	size, err := writeWhole(path, force, func(w io.Writer) error {
		return master.PreviewFilm(ctx, job.ID, &counted{w: w, tell: func(n int64) { show.bytes("fetching", n, n) }})
	})
	show.close()
	if err != nil {
		return interrupted(ctx, err)
	}
	if a.json {
		return a.print(map[string]any{"file": path, "size": size})
	}
	a.note(nil, "A film of the previews so far is here: %s", path)
	return nil
}

// fetchZip writes what is there now into one zip. It is an error when frames that were asked for are not among it.
func (a *app) fetchZip(ctx context.Context, master *wire.Client, job *farm.Job, f *fetching, force bool) error {
	states, err := master.Frames(ctx, job.ID) // before: what is rendered meanwhile may be in the zip, too
	if err != nil {
		return interrupted(ctx, err)
	}
	show := a.newShow()
	defer show.close()
	write := func(w io.Writer) error {
		n := &counted{w: w, tell: func(n int64) { show.bytes("fetching", n, n) }}
		return master.ResultsZip(ctx, job.ID, f.frames, f.kinds, n)
	}
	var size int64
	if f.zip == "-" {
		n := &counted{w: a.out, tell: func(int64) {}}
		err = write(n)
		var file *os.PathError
		if errors.As(err, &file) {
			err = client.PlainWrite("the standard output", err, "name a file with --zip")
		}
		size = n.n
	} else {
		size, err = writeWhole(f.zip, force, write)
	}
	show.close()
	if err != nil {
		return interrupted(ctx, err)
	}
	f.here = map[int]struct{}{}
	for no := range f.wanted(job).All() {
		if states.Done.Contains(no) {
			f.here[no] = struct{}{}
		}
	}
	if a.json && f.zip != "-" {
		if err := a.print(map[string]any{"file": f.zip, "size": size, "frames": len(f.here)}); err != nil {
			return err
		}
	}
	wanted := f.wanted(job)
	a.note(nil, "%d of %s here, in %s", len(f.here), count(wanted.Count(), "frame"), f.zip)
	if len(f.here) >= wanted.Count() {
		return nil
	}
	return f.lacking(job, &states)
}
