package worker

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

// Frames that are rendered in parts: a part is a tile, or some of the samples; the finish fetches all parts of a frame, puts
// them together, and has Blender do what comes after rendering.

// task is what Blender is asked to do for a task of the lease, whose scene is open. stage is where results go; what may be
// wrong with the picture is said to f.
func (s *slot) task(ctx context.Context, k *work, f *frame, no int, stage string, p *pulse) (blender.Task, error) {
	o := &k.grant.Options
	whole := blender.Task{Frame: farm.FrameOf(no), OutDir: stage, EXR: blender.EXR(o.EXR), Outputs: o.Outputs, Preview: o.Preview}
	t, ok := farm.TaskOf(no)
	inParts := k.grant.Tiles.Count() > 0 || k.grant.Samples > 0
	switch {
	case ok && t.IsFrame():
		return whole, nil
	case ok && t.Stage == farm.StageEncode && k.grant.Film != nil && k.grant.Shot != nil:
		return s.reel(ctx, k, stage, p)
	case ok && t.Asks() == farm.StageParts && inParts:
		return s.part(k, t, stage)
	case ok && t.Stage == farm.StageFinish && inParts:
		s.phase(k, "fetching parts")
		var err error
		whole.Finish, err = s.whole(ctx, k, f, p)
		return whole, err
	}
	return blender.Task{}, &fault{text: "this worker does not know how to do: " + farm.TaskName(no), own: true, rest: true, alive: true}
}

// part is what Blender is asked to do for a part of a frame.
func (s *slot) part(k *work, t farm.Task, stage string) (blender.Task, error) {
	task := blender.Task{Frame: t.Frame, OutDir: stage, EXR: blender.EXRFull}
	cannot := func(format string, args ...any) (blender.Task, error) {
		return blender.Task{}, &fault{text: fmt.Sprintf(format, args...), fatal: true, scene: true, rest: true, alive: true}
	}
	f := &s.session.facts
	if n := k.grant.Samples; n > 0 {
		switch {
		case f.Engine != "CYCLES":
			return cannot("only Cycles renders parts of the samples of a frame, and this scene is rendered with %s", f.Engine)
		case f.Samples < n:
			return cannot("the scene has %d samples, which cannot be shared out in %d parts", f.Samples, n)
		}
		from, to := farm.SamplesOf(t.Part, n, f.Samples)
		task.Samples = blender.Samples{Offset: from, Count: to - from, Total: f.Samples}
		return task, nil
	}
	task.Tile = s.tile(k, t.Part)
	if task.Tile.Empty() {
		return cannot("the picture has fewer pixels than %s tiles", k.grant.Tiles)
	}
	task.Overscan, task.KeepAdaptive = k.grant.Options.Overscan, k.grant.Options.KeepAdaptive
	return task, nil
}

// tile is where a part is in the picture of the open scene.
func (s *slot) tile(k *work, part int) image.Rectangle {
	f := &s.session.facts
	return k.grant.Tiles.Of(part, f.PictureWidth, f.PictureHeight)
}

// whole fetches the parts of the lease's frame and makes one picture of them. It is told where that is.
func (s *slot) whole(ctx context.Context, k *work, fr *frame, p *pulse) (path string, err error) {
	dir, err := s.emptyIn()
	if err != nil {
		return "", err
	}
	var parts []farm.Result
	if err := s.asking(ctx, func() (err error) {
		parts, err = s.w.master.Parts(ctx, k.held.id)
		return err
	}); err != nil {
		return "", partFault(err)
	}
	if n := max(k.grant.Tiles.Count(), k.grant.Samples); len(parts) != n {
		return "", &fault{text: fmt.Sprintf("the master has %d of the %d parts of the frame", len(parts), n), own: true, alive: true}
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
	if err := s.join(ctx, k, fr, parts, files, path); err != nil {
		return "", err
	}
	for _, f := range files {
		_ = os.Remove(f)
	}
	return path, nil
}

// emptyIn removes what was put together for another task, and says where there is room for that of this one. Blender, which may
// be another's tool, cannot write there: nothing that it leaves in the way is followed.
func (s *slot) emptyIn() (dir string, err error) {
	dir = s.session.setup.In
	list, err := os.ReadDir(dir)
	for _, e := range list {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return dir, err
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

// join makes one file of those of the parts.
func (s *slot) join(ctx context.Context, k *work, fr *frame, parts []farm.Result, files []string, path string) error {
	opened := make([]*exr.File, len(files))
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
		if opened[i], err = exr.Open(f, st.Size()); err != nil {
			return &fault{text: farm.TaskName(parts[i].Frame) + " cannot be read: " + err.Error(), own: true, alive: true}
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if k.grant.Samples > 0 {
		err = s.merge(ctx, k, fr, parts, opened, out)
	} else {
		err = s.stitch(ctx, k, parts, opened, out)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, exr.ErrMismatch) {
		return &fault{text: "the parts of the frame do not fit together: " + err.Error(), alive: true}
	}
	return err
}

// stitch puts tiles together; what was rendered around them is left out.
func (s *slot) stitch(ctx context.Context, k *work, parts []farm.Result, opened []*exr.File, out *os.File) error {
	f := &s.session.facts
	picture := image.Rect(0, 0, f.PictureWidth, f.PictureHeight)
	tiles := make([]exr.Tile, len(opened))
	for i, file := range opened {
		t, _ := farm.TaskOf(parts[i].Frame)
		tile := s.tile(k, t.Part)
		at := tile.Inset(-k.grant.Options.Overscan).Intersect(picture).Min
		tiles[i] = exr.Tile{
			Name: farm.TaskName(parts[i].Frame), File: file, At: &[2]int32{int32(at.X), int32(at.Y)},
			Inner: &exr.Box{MinX: int32(tile.Min.X), MinY: int32(tile.Min.Y), MaxX: int32(tile.Max.X) - 1, MaxY: int32(tile.Max.Y) - 1},
		}
	}
	none := exr.None
	return exr.Stitch(ctx, out, tiles, exr.Stitching{
		Whole: &exr.Box{MaxX: int32(f.PictureWidth) - 1, MaxY: int32(f.PictureHeight) - 1}, Compression: &none, // Blender reads it next, and once
	})
}

// merge makes one picture of parts of the samples.
func (s *slot) merge(ctx context.Context, k *work, fr *frame, parts []farm.Result, opened []*exr.File, out *os.File) error {
	renders := make([]exr.Samples, len(opened))
	for i, file := range opened {
		t, _ := farm.TaskOf(parts[i].Frame)
		from, to := farm.SamplesOf(t.Part, k.grant.Samples, s.session.facts.Samples)
		renders[i] = exr.Samples{Name: fmt.Sprintf("the samples %d to %d", from, to-1), File: file, Count: to - from}
	}
	near, err := exr.MergeSamples(ctx, out, renders, exr.Merging{Stored: true}) // Blender reads it next, and once
	if len(near) > 0 {
		fr.warned = append(fr.warned, "these passes cannot be put together exactly of parts of the samples, and are only near: "+strings.Join(near, ", "))
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
