package api

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"image"
	"image/jpeg"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// A frame that is rendered in parts can be looked at while they come in: tiles in their places, or the mean of the samples
// that are there. It is made only when somebody asks, of each part once, and small.

const (
	partialEdge  = 640         // pixels of the longer edge, as of the preview that Blender makes
	partialsKept = 8           // frames, of about 5 MB each
	partialPace  = time.Second // a picture is this old before parts that came since are put in
	partialGrey  = 38          // where no tile is yet
)

func (a *API) previewRoute(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/frames/{frame}/preview", role: farm.RoleView, name: "getFramePreview",
		about: "Reads a small picture (JPEG) of a frame: its preview when it is done. Of a frame that is rendered in parts what there is of it, about a second old at most: " +
			"tiles in their places, or the mean of the samples that came; it is shown as sRGB, without the scene's colour management, compositor and denoising, and " +
			wire.HeaderPreviewParts + " says which part of all is in it, as 7/12",
		out: raw{}, besides: []besides{{http.StatusNotModified, "It is as If-None-Match says", false}},
	}, a.framePreview)
}

func (a *API) framePreview(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	frame, err := strconv.Atoi(r.PathValue("frame"))
	if err != nil || !farm.IsPicture(frame) {
		return farm.Errorf(farm.Invalid, "%q is not the number of a frame", clip(r.PathValue("frame")))
	}
	j, err := a.m.Job(r.Context(), id)
	if err != nil {
		return err
	}
	done, results, err := a.accepted(r.Context(), &j, frame)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(results, func(r farm.Result) bool { return r.Kind == farm.KindPreview }); i >= 0 {
		f, err := a.m.OpenResult(r.Context(), id, results[i].Name)
		if err != nil {
			return err
		}
		defer f.Close()
		return a.serveResult(w, r, who, f, results[i].Name)
	}
	if done {
		return farm.Errorf(farm.NotFound, "frame %d of job %d has no preview", frame, id)
	}
	parts, err := a.m.PartsThere(&j, frame)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return farm.Errorf(farm.NotFound, "nothing of frame %d of job %d is there yet", frame, id)
	}
	p := a.partials.of(id, frame)
	p.mu.Lock()
	picture, used, err := p.make(r.Context(), a, &j, frame, parts)
	p.mu.Unlock()
	if err != nil {
		return why(r.Context(), err)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(picture)
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", fmt.Sprintf(`"%x"`, sum.Sum64()))
	h.Set(wire.HeaderPreviewParts, fmt.Sprintf("%d/%d", used, j.Parts()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(picture))
	return nil
}

// accepted are the results of the task that makes the frame's picture.
func (a *API) accepted(ctx context.Context, j *farm.Job, frame int) (done bool, results []farm.Result, err error) {
	picture := frame
	if plan := j.Plan(); plan.Staged() {
		if p, ok := plan.Picture(frame); ok {
			picture, _ = plan.Task(p)
		}
	}
	list, err := a.m.Attempts(ctx, farm.AttemptFilter{Job: j.ID, Accepted: true, Frames: farm.Frames(picture), Limit: 1})
	if err != nil || len(list) == 0 {
		return false, nil, err
	}
	return true, list[0].Results, nil
}

// partials are the pictures of frames of which parts are there, the last ones that were looked at.
type partials struct {
	mu   sync.Mutex
	list []*partial // the one that was asked for last comes last
}

func (p *partials) of(id farm.JobID, frame int) *partial {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.list, func(x *partial) bool { return x.job == id && x.frame == frame })
	one := &partial{job: id, frame: frame}
	if i >= 0 {
		one = p.list[i]
		p.list = slices.Delete(p.list, i, i+1)
	}
	p.list = append(p.list, one)
	if n := len(p.list) - partialsKept; n > 0 {
		p.list = slices.Delete(p.list, 0, n)
	}
	return one
}

// partial is what there is of a frame.
type partial struct {
	job   farm.JobID
	frame int

	mu            sync.Mutex
	used          map[int]string // parts that are in it, by their numbers -> what their files were
	broken        map[int]string // parts that cannot be read: the same
	width, height int
	sum           []float32 // red, green, blue of each pixel
	there         []bool    // pixels that there is something of
	made          time.Time
	picture       []byte
}

// make brings the picture up to date. mu is held.
func (p *partial) make(ctx context.Context, a *API, j *farm.Job, frame int, parts []master.PartThere) (picture []byte, used int, err error) {
	now := a.opt.Now()
	if p.picture != nil && now.Sub(p.made) < partialPace {
		return p.picture, len(p.used), nil
	}
	still := map[int]string{}
	for _, part := range parts {
		still[part.Part] = part.Mark
	}
	for n, mark := range p.used {
		if still[n] != mark { // it was rendered once more
			p.used, p.sum, p.picture = nil, nil, nil
			break
		}
	}
	if p.used == nil {
		p.used, p.broken = map[int]string{}, map[int]string{}
	}
	fresh := p.picture == nil
	for _, part := range parts {
		if p.used[part.Part] == part.Mark || p.broken[part.Part] == part.Mark {
			continue
		}
		if err := p.add(ctx, a, j, part.Part); err != nil {
			if ctx.Err() != nil {
				return nil, 0, ctx.Err()
			}
			p.broken[part.Part] = part.Mark // whoever finishes the frame has it looked at
			a.log.Warn("a part of a frame cannot be shown", "job", j.ID, "frame", frame, "part", part.Part, "err", err)
			continue
		}
		p.used[part.Part] = part.Mark
		fresh = true
	}
	p.made = now
	if fresh {
		if len(p.used) == 0 {
			return nil, 0, farm.Errorf(farm.NotFound, "what is there of frame %d cannot be shown", frame)
		}
		parts := 1
		if j.Samples > 0 {
			parts = len(p.used)
		}
		if p.picture, err = p.encode(parts); err != nil {
			return nil, 0, err
		}
	}
	return p.picture, len(p.used), nil
}

// add puts a part in.
func (p *partial) add(ctx context.Context, a *API, j *farm.Job, number int) error {
	f, err := a.m.OpenPartThere(j, p.frame, number)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	x, err := exr.Open(f, st.Size())
	if err != nil {
		return err
	}
	all := layersOf(x)
	i := slices.IndexFunc(all, func(l layer) bool { return l.Pass == "Combined" })
	if i < 0 {
		return farm.Errorf(farm.NotFound, "it has no combined pass")
	}
	l := &all[i]
	g := geometry(j, number, l.Width, l.Height)
	width, height := g.canvas()
	if p.sum == nil {
		p.width, p.height = width, height
		p.sum, p.there = make([]float32, 3*width*height), make([]bool, width*height)
	}
	r := g.place(p.width, p.height)
	pic, err := a.picture(ctx, l, max(1, r.Dx()*l.Width/g.inner.Dx()))
	switch {
	case err != nil:
		return err
	case pic.N < 3:
		return farm.Errorf(farm.Invalid, "its combined pass has no colours")
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		v := (float64(g.inner.Min.Y) + (float64(y-r.Min.Y)+0.5)/float64(r.Dy())*float64(g.inner.Dy())) / float64(l.Height)
		row := min(int(v*float64(pic.Height)), pic.Height-1)
		for x := r.Min.X; x < r.Max.X; x++ {
			u := (float64(g.inner.Min.X) + (float64(x-r.Min.X)+0.5)/float64(r.Dx())*float64(g.inner.Dx())) / float64(l.Width)
			from := pic.Pixels[(row*pic.Width+min(int(u*float64(pic.Width)), pic.Width-1))*pic.N:]
			at := y*p.width + x
			p.there[at] = true
			for c := range 3 {
				p.sum[3*at+c] += from[c]
			}
		}
	}
	return nil
}

// placed says where a part is. The master does not know how large the whole picture is; a tile tells nearly.
type placed struct {
	tiles farm.Tiles
	x, y  int
	inner image.Rectangle // what of the part's pixels is its own, and no overscan
}

func geometry(j *farm.Job, number, width, height int) placed {
	g := placed{tiles: j.Tiles, inner: image.Rect(0, 0, width, height)}
	if j.Tiles.Count() == 0 {
		g.tiles = farm.Tiles{X: 1, Y: 1}
		return g
	}
	g.x, g.y = (number-1)%g.tiles.X, (number-1)/g.tiles.X
	over := func(there bool, room int) int {
		if !there {
			return 0
		}
		return min(j.Options.Overscan, (room-1)/2)
	}
	g.inner.Min = image.Pt(over(g.x > 0, width), over(g.y > 0, height))
	g.inner.Max = image.Pt(width-over(g.x < g.tiles.X-1, width), height-over(g.y < g.tiles.Y-1, height))
	return g
}

// canvas is the size of the small picture.
func (g *placed) canvas() (width, height int) {
	w, h := g.inner.Dx()*g.tiles.X, g.inner.Dy()*g.tiles.Y
	scale := min(1, partialEdge/float64(max(w, h)))
	return max(1, int(math.Round(float64(w)*scale))), max(1, int(math.Round(float64(h)*scale)))
}

// place is where in it the part is.
func (g *placed) place(width, height int) image.Rectangle {
	return image.Rect(g.x*width/g.tiles.X, g.y*height/g.tiles.Y, (g.x+1)*width/g.tiles.X, (g.y+1)*height/g.tiles.Y)
}

// encode makes the JPEG; each pixel is the sum of so many parts, or one tile.
func (p *partial) encode(parts int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	for i, there := range p.there {
		out := img.Pix[4*i : 4*i+4]
		out[3] = 255
		for c := range 3 {
			if out[c] = partialGrey; there {
				out[c] = display(p.sum[3*i+c] / float32(parts))
			}
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85})
	return b.Bytes(), err
}

// display is a scene-linear value as sRGB shows it.
func display(v float32) uint8 {
	switch {
	case !(v > 0): // nor a number
		return 0
	case v >= 1:
		return 255
	case v < 0.0031308:
		return uint8(v*12.92*255 + 0.5)
	}
	return uint8((1.055*math.Pow(float64(v), 1/2.4)-0.055)*255 + 0.5)
}
