package blender

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkFrame renders frames of a small scene and of the same at 1920x1080, and reports where the time of a frame goes,
// in milliseconds: idle is what passes between two frames outside of rendering and saving.
func BenchmarkFrame(b *testing.B) {
	in := realBlender(b)
	dir := scenes(b, in)
	for _, name := range []string{"basic", "large"} {
		for what, task := range map[string]Task{
			"all":     {EXR: EXRFull, Outputs: true, Preview: true},
			"outputs": {Outputs: true},
			"exr":     {EXR: EXRFull},
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				s, err := Start(b.Context(), Options{Install: in, Home: b.TempDir(), Environ: os.Environ()})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Open(b.Context(), Scene{Blend: filepath.Join(dir, name+".blend")}); err != nil {
					b.Fatal(err)
				}
				var sum Result
				var idle float64
				task.Frame = 0
				for b.Loop() {
					task.Frame++
					task.OutDir = filepath.Join(b.TempDir(), "out")
					begun := time.Now()
					r, err := s.Render(b.Context(), task, nil)
					if err != nil {
						b.Fatal(err)
					}
					idle += time.Since(begun).Seconds() - r.Seconds
					sum.Render += r.Render
					sum.EXRSeconds += r.EXRSeconds
					sum.Preview += r.Preview
					os.RemoveAll(task.OutDir)
				}
				per := 1000 / float64(b.N)
				b.ReportMetric(idle*per, "idle-ms")
				b.ReportMetric(sum.Render*per, "render-ms")
				b.ReportMetric(sum.EXRSeconds*per, "exr-ms")
				b.ReportMetric(sum.Preview*per, "preview-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
