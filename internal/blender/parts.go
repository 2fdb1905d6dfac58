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
	if t.Finish != "" {
		if !filepath.IsAbs(t.Finish) {
			return nil, &Error{Kind: NoFile, Message: fmt.Sprintf("%q is not an absolute path", t.Finish)}
		}
		if t.Tile != (image.Rectangle{}) || t.Overscan != 0 {
			return nil, &Error{Kind: NoParts, Message: "a frame is finished as a whole, not in tiles"}
		}
		request["finish"] = t.Finish
	}
	if t.Tile == (image.Rectangle{}) {
		if t.Overscan != 0 {
			return nil, &Error{Kind: NoParts, Message: "overscan is for tiles, and the task is a whole frame"}
		}
		return request, nil
	}
	if t.Tile.Empty() || t.Tile.Min.X < 0 || t.Tile.Min.Y < 0 || t.Overscan < 0 {
		return nil, &Error{Kind: NoParts, Message: fmt.Sprintf("%v with an overscan of %d is no tile of a picture", t.Tile, t.Overscan)}
	}
	if t.EXR != EXRFull || t.Outputs || t.Preview {
		return nil, &Error{Kind: NoParts, Message: "a part of a frame is a 32-bit EXR and nothing else"}
	}
	request["tile"] = [4]int{t.Tile.Min.X, t.Tile.Min.Y, t.Tile.Max.X, t.Tile.Max.Y}
	request["overscan"] = t.Overscan
	request["keep_adaptive"] = t.KeepAdaptive
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
