package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// layersAtOnce is how many pictures of passes are made at a time: each takes all cores and some hundred megabytes.
const layersAtOnce = 2

// layersSent is how many of them are in memory while readers take them, each at its own pace.
const layersSent = 16

func (a *API) layerRoutes(d *describer) {
	a.previewRoute(d)
	file := inQuery("file", "string", "name of the result, where the frame has several that are OpenEXR; its multilayer EXR when not given")
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/frames/{frame}/layers", role: farm.RoleView, name: "listLayers",
		about: "Lists the passes of a frame's multilayer EXR", out: wire.LayerList{}, params: []param{file},
	}, a.layers)
	d.plain(route{
		method: http.MethodGet, path: "/jobs/{id}/frames/{frame}/layer", role: farm.RoleView, name: "getLayer",
		about: "Reads a pass as a picture: rows from the top, in each pixel red, green, blue and alpha as halves (IEEE 754 binary16, little-endian), " +
			"packed by gzip or zstd when that is asked for. Color: as it is, scene-linear. Vector: X, Y, Z and W. UV: U and V as red and green. Others: the value as grey. " +
			"Values are to be multiplied by " + wire.HeaderLayerScale,
		out: raw{}, params: []param{
			inQuery("name", "string", "as listLayers says"), inQuery("width", "integer", "pixels; scaled down by averaging; those of the file when not given"),
			inQuery("pack", "boolean", "0: do not pack, whatever is accepted"), file,
		},
		besides: []besides{{http.StatusNotModified, "It is as If-None-Match says", false}},
	}, a.layer)
}

// openEXR opens the OpenEXR of a frame that the call names.
func (a *API) openEXR(r *http.Request) (name string, frame int, f *os.File, x *exr.File, err error) {
	id, err := pathJob(r)
	if err != nil {
		return "", 0, nil, nil, err
	}
	frame, err = strconv.Atoi(r.PathValue("frame"))
	if err != nil || !farm.IsPicture(frame) {
		return "", 0, nil, nil, farm.Errorf(farm.Invalid, "%q is not the number of a frame", clip(r.PathValue("frame")))
	}
	if name, err = a.nameEXR(r.Context(), id, frame, r.URL.Query().Get("file")); err != nil {
		return "", 0, nil, nil, err
	}
	if f, err = a.m.OpenResult(r.Context(), id, name); err != nil {
		return "", 0, nil, nil, err
	}
	st, err := f.Stat()
	if err == nil {
		if x, err = exr.Open(f, st.Size()); errors.Is(err, exr.ErrFormat) || errors.Is(err, exr.ErrUnsupported) {
			err = unreadable(name, err)
		}
	}
	if err != nil {
		f.Close()
		return "", 0, nil, nil, err
	}
	return name, frame, f, x, nil
}

// nameEXR finds which result of the frame is meant. It is one of the frame's own, whatever is asked for.
func (a *API) nameEXR(ctx context.Context, id farm.JobID, frame int, file string) (string, error) {
	j, err := a.m.Job(ctx, id)
	if err != nil {
		return "", err
	}
	picture := frame
	if plan := j.Plan(); plan.Staged() { // it is the task that finishes it
		if p, ok := plan.Picture(frame); ok {
			picture, _ = plan.Task(p)
		}
	}
	list, err := a.m.Attempts(ctx, farm.AttemptFilter{Job: id, Accepted: true, Frames: farm.Frames(picture), Limit: 1})
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", farm.Errorf(farm.NotFound, "frame %d of job %d is not rendered", frame, id)
	}
	results := slices.DeleteFunc(slices.Clone(list[0].Results), func(r farm.Result) bool {
		return r.Kind != farm.KindEXR && strings.ToLower(path.Ext(r.Name)) != ".exr" || file != "" && r.Name != file
	})
	slices.SortStableFunc(results, func(x, y farm.Result) int { return one(y.Kind == farm.KindEXR) - one(x.Kind == farm.KindEXR) })
	switch {
	case len(results) > 0:
		return results[0].Name, nil
	case file != "":
		return "", farm.Errorf(farm.NotFound, "frame %d of job %d has no OpenEXR file %s", frame, id, clip(file))
	}
	return "", farm.Errorf(farm.NotFound, "frame %d of job %d has no OpenEXR file", frame, id).WithHint("submit with --exr full or half to have one of each frame")
}

func (a *API) layers(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
	name, frame, f, x, err := a.openEXR(r)
	if err != nil {
		return err
	}
	defer f.Close()
	out := wire.LayerList{Frame: frame, File: name, Layers: []wire.Layer{}}
	for _, l := range layersOf(x) {
		out.Layers = append(out.Layers, l.Layer)
	}
	out.Width, out.Height = int(x.Parts[0].Display.Width()), int(x.Parts[0].Display.Height())
	return writeJSON(w, http.StatusOK, &out)
}

func (a *API) layer(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	q := queryOf(r)
	q.must("name")
	width := int(q.number("width", 1, 1<<17, 0))
	packs := q.unless("pack")
	if q.err != nil {
		return q.err
	}
	name, frame, f, x, err := a.openEXR(r)
	if err != nil {
		return err
	}
	defer f.Close()
	all := layersOf(x)
	i := slices.IndexFunc(all, func(l layer) bool { return l.Name == q.text("name") })
	if i < 0 {
		return farm.Errorf(farm.NotFound, "frame %d has no pass %s", frame, clip(q.text("name"))).WithHint("the call layers lists them")
	}
	l := &all[i]
	st, err := f.Stat()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	tag := fmt.Sprintf(`W/"%x-%x-%d-%x"`, st.ModTime().UnixNano(), st.Size(), width, l.Name)
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	ctx, end := a.hold(w, r, who)
	defer end()
	select {
	case a.sending <- struct{}{}:
		defer func() { <-a.sending }()
	case <-ctx.Done():
		return why(ctx, ctx.Err())
	}
	pic, err := a.picture(ctx, l, width)
	if err != nil {
		h.Del("ETag")
		h.Del("Cache-Control")
		if errors.Is(err, exr.ErrFormat) || errors.Is(err, exr.ErrUnsupported) {
			return unreadable(name, err)
		}
		return why(ctx, err)
	}
	scale := float32(1)
	if most := max(pic.Max, -pic.Min); pic.N == 1 && most > 65504 {
		scale = most / 65504
	}
	number := func(f float32) string { return strconv.FormatFloat(float64(f), 'g', -1, 32) }
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set(wire.HeaderLayerWidth, strconv.Itoa(pic.Width))
	h.Set(wire.HeaderLayerHeight, strconv.Itoa(pic.Height))
	h.Set(wire.HeaderLayerWhole, fmt.Sprintf("%dx%d", l.part.Data.Width(), l.part.Data.Height()))
	h.Set(wire.HeaderLayerKind, string(l.Kind))
	h.Set(wire.HeaderLayerMin, number(pic.Min))
	h.Set(wire.HeaderLayerMax, number(pic.Max))
	h.Set(wire.HeaderLayerScale, number(scale))
	if !packs {
		r.Header.Del("Accept-Encoding")
	}
	rc := http.NewResponseController(w)
	out := packedWriter(w, r, 8*pic.Width*pic.Height)
	row := make([]byte, 8*pic.Width)
	for y, due := 0, 0; y < pic.Height; y++ {
		if y*len(row) >= due { // as of other transfers, every step has a deadline of its own
			_ = rc.SetWriteDeadline(a.opt.Now().Add(a.stall))
			due = y*len(row) + step
		}
		l.halves(pic, y, scale, row)
		if _, err := out.Write(row); err != nil {
			return nil //nolint:nilerr // an asker who left is nobody's fault
		}
	}
	return out.Close()
}

// picture makes the picture of a pass when its turn has come. A reader who hardly moves keeps nobody from that.
func (a *API) picture(ctx context.Context, l *layer, width int) (*exr.Picture, error) {
	select {
	case a.pictures <- struct{}{}:
		defer func() { <-a.pictures }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	view := l.view(width)
	return l.part.Picture(ctx, &view)
}
