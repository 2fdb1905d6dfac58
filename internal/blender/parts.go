package blender

import (
	"fmt"
	"image"
	"path/filepath"
)

// request is what the agent is told of the task.
func (t *Task) request() (map[string]any, *Error) {
	request := map[string]any{
		"verb": "render", "frame": t.Frame, "out_dir": t.OutDir, "exr": t.EXR,
		"outputs": t.Outputs, "preview": t.Preview,
	}
	tile, samples := t.Tile != (image.Rectangle{}), t.Samples != (Samples{})
	refuse := func(format string, args ...any) (map[string]any, *Error) {
		return nil, &Error{Kind: NoParts, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case t.Film != "" && (tile || samples || t.Finish != "" || t.EXR != EXRNone || t.Outputs || t.Preview):
		return refuse("a film is made of pictures, and nothing is rendered with it")
	case t.Film != "" && !filepath.IsAbs(t.Film):
		return nil, &Error{Kind: NoFile, Message: fmt.Sprintf("%q is not an absolute path", t.Film)}
	case t.Film != "":
		return map[string]any{"verb": "film", "film": t.Film, "out_dir": t.OutDir}, nil
	case t.Percent != 0 && (t.Percent < 1 || t.Percent > 99 || t.Finish != "" || tile || samples):
		return refuse("%d %% of a picture are rendered of whole ones that are not finished", t.Percent)
	case t.Finish != "" && (tile || samples):
		return refuse("a frame is finished as a whole, not in parts")
	case t.Finish != "" && !filepath.IsAbs(t.Finish):
		return nil, &Error{Kind: NoFile, Message: fmt.Sprintf("%q is not an absolute path", t.Finish)}
	case t.Overscan != 0 && !tile:
		return refuse("overscan is for tiles, and the task is none")
	case tile && (t.Tile.Empty() || t.Tile.Min.X < 0 || t.Tile.Min.Y < 0 || t.Overscan < 0):
		return refuse("%v with an overscan of %d is no tile of a picture", t.Tile, t.Overscan)
	case samples && (t.Samples.Offset < 0 || t.Samples.Count < 1 || t.Samples.Count > t.Samples.Total-t.Samples.Offset):
		return refuse("%d samples from %d on are no part of %d", t.Samples.Count, t.Samples.Offset, t.Samples.Total)
	case (tile || samples || t.Percent != 0) && (t.EXR != EXRFull || t.Outputs || t.Preview):
		return refuse("a part of a frame is a 32-bit EXR and nothing else")
	}
	if t.Finish != "" {
		request["finish"] = t.Finish
	}
	if tile {
		request["tile"] = [4]int{t.Tile.Min.X, t.Tile.Min.Y, t.Tile.Max.X, t.Tile.Max.Y}
		request["overscan"] = t.Overscan
		request["keep_adaptive"] = t.KeepAdaptive
	}
	if t.Percent != 0 {
		request["percent"] = t.Percent
	}
	if samples {
		request["samples"] = [3]int{t.Samples.Offset, t.Samples.Count, t.Samples.Total}
	}
	return request, nil
}

// window is what the agent says it rendered of the picture. It believes no more than that there is the tile in it.
func (t *Task) window(said []int) (image.Rectangle, *Error) {
	if t.Tile == (image.Rectangle{}) {
		return image.Rectangle{}, nil
	}
	if len(said) == 4 {
		w := image.Rectangle{Min: image.Pt(said[0], said[1]), Max: image.Pt(said[2], said[3])}
		if t.Tile.In(w) && w.In(t.Tile.Inset(-t.Overscan)) {
			return w, nil
		}
	}
	return image.Rectangle{}, &Error{Kind: BadTalk, Message: fmt.Sprintf("the agent was asked for the tile %v and says it rendered %v", t.Tile, said)}
}
