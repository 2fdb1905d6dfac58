package worker

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// A bake is computed in a session of its own scene, and its cache files are results as those of a frame are. They are sent
// and handed over while it goes on, as far as they get; what is missing then the outbox sends.

// Baker is a Renderer that bakes simulations; a blender.Session is one.
type Baker interface {
	Bake(ctx context.Context, bake blender.Bake, progress func(blender.Progress), files func(list []blender.CacheFile, through int) error) (blender.BakeResult, error)
}

var _ Baker = (*blender.Session)(nil)

// simulations are the simulations of bakes, as package blender has them.
func simulations(bakes ...farm.Bake) (list []blender.Simulation) {
	for _, b := range bakes {
		for _, s := range b {
			list = append(list, blender.Simulation{Kind: s.Kind, Owner: s.Owner, Name: s.Name, Start: s.Start, End: s.End})
		}
	}
	return list
}

// variantOf tells apart sessions that have the same scene open in different ways: to bake it, or to read what was baked for
// a job.
func variantOf(g *farm.Grant, no int) string {
	if v := g.View(no); v != nil && g.Stage != farm.StageBake {
		own := *g
		own.Views = nil
		return fmt.Sprintf("%s, view %q %q %q", variantOf(&own, no), v.Scene, v.Camera, v.Layers)
	}
	switch {
	case g.Stage == farm.StageBake:
		return "bake"
	case len(g.Bakes) > 0:
		return fmt.Sprintf("job %d, baked %d", g.Lease.Job, g.Baked)
	case g.InOrder:
		return fmt.Sprintf("lease %d", g.Lease.ID)
	}
	return ""
}

// bakeOpen bakes what the task asks for in the session, whose scene is open.
func (s *slot) bakeOpen(ctx context.Context, k *work, f *frame, no int, stage string, p *pulse) error {
	t, _ := farm.TaskOf(no)
	baker, can := s.session.renderer.(Baker)
	if !can || t.Part < 1 || t.Part > len(k.grant.Bakes) {
		return &fault{text: "this worker does not know how to do: " + farm.TaskName(no), own: true, rest: true, alive: true}
	}
	bake := k.grant.Bakes[t.Part-1]
	s.phase(k, "baking "+bake.String())
	first := bake[0].Start
	for i := range bake {
		first = min(first, bake[i].Start)
	}
	from, err := os.OpenRoot(s.session.setup.Out)
	if err != nil {
		return err
	}
	defer from.Close()
	send := s.w.sendCaches(ctx, k.held.id, no, from)
	defer send.stop()
	r, err := baker.Bake(ctx, blender.Bake{Simulations: simulations(bake), OutDir: stage, Until: k.grant.Until}, func(b blender.Progress) {
		p.beat()
		fraction := float64(b.Frame-first) / float64(max(k.grant.Until-first+1, 1))
		s.w.book.update(k.held, func(beat *farm.Beat) {
			beat.Fraction = max(beat.Fraction, min(max(fraction, 0), 1))
			beat.Phase = clip(fmt.Sprintf("baking %s: frame %d of %d", bake, max(b.Frame, first), k.grant.Until))
			beat.LeftS, beat.MemoryMB = b.Remaining.Seconds(), int(b.Memory>>20)
		})
	}, func(list []blender.CacheFile, ready int) error {
		p.beat()
		send.add(list, ready)
		return nil
	})
	if err != nil {
		return err
	}
	f.caches = send.stop()
	result := &blender.Result{Seconds: r.Seconds, PeakMemory: r.PeakMemory, Warnings: r.Warnings, ScriptErrors: r.ScriptErrors}
	for i := range f.caches {
		c := &f.caches[i]
		result.Files = append(result.Files, blender.File{Kind: blender.Kind(farm.KindCache), Path: c.Path, Name: c.Name, Size: c.Size})
	}
	f.warned = append(append(f.warned, r.ScriptErrors...), r.Warnings...)
	if err := f.take(stage, result.Files); err != nil {
		return err
	}
	f.result = result
	s.session.frames++
	s.endSession() // its simulations are as the bake left them
	return nil
}

// collectCaches names the files that a bake made.
func (w *Worker) collectCaches(p *parcel, f *frame) error {
	r := &p.Reports[0]
	for i, file := range f.result.Files {
		rel, err := filepath.Rel(p.dir, file.Path)
		if err != nil || !filepath.IsLocal(rel) {
			return &fault{text: "Blender wrote " + file.Path + ", which is outside the bake's folder", own: true}
		}
		c := &f.caches[i]
		st, err := os.Stat(file.Path)
		if err != nil {
			return err
		}
		if c.ref == "" || st.Size() != c.Size {
			found, err := w.examine(file)
			if err != nil {
				return err
			}
			c.ref, c.Size = found.Ref, found.Size
		}
		r.Results = append(r.Results, c.result(r.Frame, c.ref))
		p.Paths = append(p.Paths, filepath.ToSlash(rel))
	}
	if len(r.Results) == 0 {
		return &fault{text: "Blender said that the simulation is baked and wrote no file"}
	}
	p.ask = true // the master has most of them
	return nil
}

// relist enters the job's files as they are now: those that a bake made may have come, or be others.
func (f *folder) relist(list []farm.File, src string) {
	now := make(map[string]string, len(list))
	for i := range list {
		now[list[i].Path] = list[i].Ref
	}
	for i := range f.manifest {
		old := &f.manifest[i]
		if old.Bake == 0 || now[old.Path] == old.Ref {
			continue
		}
		if f.laid[old.Path] {
			_ = os.Remove(filepath.Join(src, filepath.FromSlash(old.Path)))
		}
		delete(f.laid, old.Path)
		delete(f.pinned, old.Path)
	}
	f.manifest = list
	f.writes = bakeFolders(src, list)
}

// stale tells whether the list of the job's files is older than what the grant's frames need.
func (f *folder) stale(g *farm.Grant) bool {
	if !f.listed || f.baked != g.Baked {
		return true
	}
	return len(g.Bakes) > 0 && g.Stage != farm.StageBake && f.ready < readyOf(g) && slices.Max(framesOf(g.Lease.Frames)) > f.ready
}

// readyOf is the last frame whose caches are all there.
func readyOf(g *farm.Grant) int {
	if g.Ready == nil {
		return math.MaxInt
	}
	return *g.Ready
}

// todo are the files that must be laid out for a grant and are not.
func (f *folder) todo(g *farm.Grant) (list []*farm.File) {
	frames := framesOf(g.Lease.Frames)
	for i := range f.manifest {
		file := &f.manifest[i]
		wanted := false
		switch g.Stage {
		case farm.StageInspect:
			wanted = true
		case farm.StageBake: // any frame may be looked at, and what other bakes made is not
			wanted = file.Bake == 0
		default:
			wanted = needs(file, frames) || g.InOrder && file.Bake == 0
		}
		if wanted && !f.laid[file.Path] {
			list = append(list, file)
		}
	}
	return list
}

// sameWrites tells whether a confined session may write where another would.
func sameWrites(a, b *Setup) bool { return slices.Equal(a.Writes, b.Writes) }
