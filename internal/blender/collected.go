package blender

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Bounds of what ReadCollection believes.
const (
	collectedLimit = 256 << 20 // bytes of the file
	lastFrame      = 1048574   // MAXFRAME in Blender's sources
)

// engineName is what Blender lets an engine be called, RenderEngine.bl_idname.
var engineName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// ReadCollection reads from a file what the collector said of a .blend that was open in somebody else's Blender, as that of
// the artist. Blend is the file whose bytes are meant, and place where they lie or, when it is a copy, would lie; both are
// absolute. What the open Blender cannot know of the file is taken from the file. Errors are *Error of kind NoFile, BadTalk,
// NotBlend and Truncated, and Stale when the file was written since.
func ReadCollection(path, blend, place string) (Collection, error) {
	saved, err := readHead(blend)
	if err != nil {
		return Collection{}, err
	}
	fail := func(cause error, format string, args ...any) (Collection, error) {
		return Collection{}, &Error{Kind: BadTalk, Message: path + " " + fmt.Sprintf(format, args...), cause: cause}
	}
	data, err := readCollected(path)
	if err != nil {
		return Collection{}, err
	}
	answer, err := parseAnswer(data)
	if err != nil {
		return fail(err, "is not what the collector writes: %s", err)
	}
	if answer.Error != nil {
		return fail(nil, "holds no collection, but says why: %s", answer.Error.Message)
	}
	if what := answer.Collection.wrong(data); what != "" {
		return fail(nil, "is not what the collector writes: %s", what)
	}
	if answer.Blend != "" && !samePlace(answer.Blend, place) {
		return fail(nil, "is of another scene: it was collected of %s, not of %s", answer.Blend, place)
	}
	if of := answer.File; of != nil {
		st, err := os.Stat(blend)
		if err != nil || st.Size() != of.Size || st.ModTime().UnixNano() != of.Changed {
			return Collection{}, &Error{Kind: Stale, Message: blend + " was saved after it was collected", cause: err}
		}
	}
	answer.Blend = blend
	if saved != (series{}) { // Blender knows what the file was that it opened, not what it has saved since
		answer.Scene.SavedBy = saved.String()
	}
	return answer.Collection, nil
}

func readCollected(path string) ([]byte, error) {
	fail := func(text string, cause error) ([]byte, error) {
		return nil, &Error{Kind: NoFile, Message: path + " " + text, cause: cause}
	}
	info, err := os.Stat(path) // first: opening a pipe would wait for its other end
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("does not exist", err)
	case err != nil:
		return fail("cannot be read: "+err.Error(), err)
	case !info.Mode().IsRegular():
		return fail("is no file but a "+describeMode(info.Mode()), nil)
	case info.Size() > collectedLimit:
		return fail(fmt.Sprintf("has over %d MB, which no collection has", collectedLimit>>20), nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fail("cannot be read: "+err.Error(), err)
	}
	return data, nil
}

// wrong says what a collection lacks or holds that cannot be; "" when it is as it should be.
func (c *Collection) wrong(data []byte) string {
	var has struct{ Scene, Files *json.RawMessage }
	s := &c.Scene
	switch err := json.Unmarshal(data, &has); {
	case err != nil || has.Scene == nil || has.Files == nil:
		return "it names no scene and files"
	case !engineName.MatchString(s.Engine):
		return "the scene has no engine"
	case s.FrameStart < -lastFrame || s.FrameEnd > lastFrame || s.FrameEnd < s.FrameStart || s.FrameStep < 0 || s.FrameStep > 2*lastFrame:
		return fmt.Sprintf("frames %d to %d in steps of %d cannot be", s.FrameStart, s.FrameEnd, s.FrameStep)
	case s.Width < 0 || s.Width > math.MaxInt32 || s.Height < 0 || s.Height > math.MaxInt32:
		return fmt.Sprintf("a picture of %d by %d pixels cannot be", s.Width, s.Height)
	}
	if i := slices.IndexFunc(c.Files, func(f CollectedFile) bool { return f.First != nil && f.Last != nil && *f.First > *f.Last }); i >= 0 {
		return fmt.Sprintf("%s is for no frame", c.Files[i].Path)
	}
	if i := slices.IndexFunc(c.Simulations, func(k Simulation) bool { return k.wrong() }); i >= 0 {
		return fmt.Sprintf("the %s cannot be", c.Simulations[i])
	}
	return ""
}

// samePlace tells whether two paths are of the same file. It need not exist.
func samePlace(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	two, second := os.Stat(b)
	return err == nil && second == nil && os.SameFile(one, two)
}
