package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
)

var _ worker.Baker = (*Renderer)(nil)

// cacheName is where the cache of a simulation's frame lies, beside the .blend.
func cacheName(s *blender.Simulation, frame int) string {
	return fmt.Sprintf("%s/%s-%s-%s/%06d.cache", farm.CacheFolder, s.Kind, s.Owner, s.Name, frame)
}

// CacheOf is what the fake finds when it bakes a frame of a scene: each frame stands on the one before it.
func CacheOf(scene SceneMark, s *blender.Simulation, frame int) string {
	state := hex.EncodeToString(scene[:])
	for f := s.Start; f <= min(frame, s.End); f++ {
		h := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", state, s, f))
		state = hex.EncodeToString(h[:])
	}
	return state
}

// Bake writes a file for each frame.
func (r *Renderer) Bake(ctx context.Context, bake blender.Bake, progress func(blender.Progress), files func(list []blender.CacheFile, through int) error) (blender.BakeResult, error) {
	if !r.open {
		return blender.BakeResult{}, &blender.Error{Kind: blender.NotOpened, Message: "no scene is open"}
	}
	if r.o.Bake != nil {
		if err := r.o.Bake(ctx, bake, r.writer()); err != nil {
			return blender.BakeResult{}, r.fail(err)
		}
	}
	result := blender.BakeResult{Seconds: r.o.BakeTime.Seconds()}
	first := bake.Until
	for i := range bake.Simulations {
		first = min(first, bake.Simulations[i].Start)
	}
	for frame := first; frame <= bake.Until; frame++ {
		progress(blender.Progress{Frame: frame, Text: fmt.Sprintf("Baking frame %d", frame)})
		if err := r.wait(ctx, r.o.BakeTime); err != nil {
			return result, err
		}
		var list []blender.CacheFile
		for i := range bake.Simulations {
			s := &bake.Simulations[i]
			if frame < s.Start || frame > s.End {
				continue
			}
			name := cacheName(s, frame)
			path := filepath.Join(bake.OutDir, filepath.FromSlash(name))
			text := CacheOf(r.mark, s, frame)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return result, err
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return result, err
			}
			c := blender.CacheFile{Path: path, Name: name, Size: int64(len(text)), First: &frame, Last: &frame}
			if frame == s.Start {
				c.First = nil
			}
			if frame == s.End || frame == bake.Until {
				c.Last = nil
			}
			list = append(list, c)
			result.Files++
			result.Bytes += c.Size
		}
		if err := files(list, frame); err != nil {
			return result, err
		}
	}
	return result, nil
}

// Baked is the mark of a picture whose scene reads baked simulations.
func Baked(scene SceneMark, baked []blender.Simulation, frame int) SceneMark {
	mark := scene
	for i := range baked {
		s := &baked[i]
		at := min(max(frame, s.Start), s.End)
		mark = sha256.Sum256(fmt.Appendf(mark[:], "%s", CacheOf(scene, s, at)))
	}
	return mark
}

// readCaches is Baked by what lies on the disk.
func (r *Renderer) readCaches(frame int) (SceneMark, error) {
	mark := r.mark
	for i := range r.baked {
		s := &r.baked[i]
		text, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(cacheName(s, min(max(frame, s.Start), s.End)))))
		if err != nil {
			return mark, err
		}
		mark = sha256.Sum256(fmt.Appendf(mark[:], "%s", text))
	}
	return mark, nil
}
