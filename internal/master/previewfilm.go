package master

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/farm"
)

// A film of the previews that are there so far, at any time while a job goes on: Motion JPEG in AVI, which is the previews as
// they are, one after the other. So it costs the master reading them. Frames that are not there are shown as a plain picture with
// their numbers.

const (
	usualRate = 24  // frames a second where the scene's are not known
	maxMarks  = 500 // runs of missing frames that are named; others are shown and not named
)

// Of frames that are not there: those that may come, and those that were given up.
var markColours = [2]color.RGBA{{56, 56, 64, 255}, {128, 0, 24, 255}}

// PreviewFilm is a film of previews on its way. It must be closed.
type PreviewFilm struct {
	Name    string // of its file
	Size    int64  // bytes
	Frames  int    // that it shows
	Missing int    // of them, those that are not there
	avi     archive.AVI
	root    *os.Root
	shown   []shown
}

// shown is what a frame of the film shows: a preview, or a picture that says which frames are missing.
type shown struct {
	preview string
	mark    []byte
}

// PreviewFilm finds the previews that are there of the job's frames, those of one of its views, counted from 0. It is an error
// when there is none.
func (m *Master) PreviewFilm(ctx context.Context, id farm.JobID, view int) (_ *PreviewFilm, err error) {
	j, err := m.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	none := farm.Errorf(farm.NotFound, "job %d has no previews yet", id).WithHint("they come with its frames, unless it was submitted with --no-preview")
	if view < 0 || view >= max(1, len(j.Views)) {
		return nil, farm.Errorf(farm.NotFound, "job %d has no view %d", id, view+1)
	}
	shot := j.Shot(view)
	n := (shot.Last-shot.First)/shot.Step + 1
	if n > farm.MaxFilmFrames {
		return nil, farm.Errorf(farm.TooLarge, "a film shows at most %d frames, not %d", farm.MaxFilmFrames, n)
	}
	f := &PreviewFilm{Name: shot.Name + "-preview.avi", Frames: n}
	if st, err := os.Lstat(m.outputs(j.Folder)); err != nil || !st.IsDir() { // a link that somebody put there
		return nil, none
	}
	if f.root, err = os.OpenRoot(m.outputs(j.Folder)); err != nil {
		return nil, plainDisk(err, "the results cannot be read")
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	f.shown, f.avi.Sizes = make([]shown, n), make([]int64, n)
	f.avi.Scale, f.avi.Rate = rateOf(j.FPS, shot.Step)
	if err := m.everyAccepted(ctx, id, func(a *farm.Attempt) error {
		at := farm.FrameOf(a.Frame) - shot.First
		if farm.IsFilm(a.Frame) || farm.IsPart(a.Frame) || farm.ViewOf(a.Frame) != view || at < 0 || at%shot.Step > 0 || at/shot.Step >= n {
			return nil
		}
		for i := range a.Results {
			if r := &a.Results[i]; r.Kind == farm.KindPreview && f.shown[at/shot.Step].preview == "" {
				f.take(at/shot.Step, r.Name)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if f.avi.Width == 0 {
		return nil, none
	}
	states, err := m.Frames(ctx, id)
	if err != nil {
		return nil, err
	}
	f.markMissing(shot, func(frame int) bool { return states.Failed.Contains(farm.Picture(view, frame)) })
	if f.Size = f.avi.Size(); f.Size > archive.MaxAVI {
		return nil, farm.Errorf(farm.TooLarge, "the film of previews would have %s, which is more than an AVI file holds", farm.Bytes(f.Size)).
			WithHint("netrender fetch %d --previews brings the pictures", id)
	}
	return f, nil
}

// rateOf is the rate of a film of which every so many frames are shown: rate/scale a second.
func rateOf(fps float64, step int) (scale, rate uint32) {
	if fps <= 0 {
		fps = usualRate
	}
	if n := math.Round(fps * 1.001); math.Abs(n/1.001-fps) < 1e-3 && math.Abs(fps-math.Round(fps)) > 1e-6 { // 24000/1001, ...
		return uint32(1001 * step), uint32(n * 1000)
	}
	return uint32(1000 * step), max(uint32(math.Round(fps*1000)), 1)
}

// take has the film show a preview, where that is there and as large as the others.
func (f *PreviewFilm) take(at int, name string) {
	file, size, err := f.open(name)
	if err != nil {
		return
	}
	defer file.Close()
	c, err := jpeg.DecodeConfig(file)
	switch {
	case err != nil || c.Width > math.MaxInt16 || c.Height > math.MaxInt16 || size > archive.MaxAVI:
		return
	case f.avi.Width == 0:
		f.avi.Width, f.avi.Height = c.Width, c.Height
	case f.avi.Width != c.Width || f.avi.Height != c.Height:
		return
	}
	f.shown[at].preview, f.avi.Sizes[at] = name, size
}

func (f *PreviewFilm) open(name string) (*os.File, int64, error) {
	name = filepath.FromSlash(name)
	if st, err := f.root.Lstat(name); err != nil || !st.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, 0, errors.Join(archive.ErrChanged, err)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		file.Close()
		return nil, 0, errors.Join(archive.ErrChanged, err)
	}
	return file, st.Size(), nil
}

// markMissing has a picture shown for each run of frames that are not there.
func (f *PreviewFilm) markMissing(shot farm.Shot, failed func(frame int) bool) {
	frame := func(i int) int { return shot.First + i*shot.Step }
	marks := 0
	var plain [2][]byte
	for i := 0; i < f.Frames; {
		if f.shown[i].preview != "" {
			i++
			continue
		}
		end, lost := i+1, failed(frame(i))
		for end < f.Frames && f.shown[end].preview == "" && failed(frame(end)) == lost {
			end++
		}
		text := strconv.Itoa(frame(i))
		if end > i+1 {
			text += "-" + strconv.Itoa(frame(end-1))
		}
		var mark []byte
		if marks++; marks <= maxMarks {
			mark = markOf(f.avi.Width, f.avi.Height, text, lost)
		} else {
			k := 0
			if lost {
				k = 1
			}
			if plain[k] == nil {
				plain[k] = markOf(f.avi.Width, f.avi.Height, "", lost)
			}
			mark = plain[k]
		}
		for ; i < end; i++ {
			f.shown[i].mark, f.avi.Sizes[i] = mark, int64(len(mark))
			f.Missing++
		}
	}
}

// Send writes the film. When a preview is not what it was any more, what was written is cut off in the middle of it.
func (f *PreviewFilm) Send(ctx context.Context, w io.Writer) error {
	return f.avi.Write(w, func(i int) (io.ReadCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if mark := f.shown[i].mark; mark != nil {
			return io.NopCloser(bytes.NewReader(mark)), nil
		}
		file, size, err := f.open(f.shown[i].preview)
		if err == nil && size != f.avi.Sizes[i] {
			file.Close()
			err = archive.ErrChanged
		}
		return file, err
	})
}

// Close lets the folder go.
func (f *PreviewFilm) Close() {
	if f.root != nil {
		_ = f.root.Close()
	}
}

// digits are 0 to 9 and a dash, each of five rows of three pixels.
var digits = [11]string{
	"####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####", "#.##.####..#..#", "####..###..####", "####..####.####",
	"###..#.#..#..#.", "####.#####.####", "####.####..####", "......###......",
}

// markOf is a JPEG that says which frames are missing.
func markOf(width, height int, text string, lost bool) []byte {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	c := markColours[0]
	if lost {
		c = markColours[1]
	}
	draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	// Half as wide as the picture, or as fits.
	dot := max(1, min(width/2/(4*max(len(text), 1)), height/10))
	x, y := (width-dot*(4*len(text)-1))/2, (height-5*dot)/2
	for _, r := range text {
		glyph := digits[10]
		if r != '-' {
			glyph = digits[r-'0']
		}
		for i := range 15 {
			if glyph[i] == '#' {
				at := image.Rect(0, 0, dot, dot).Add(image.Pt(x+i%3*dot, y+i/3*dot))
				draw.Draw(picture, at, image.NewUniform(color.RGBA{200, 200, 200, 255}), image.Point{}, draw.Src)
			}
		}
		x += 4 * dot
	}
	var out bytes.Buffer
	_ = jpeg.Encode(&out, picture, nil) // to memory, of a size that JPEG has
	return out.Bytes()
}
