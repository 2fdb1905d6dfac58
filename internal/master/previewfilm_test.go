package master_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// previewOf is a preview in one colour.
func previewOf(t *testing.T, width, height int, c color.Color) string {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// aviFrames reads an AVI file, and says of each frame what colour its corner has.
func aviFrames(t *testing.T, avi []byte) (scale, rate uint32, corners []string) {
	t.Helper()
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(avi[at:]) }
	if string(avi[:4]) != "RIFF" || int(word(4))+8 != len(avi) || string(avi[8:12]) != "AVI " {
		t.Fatalf("it is no AVI of %d bytes: %q", len(avi), avi[:12])
	}
	head := bytes.Index(avi, []byte("strh"))
	movie := bytes.Index(avi, []byte("movi"))
	index := movie - 4 + int(word(movie-4)) + 4
	if string(avi[index:index+4]) != "idx1" || index+8+int(word(index+4)) != len(avi) {
		t.Fatalf("its index is not where it should be")
	}
	for at := movie + 4; at < index; {
		size := int(word(at + 4))
		entry := index + 8 + 16*len(corners)
		if string(avi[at:at+4]) != "00dc" || int(word(entry+8)) != at-movie || int(word(entry+12)) != size {
			t.Fatalf("frame %d is not where the index says", len(corners))
		}
		picture, err := jpeg.Decode(bytes.NewReader(avi[at+8 : at+8+size]))
		if err != nil || picture.Bounds() != image.Rect(0, 0, 64, 36) {
			t.Fatalf("frame %d: %v, %v", len(corners), picture, err)
		}
		r, g, _, _ := picture.At(1, 1).RGBA()
		name := "grey"
		switch r, g = r>>8, g>>8; {
		case g > r+60:
			name = "green"
		case r > g+60:
			name = "red"
		}
		corners = append(corners, name)
		at += 8 + size + size%2
	}
	return word(head + 8 + 20), word(head + 8 + 24), corners
}

// A film of the previews that are there can be had at any time; those that are missing are marked, and of another colour
// when they failed.
func TestPreviewFilm(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		w := b.worker("oak", 1)
		j := b.submit("2-12x2", func(s *farm.JobSpec) { s.Options.Preview, s.Attempts, s.FPS = true, 1, 24/1.001 })
		film := func() (scale, rate uint32, corners []string) {
			t.Helper()
			f, err := b.m.PreviewFilm(ctx, j.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var out bytes.Buffer
			if err := f.Send(ctx, &out); err != nil || int64(out.Len()) != f.Size || f.Name != "shot-preview.avi" {
				t.Fatalf("%d bytes of %d of %s: %v", out.Len(), f.Size, f.Name, err)
			}
			return aviFrames(t, out.Bytes())
		}
		if _, err := b.m.PreviewFilm(ctx, j.ID, 0); farm.KindOf(err) != farm.NotFound {
			t.Errorf("without a preview: %v", err)
		}
		for frame := 2; frame <= 10; frame += 2 {
			g := b.claim(w, 0)
			if frame == 6 {
				b.report(g, frame, farm.Errored)
				continue
			}
			width := 64
			if frame == 10 {
				width = 32 // of another size, which no film can have
			}
			r := b.uploadAs(farm.KindPreview, g, frame, fmt.Sprintf("previews/%04d.jpg", frame), previewOf(t, width, 36, color.RGBA{0, 200, 0, 255}))
			b.report(g, frame, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
		}
		scale, rate, corners := film()
		want(t, "rate", fmt.Sprint(rate, "/", scale), "24000/2002") // every other frame of 24000/1001
		want(t, "frames", fmt.Sprint(corners), "[green green red green grey grey]")
		if err := os.WriteFile(b.output(b.job(j.ID), "previews/0002.jpg"), []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, corners = film()
		want(t, "frames", fmt.Sprint(corners), "[grey green red green grey grey]")
		f, err := b.m.PreviewFilm(ctx, j.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := os.WriteFile(b.output(b.job(j.ID), "previews/0004.jpg"), []byte("no picture any more"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.Send(ctx, &bytes.Buffer{}); err == nil {
			t.Error("a preview that is not what it was is sent all the same")
		}
	})
}

// A film that is made again in another format takes the place of the earlier one; what frames wrote stays.
func TestOldFilmGoes(t *testing.T) {
	inFarm(t, func(b *bench) {
		w := b.baker("a", "4.5.1")
		if _, err := b.m.Register(context.Background(), root, farm.Registration{
			Protocol: farm.Protocol, ID: w, Name: "a", Slots: 1,
			Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000, Stages: []farm.Stage{farm.StageEncode}},
		}); err != nil {
			t.Fatal(err)
		}
		j := b.submit("1", func(s *farm.JobSpec) { s.Film, s.Options.Outputs = &farm.Film{}, true })
		g := b.claim(w, 0)
		b.report(g, 1, farm.Rendered, func(r *farm.Report) { r.Results = []farm.Result{b.upload(g, 1, "shot.avi", "a frame")} })
		film := func(name string) {
			t.Helper()
			g := b.claim(w, 0)
			if g == nil || !farm.IsFilm(g.Lease.Frames[0]) {
				t.Fatalf("the film is not made: %+v", g)
			}
			no := g.Lease.Frames[0]
			if v := b.report(g, no, farm.Rendered, func(r *farm.Report) { r.Results = []farm.Result{b.uploadAs(farm.KindFilm, g, no, name, "a film")} }); !v.Accepted {
				t.Fatal(v)
			}
		}
		film("shot.mp4")
		if _, err := b.m.Retry(context.Background(), root, j.ID, master.RetryWhich{Frames: farm.Frames(farm.Task{Stage: farm.StageEncode}.No())}); err != nil {
			t.Fatal(err)
		}
		film("shot.webm")
		var there []string
		list, err := os.ReadDir(b.output(b.job(j.ID), "."))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			there = append(there, e.Name())
		}
		want(t, "files", fmt.Sprint(there), "[shot.avi shot.webm]")
	})
}
