package worker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

// Films: the pictures of a job's frames are fetched, and Blender, with the scene open for its sound and settings, encodes
// them.

// films tells whether every Blender of the worker encodes films: which of them a job gets is not known before.
func films(installs []blender.Install) bool {
	return len(installs) > 0 && !slices.ContainsFunc(installs, func(in blender.Install) bool { return len(in.Films) == 0 })
}

// reel fetches the pictures of a film. stage is where the film goes.
func (s *slot) reel(ctx context.Context, k *work, stage string, p *pulse) (blender.Task, error) {
	dir, err := s.emptyIn()
	if err != nil {
		return blender.Task{}, err
	}
	s.phase(k, "fetching the frames")
	var pictures []farm.Result
	if err := s.asking(ctx, func() (err error) {
		pictures, err = s.w.master.Parts(ctx, k.held.id)
		return err
	}); err != nil {
		return blender.Task{}, filmFault(err)
	}
	if len(pictures) == 0 {
		return blender.Task{}, &fault{text: "there are no frames to make a film of", own: true, alive: true}
	}
	if err := s.roomFor(pictures); err != nil {
		return blender.Task{}, err
	}
	shot := k.grant.Shot
	reel := blender.Reel{First: shot.First, Last: shot.Last, Step: shot.Step, Name: shot.Name, Format: string(k.grant.Film.Format), Pictures: make(map[int]string, len(pictures))}
	numbers, names := make([]int, len(pictures)), make([]string, len(pictures))
	for i := range pictures {
		numbers[i], names[i] = i, fmt.Sprintf("%06d%s", i, strings.ToLower(filepath.Ext(pictures[i].Name)))
		reel.Pictures[farm.FrameOf(pictures[i].Frame)] = names[i]
	}
	if err := inParallel(ctx, numbers, func(ctx context.Context, i int) error {
		path := filepath.Join(dir, names[i])
		if err := s.asking(ctx, func() error {
			return s.w.master.FetchPart(ctx, k.held.id, pictures[i], path, func(int64, int64) { p.beat() })
		}); err != nil {
			return &lostPicture{task: pictures[i].Frame, error: err}
		}
		p.beat()
		if filepath.Ext(path) == ".exr" {
			return flatten(path)
		}
		return nil
	}, func(int) {}); err != nil {
		return blender.Task{}, s.suspectPicture(ctx, k, err)
	}
	path := filepath.Join(dir, "film.json")
	if err := reel.Write(path); err != nil {
		return blender.Task{}, err
	}
	return blender.Task{OutDir: stage, EXR: blender.EXRNone, Film: path}, nil
}

// roomFor refuses a film whose frames have no room on the worker's disk.
func (s *slot) roomFor(pictures []farm.Result) error {
	var sum int64
	for i := range pictures {
		sum += pictures[i].Size
	}
	if free, ok := s.w.machine.free(); ok && free < sum+max(s.w.opt.MinFree, 0) {
		return &fault{text: fmt.Sprintf("the worker's disk has no room for the frames of the film: they take %s", plainSize(sum)), own: true, alive: true}
	}
	return nil
}

// lostPicture is why a frame's picture could not be had.
type lostPicture struct {
	task int
	error
}

func (e *lostPicture) Unwrap() error { return e.error }

// suspectPicture tells the master of a picture that did not come as it should, so that the frame is rendered again.
func (s *slot) suspectPicture(ctx context.Context, k *work, cause error) error {
	var lost *lostPicture
	if kind := kindOf(cause); errors.As(cause, &lost) && (kind == farm.Mismatch || kind == farm.NotFound) {
		if _, err := s.w.master.SuspectPart(ctx, k.held.id, lost.task); err != nil {
			cause = errors.Join(cause, err)
		}
	}
	return filmFault(cause)
}

// filmFault is why frames cannot be had: that is not the scene's fault.
func filmFault(err error) error {
	return &fault{text: "the frames of the film cannot be had: " + err.Error(), own: true, alive: true}
}

// flatten makes a plain picture of a multilayer EXR: what a local render would show of it. Not every Blender can read
// those by itself. Other EXRs stay as they are.
func flatten(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := exr.Open(f, st.Size())
	if err != nil {
		return &fault{text: "a frame of the film cannot be read: " + err.Error(), own: true, alive: true}
	}
	part, names := combined(file)
	if part == nil {
		return nil
	}
	all, err := part.Load()
	if err != nil {
		return &fault{text: "a frame of the film cannot be read: " + err.Error(), own: true, alive: true}
	}
	im := exr.Image{Width: int(part.Data.Width()), Height: int(part.Data.Height()), Compression: exr.None}
	for _, plane := range all {
		if as, ok := names[plane.Name]; ok {
			plane.Name = as
			im.Planes = append(im.Planes, plane)
		}
	}
	var out bytes.Buffer
	if err := exr.Write(&out, &im); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

// combined finds the picture in a multilayer EXR: its part, and what its channels are called in a plain one. nil: the file
// is a plain one, or has no such thing. The compositor's picture comes before those of view layers.
func combined(file *exr.File) (part *exr.Part, names map[string]string) {
	type found struct {
		part   *exr.Part
		prefix string
	}
	var list []found
	for _, p := range file.Parts {
		for _, c := range p.Channels {
			if c.Name == "R" && len(file.Parts) == 1 {
				return nil, nil
			}
			layer, ok := strings.CutSuffix(c.Name, ".R")
			if ok && slices.Contains(strings.Split(layer, "."), "Combined") {
				list = append(list, found{p, layer})
			}
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	best := slices.MinFunc(list, func(a, b found) int {
		late := func(f found) int {
			if strings.HasPrefix(f.prefix, "Composite.") {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(late(a), late(b)), cmp.Compare(a.prefix, b.prefix))
	})
	names = make(map[string]string, 4)
	for _, c := range []string{"R", "G", "B", "A"} {
		names[best.prefix+"."+c] = c
	}
	return best.part, names
}
