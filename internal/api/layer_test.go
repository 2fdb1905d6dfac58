package api

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// render has a worker deliver the next frame of a job with files, and returns its number.
func (h *house) render(c *wire.Client, files map[string][]byte) (frame int) {
	h.t.Helper()
	ctx := within(h.t)
	grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01", WaitMS: 10_000})
	if err != nil || grant == nil {
		h.t.Fatal(grant, err)
	}
	frame = grant.Lease.Frames[0]
	r := farm.Report{Lease: grant.Lease.ID, Worker: "worker-01", Job: grant.Lease.Job, Frame: frame, Attempt: grant.Lease.Attempt, Outcome: farm.Rendered}
	for name, content := range files {
		kind, _, _ := strings.Cut(name, "/")
		result := farm.Result{Kind: farm.ResultKind(kind), Name: name, Size: int64(len(content)), Ref: blob.RefOf(content).String(), Frame: frame}
		if err := c.PutResult(ctx, grant.Lease.ID, "worker-01", result, reader(content)); err != nil {
			h.t.Fatal(err)
		}
		r.Results = append(r.Results, result)
	}
	reply, err := c.Report(ctx, wire.ReportRequest{Reports: []farm.Report{r}})
	if err != nil || !reply.Verdicts[0].Accepted {
		h.t.Fatal(reply, err)
	}
	return frame
}

func exrOf(t testing.TB, w, h int, channels map[string]func(i int) float32) []byte {
	t.Helper()
	im := exr.Image{Width: w, Height: h, Compression: exr.ZIP}
	for name, f := range channels {
		p := exr.Plane{Name: name, Type: exr.Float}
		for i := range w * h {
			p.Bytes = binary.LittleEndian.AppendUint32(p.Bytes, math.Float32bits(f(i)))
		}
		im.Planes = append(im.Planes, p)
	}
	var b bytes.Buffer
	if err := exr.Write(&b, &im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLayers(t *testing.T) {
	h := open(t)
	h.submit("1-5")
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	constant := func(v float32) func(int) float32 { return func(int) float32 { return v } }
	h.render(c, map[string][]byte{
		"output/0001.exr": exrOf(t, 2, 2, map[string]func(int) float32{"R": constant(1), "G": constant(2), "B": constant(3)}),
		"preview/1.jpg":   []byte("JPEG"),
		"exr/0001.exr": exrOf(t, 8, 4, map[string]func(int) float32{
			"View.001.Combined.R": func(i int) float32 { return float32(i) }, "View.001.Combined.G": constant(.5), "View.001.Combined.B": constant(-2), "View.001.Combined.A": constant(.25),
			"View.001.Depth.Z": func(i int) float32 {
				if i < 2 {
					return 1e10
				}
				return 131008
			},
			"View.001.IndexOB.X": func(i int) float32 { return float32(i % 8) },
			"View.001.UV.U":      constant(.75), "View.001.UV.V": constant(.125), "View.001.UV.A": constant(1),
			"View.001.Vector.X": constant(1), "View.001.Vector.Y": constant(2), "View.001.Vector.Z": constant(3), "View.001.Vector.W": constant(4),
			"View.001.Mist.left.Z": constant(.5), "View.001.CryptoObject00.r": constant(7), "View.001.CryptoObject00.g": constant(8),
		}),
	})
	multipart, err := os.ReadFile("../exr/testdata/multipart.exr")
	if err != nil {
		t.Fatal(err)
	}
	h.render(c, map[string][]byte{"exr/0002.exr": multipart})
	piz, err := os.ReadFile("../exr/testdata/piz.exr")
	if err != nil {
		t.Fatal(err)
	}
	h.render(c, map[string][]byte{"exr/0003.exr": piz})
	h.render(c, map[string][]byte{"exr/0004.exr": multipart[:len(multipart)/2], "preview/4.jpg": []byte("JPEG")})

	get := func(frame int, query string, header ...string) (*http.Response, []byte) {
		t.Helper()
		return h.send(farm.RoleView, "GET", fmt.Sprintf("%s/jobs/1/frames/%d/%s", wire.Root, frame, query), nil, header...)
	}
	list := func(frame int, query string) (l wire.LayerList, text string) {
		t.Helper()
		resp, body := get(frame, query)
		if err := json.Unmarshal(body, &l); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		for _, x := range l.Layers {
			text += fmt.Sprintf("%s=%s/%s/%s:%s:%s ", x.Name, x.ViewLayer, x.Pass, x.View, x.Kind, strings.Join(x.Channels, ""))
		}
		return l, text
	}
	one, text := list(1, "layers")
	want := "View.001.Combined=View.001/Combined/:color:RGBA View.001.CryptoObject00=View.001/CryptoObject00/:crypto:gr View.001.Depth=View.001/Depth/:depth:Z " +
		"View.001.IndexOB=View.001/IndexOB/:index:X View.001.Mist.left=View.001/Mist/left:scalar:Z View.001.UV=View.001/UV/:uv:UVA View.001.Vector=View.001/Vector/:vector:XYZW "
	if text != want || one.File != "exr/0001.exr" || one.Width != 8 || one.Height != 4 || one.Layers[0].Type != "float" || one.Layers[0].Width != 8 {
		t.Errorf("%+v\n%s\n%s", one, text, want)
	}
	if l, text := list(1, "layers?file=output%2F0001.exr"); text != "Combined=/Combined/:color:RGB " || l.Width != 2 {
		t.Errorf("of the scene's own file: %s", text)
	}
	if _, text := list(2, "layers"); text != "ViewLayer.Combined=ViewLayer/Combined/:color:RGBA ViewLayer.Depth=ViewLayer/Depth/:depth:Z ViewLayer.Normal=ViewLayer/Normal/:vector:XYZ "+
		"ViewLayer.Object Index=ViewLayer/Object Index/:index:X ViewLayer.Emission=ViewLayer/Emission/:color:RGB " {
		t.Errorf("of many parts: %s", text)
	}

	for _, p := range []struct {
		frame      int
		query      string
		w, h, at   int
		pixel      [4]uint16 // at a place
		lo, hi, by string
	}{
		{1, "name=View.001.Combined", 8, 4, 3, [4]uint16{exr.ToHalf(3), exr.ToHalf(.5), exr.ToHalf(-2), exr.ToHalf(.25)}, "-2", "31", "1"},
		{1, "name=View.001.Combined&width=4", 4, 2, 0, [4]uint16{exr.ToHalf(4.5), exr.ToHalf(.5), exr.ToHalf(-2), exr.ToHalf(.25)}, "-2", "31", "1"},
		{1, "name=View.001.Combined&width=100000", 8, 4, 31, [4]uint16{exr.ToHalf(31), exr.ToHalf(.5), exr.ToHalf(-2), exr.ToHalf(.25)}, "-2", "31", "1"},
		{1, "name=View.001.Depth", 8, 4, 0, [4]uint16{0x7bff, 0x7bff, 0x7bff, 0x3c00}, "131008", "131008", "2"},
		{1, "name=View.001.Depth&width=4", 4, 2, 0, [4]uint16{0x7bff, 0x7bff, 0x7bff, 0x3c00}, "131008", "131008", "2"},
		{1, "name=View.001.IndexOB&width=2", 2, 1, 1, [4]uint16{exr.ToHalf(6), exr.ToHalf(6), exr.ToHalf(6), 0x3c00}, "0", "7", "1"},
		{1, "name=View.001.UV", 8, 4, 9, [4]uint16{exr.ToHalf(.75), exr.ToHalf(.125), exr.ToHalf(1), 0x3c00}, "0.125", "1", "1"},
		{1, "name=View.001.Vector", 8, 4, 9, [4]uint16{exr.ToHalf(1), exr.ToHalf(2), exr.ToHalf(3), exr.ToHalf(4)}, "1", "3", "1"},
		{1, "name=Combined&file=output%2F0001.exr", 2, 2, 0, [4]uint16{exr.ToHalf(1), exr.ToHalf(2), exr.ToHalf(3), 0x3c00}, "1", "3", "1"},
	} {
		for _, packs := range []string{"identity", "zstd"} {
			resp, body := get(p.frame, "layer?"+p.query, "Accept-Encoding", packs)
			if resp.StatusCode != 200 {
				t.Fatalf("%s: %d %s", p.query, resp.StatusCode, body)
			}
			if resp.Header.Get("Content-Encoding") == "zstd" {
				t.Errorf("%s: %d bytes were packed", p.query, 8*p.w*p.h)
			}
			x := resp.Header.Get
			if len(body) != 8*p.w*p.h || x(wire.HeaderLayerWidth) != fmt.Sprint(p.w) || x(wire.HeaderLayerHeight) != fmt.Sprint(p.h) {
				t.Fatalf("%s: %d bytes, %v", p.query, len(body), resp.Header)
			}
			if x(wire.HeaderLayerMin) != p.lo || x(wire.HeaderLayerMax) != p.hi || x(wire.HeaderLayerScale) != p.by {
				t.Errorf("%s: %v", p.query, resp.Header)
			}
			for i, want := range p.pixel {
				if got := binary.LittleEndian.Uint16(body[8*p.at+2*i:]); got != want {
					t.Errorf("%s: sample %d is %#x, not %#x", p.query, i, got, want)
				}
			}
		}
	}
	if l, _ := list(2, "layers"); true {
		for _, x := range l.Layers {
			resp, body := get(2, "layer?name="+url.QueryEscape(x.Name), "Accept-Encoding", "gzip")
			if resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get(wire.HeaderLayerKind) != string(x.Kind) {
				t.Errorf("%s: %d %v %d bytes", x.Name, resp.StatusCode, resp.Header, len(body))
			}
			again, _ := get(2, "layer?name="+url.QueryEscape(x.Name), "If-None-Match", resp.Header.Get("ETag"))
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("%s again: %d", x.Name, again.StatusCode)
			}
			if plain, body := get(2, "layer?pack=0&name="+url.QueryEscape(x.Name), "Accept-Encoding", "gzip"); plain.Header.Get("Content-Encoding") != "" || len(body) != 8*20*18 {
				t.Errorf("%s plain: %d bytes", x.Name, len(body))
			}
		}
	}

	for _, p := range []struct {
		frame int
		query string
		kind  farm.Kind
	}{
		{1, "layer?name=View.001.Emit", farm.NotFound},
		{1, "layer", farm.Invalid},
		{1, "layer?name=View.001.Depth&width=0", farm.Invalid},
		{1, "layer?name=View.001.Depth&width=-5", farm.Invalid},
		{5, "layers", farm.NotFound},
		{99, "layers", farm.NotFound},
		{3000000, "layers", farm.Invalid},
		{1, "layers?file=../../../etc/passwd", farm.NotFound},
		{1, "layers?file=exr%2F0002.exr", farm.NotFound},
		{1, "layers?file=preview%2F1.jpg", farm.NotFound},
		{4, "layer?name=ViewLayer.Emission", farm.Invalid},
	} {
		resp, body := get(p.frame, p.query)
		wantProblem(t, resp, body, p.kind)
	}
	if resp, body := get(3, "layers"); resp.StatusCode == 200 { // what it holds can be told, its pixels not
		var l wire.LayerList
		if err := json.Unmarshal(body, &l); err != nil || len(l.Layers) == 0 {
			t.Fatal(err)
		}
		resp, body := get(3, "layer?name="+url.QueryEscape(l.Layers[0].Name))
		wantProblem(t, resp, body, farm.Invalid)
		if !strings.Contains(string(body), "PIZ") {
			t.Errorf("%s", body)
		}
	}
	if err := os.Remove(filepath.Join(h.dir, "outputs", "shot-1", "exr", "0001.exr")); err != nil {
		t.Fatal(err)
	}
	resp, body := get(1, "layers")
	wantProblem(t, resp, body, farm.NotFound)
	resp, body = h.send(farm.RoleWorker, "GET", wire.Root+"/jobs/1/frames/2/layers", nil)
	wantProblem(t, resp, body, farm.Denied)
	resp, body = h.send(farm.RoleView, "GET", wire.Root+"/jobs/2/frames/2/layers", nil)
	wantProblem(t, resp, body, farm.NotFound)
}

// TestSlowReadersOfLayers: readers who do not take their pictures keep nobody from others.
func TestSlowReadersOfLayers(t *testing.T) {
	h := open(t)
	h.submit("1")
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	h.render(c, map[string][]byte{"exr/0001.exr": exrOf(t, 1600, 1000, map[string]func(int) float32{"View.Depth.Z": func(i int) float32 { return float32(i) }})})
	address := wire.Root + "/jobs/1/frames/1/layer?name=View.Depth&pack=0"
	for range 2 * layersAtOnce {
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.url+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+h.secret[farm.RoleView])
		resp, err := http.DefaultClient.Do(req) // its head; the body fills the buffers in between and stands
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		defer resp.Body.Close()
	}
	if resp, body := h.send(farm.RoleView, "GET", address, nil); resp.StatusCode != http.StatusOK || len(body) != 8*1600*1000 {
		t.Errorf("behind readers who do not move: %d, %d bytes", resp.StatusCode, len(body))
	}
}
