package api

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestPreviewOfPartsThatCame: a frame can be looked at while its parts come in. The picture is made anew at most once a second,
// and holds what Blender made of it when it is finished.
func TestPreviewOfPartsThatCame(t *testing.T) {
	var ahead atomic.Int64
	h := open(t, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
	later := func() { ahead.Add(int64(partialPace)) }
	c := h.client(farm.RoleWorker)
	_, err := c.Register(within(t), farm.Registration{Protocol: farm.Protocol, ID: "worker-01", Name: "oak", Slots: 1, Facts: farm.Facts{
		OS: "linux", Blenders: []farm.Blender{{Version: farm.Version{Major: 4, Minor: 5}}}, Stages: []farm.Stage{farm.StageParts, farm.StageFinish},
	}})
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("BLENDER of parts")
	if err := h.blobs.Put(within(t), blob.RefOf(content), int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	submit := func(edit func(*farm.JobSpec)) farm.JobID {
		t.Helper()
		spec, files := h.scene("-1", content)
		spec.Options.Preview, spec.Chunk = true, 1
		edit(&spec)
		reply, err := h.client(farm.RoleSubmit).Submit(within(t), spec, files)
		if err != nil {
			t.Fatal(err)
		}
		return reply.Job.ID
	}
	// deliver has the worker do the next task; text is its only result.
	deliver := func(kind farm.ResultKind, name string, text []byte) {
		t.Helper()
		g, err := c.Claim(within(t), farm.Wish{Worker: "worker-01", WaitMS: 10_000})
		if err != nil || g == nil {
			t.Fatal(g, err)
		}
		no := g.Lease.Frames[0]
		if kind == farm.KindPart {
			name = farm.PartName(no)
		}
		r := farm.Report{Lease: g.Lease.ID, Worker: "worker-01", Job: g.Lease.Job, Frame: no, Attempt: g.Lease.Attempt, Outcome: farm.Rendered}
		r.Results = []farm.Result{{Kind: kind, Name: name, Size: int64(len(text)), Ref: blob.RefOf(text).String(), Frame: no}}
		if err := c.PutResult(within(t), g.Lease.ID, "worker-01", r.Results[0], reader(text)); err != nil {
			t.Fatal(err)
		}
		if reply, err := c.Report(within(t), wire.ReportRequest{Reports: []farm.Report{r}}); err != nil || !reply.Verdicts[0].Accepted {
			t.Fatal(reply, err)
		}
	}
	part := func(w, hi int, red, green func(x, y int) float32) []byte {
		at := func(f func(x, y int) float32) func(int) float32 {
			return func(i int) float32 { return f(i%w, i/w) }
		}
		none := func(int) float32 { return 0 }
		return exrOf(t, w, hi, map[string]func(int) float32{
			"View.Depth.Z": none, "View.Combined.R": at(red), "View.Combined.G": at(green), "View.Combined.B": none, "View.Combined.A": none,
		})
	}
	plain := func(v float32) func(x, y int) float32 { return func(int, int) float32 { return v } }
	see := func(id farm.JobID, parts string) (img image.Image, tag string) {
		t.Helper()
		resp, text := h.send(farm.RoleView, "GET", fmt.Sprintf("%s/jobs/%v/frames/-1/preview", wire.Root, id), nil)
		if resp.StatusCode != 200 || resp.Header.Get(wire.HeaderPreviewParts) != parts || resp.Header.Get("Content-Type") != "image/jpeg" {
			t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, text)
		}
		img, err := jpeg.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return img, resp.Header.Get("ETag")
	}
	is := func(img image.Image, x, y int, r, g uint8) {
		t.Helper()
		near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 12 } // a JPEG
		c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
		if !near(c.R, r) || !near(c.G, g) {
			t.Errorf("the pixel %d, %d of %v is %v, not %d, %d", x, y, img.Bounds(), c, r, g)
		}
	}
	nothing := func(id farm.JobID) {
		t.Helper()
		if resp, text := h.send(farm.RoleView, "GET", fmt.Sprintf("%s/jobs/%v/frames/-1/preview", wire.Root, id), nil); resp.StatusCode != 404 {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}

	// Tiles of 40 x 60 pixels, the middle ones with what is around them, which does not show.
	tiles := submit(func(s *farm.JobSpec) { s.Tiles, s.Options.Overscan = farm.Tiles{X: 3, Y: 1}, 8 })
	nothing(tiles)
	deliver(farm.KindPart, "", part(48, 60, func(x, _ int) float32 {
		if x >= 40 {
			return 0
		}
		return 1
	}, plain(0)))
	img, tag := see(tiles, "1/3")
	if img.Bounds() != image.Rect(0, 0, 120, 60) {
		t.Errorf("the picture is %v", img.Bounds())
	}
	is(img, 20, 30, 255, 0)
	is(img, 34, 30, 255, 0)
	is(img, 100, 30, partialGrey, partialGrey)
	deliver(farm.KindPart, "", part(56, 60, plain(0), func(x, _ int) float32 {
		if x < 8 || x >= 48 {
			return 0
		}
		return 0.5
	}))
	if _, again := see(tiles, "1/3"); again != tag {
		t.Error("the picture was made anew at once")
	}
	later()
	img, _ = see(tiles, "2/3")
	is(img, 20, 30, 255, 0)
	is(img, 47, 30, 0, 188)
	is(img, 72, 30, 0, 188)
	is(img, 100, 30, partialGrey, partialGrey)
	deliver(farm.KindPart, "", []byte("no picture"))
	later()
	see(tiles, "2/3")
	deliver(farm.KindPreview, "p.jpg", []byte("a JPEG of Blender's"))
	if resp, text := h.send(farm.RoleView, "GET", fmt.Sprintf("%s/jobs/%v/frames/-1/preview", wire.Root, tiles), nil); string(text) != "a JPEG of Blender's" || resp.Header.Get(wire.HeaderPreviewParts) != "" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, text)
	}

	samples := submit(func(s *farm.JobSpec) { s.Samples = 2 })
	deliver(farm.KindPart, "", part(1300, 20, plain(0.3), plain(0)))
	img, _ = see(samples, "1/2")
	if img.Bounds() != image.Rect(0, 0, 640, 10) {
		t.Errorf("the picture is %v", img.Bounds())
	}
	is(img, 320, 5, 149, 0)
	deliver(farm.KindPart, "", part(1300, 20, plain(0.7), plain(1)))
	later()
	img, _ = see(samples, "2/2")
	is(img, 320, 5, 188, 188)
	nothing(submit(func(*farm.JobSpec) {}))
}
