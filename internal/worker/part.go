package worker

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

// Frames that are rendered in parts: a part is a tile; the finish fetches all tiles of a frame, stitches them, and has
// Blender do what comes after rendering.

// partsDir is where, below a session's folder of results, the parts of a frame are put together.
const partsDir = "parts"

// task is what Blender is asked to do for a task of the lease, whose scene is open. stage is where results go.
func (s *slot) task(ctx context.Context, k *work, no int, stage string, p *pulse) (blender.Task, error) {
	o := &k.grant.Options
	whole := blender.Task{Frame: farm.FrameOf(no), OutDir: stage, EXR: blender.EXR(o.EXR), Outputs: o.Outputs, Preview: o.Preview}
	t, ok := farm.TaskOf(no)
	switch {
	case ok && t.IsFrame():
		return whole, nil
	case ok && t.Asks() == farm.StageParts && k.grant.Tiles.Count() > 0:
		tile := s.tile(k, t.Part)
		if tile.Empty() {
			return blender.Task{}, &fault{text: fmt.Sprintf("the picture has fewer pixels than %s tiles", k.grant.Tiles), fatal: true, scene: true, rest: true, alive: true}
		}
		return blender.Task{Frame: t.Frame, OutDir: stage, EXR: blender.EXRFull, Tile: tile}, nil
	case ok && t.Stage == farm.StageFinish && k.grant.Tiles.Count() > 0:
		s.phase(k, "fetching parts")
		var err error
		whole.Finish, err = s.stitch(ctx, k, p)
		return whole, err
	}
	return blender.Task{}, &fault{text: "this worker does not know how to do: " + farm.TaskName(no), own: true, rest: true, alive: true}
}

// tile is where a part is in the picture of the open scene.
func (s *slot) tile(k *work, part int) image.Rectangle {
	f := &s.session.facts
	return k.grant.Tiles.Of(part, f.PictureWidth, f.PictureHeight)
}

// stitch fetches the parts of the lease's frame and makes one picture of them. It is told where that is.
func (s *slot) stitch(ctx context.Context, k *work, p *pulse) (path string, err error) {
	dir := filepath.Join(s.session.setup.Out, partsDir)
	if err := os.RemoveAll(dir); err != nil { // of another frame
		return "", err
	}
	var parts []farm.Result
	if err := s.asking(ctx, func() (err error) {
		parts, err = s.w.master.Parts(ctx, k.held.id)
		return err
	}); err != nil {
		return "", partFault(err)
	}
	if len(parts) != k.grant.Tiles.Count() {
		return "", &fault{text: fmt.Sprintf("the master has %d of the %d parts of the frame", len(parts), k.grant.Tiles.Count()), own: true, alive: true}
	}
	files := make([]string, len(parts))
	numbers := make([]int, len(parts))
	for i := range parts {
		files[i], numbers[i] = filepath.Join(dir, fmt.Sprintf("%d.exr", i)), i
	}
	if err := inParallel(ctx, numbers, func(ctx context.Context, i int) error {
		return s.asking(ctx, func() error {
			return s.w.master.FetchPart(ctx, k.held.id, parts[i], files[i], func(int64, int64) { p.beat() })
		})
	}, func(int) {}); err != nil {
		return "", s.suspectParts(ctx, k, parts, err)
	}
	s.phase(k, "putting the parts together")
	path = filepath.Join(dir, "whole.exr")
	if err := s.join(ctx, k, parts, files, path); err != nil {
		return "", err
	}
	for _, f := range files {
		_ = os.Remove(f)
	}
	return path, nil
}

// asking asks the master until it answers, or ctx ends.
func (s *slot) asking(ctx context.Context, ask func() error) error {
	back := backoff{jitter: s.w.opt.Jitter}
	for {
		err := ask()
		if err == nil || kindOf(err) != "" || ctx.Err() != nil {
			return err
		}
		back.wait(ctx, nil)
	}
}

// partFault is why parts cannot be had: that is not the scene's fault. The master knows what to do about it.
func partFault(err error) error {
	return &fault{text: "the parts of the frame cannot be had: " + err.Error(), own: true, alive: true}
}

// suspectParts tells the master of parts that did not come as they should, so that they are rendered again.
func (s *slot) suspectParts(ctx context.Context, k *work, parts []farm.Result, cause error) error {
	if kind := kindOf(cause); kind != farm.Mismatch && kind != farm.NotFound {
		return partFault(cause)
	}
	for i := range parts {
		if _, err := s.w.master.SuspectPart(ctx, k.held.id, parts[i].Frame); err != nil {
			return partFault(errors.Join(cause, err))
		}
	}
	return partFault(cause)
}

// join stitches the files of parts into one.
func (s *slot) join(ctx context.Context, k *work, parts []farm.Result, files []string, path string) error {
	tiles := make([]exr.Tile, len(files))
	for i, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		t, _ := farm.TaskOf(parts[i].Frame)
		at := s.tile(k, t.Part).Min
		tiles[i] = exr.Tile{Name: farm.TaskName(parts[i].Frame), At: &[2]int32{int32(at.X), int32(at.Y)}}
		if tiles[i].File, err = exr.Open(f, st.Size()); err != nil {
			return &fault{text: farm.TaskName(parts[i].Frame) + " cannot be read: " + err.Error(), own: true, alive: true}
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	f := &s.session.facts
	none := exr.None
	err = exr.Stitch(ctx, out, tiles, exr.Stitching{
		Whole: &exr.Box{MaxX: int32(f.PictureWidth) - 1, MaxY: int32(f.PictureHeight) - 1}, Compression: &none, // Blender reads it next, and once
	})
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, exr.ErrMismatch) {
		return &fault{text: "the parts of the frame do not fit together: " + err.Error(), alive: true}
	}
	return err
}

// named says in the log which task is meant: a frame by its number, as ever.
func named(no int) slog.Attr {
	if t, ok := farm.TaskOf(no); ok && !t.IsFrame() {
		return slog.String("task", t.String())
	}
	return slog.Int("frame", no)
}
