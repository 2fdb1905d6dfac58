package web_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestShowcase takes pictures of the pages of a farm at work, in light, in dark and at the width of a phone, for people
// to look at and for the docs. NETRENDER_SCREENSHOTS is the folder they come to, NETRENDER_SHOWCASE_FRAMES one with
// pictures (.jpg) that stand in for the frames.
func TestShowcase(t *testing.T) {
	dir := os.Getenv("NETRENDER_SCREENSHOTS")
	if dir == "" {
		t.Skip("NETRENDER_SCREENSHOTS is not set")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t)
	s := newStage(h)
	s.play()
	b := h.as("anna", farm.RoleAdmin)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)...)
	defer stop()
	ctx, stopPage := chromedp.NewContext(ctx)
	defer stopPage()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	set := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.SetCookie, network.SetCookieParams{Name: "netrender-" + farmID[:8], Value: b.cookie, URL: h.url})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), set); err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]string{
		"status": "/?still", "job": "/jobs/1?still", "failed": "/jobs/2?still", "frames": "/jobs/1/frames", "worker": "/workers/" + string(s.ids["oak"]) + "?still", "add": "/add-worker", "addon": "/addon",
		"login": "/login/example", "jobs": "/jobs", "error": "/jobs/99",
	} {
		for look, width := range map[string]int64{"light": 1280, "dark": 1280, "phone": 390} {
			scheme := strings.Replace(look, "phone", "light", 1)
			emulate := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				return chromedp.Void{}, err
			}
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 720), emulate, chromedp.Navigate(h.url+page)); err != nil {
				t.Fatal(err)
			}
			png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+"-"+look+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stage is a farm whose last hours are played.
type stage struct {
	*house
	ids    map[string]farm.WorkerID
	frames []string // pictures
}

func newStage(h *house) *stage {
	s := &stage{house: h, ids: map[string]farm.WorkerID{}}
	names, _ := filepath.Glob(filepath.Join(os.Getenv("NETRENDER_SHOWCASE_FRAMES"), "*.jpg"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			h.t.Fatal(err)
		}
		s.frames = append(s.frames, string(text))
	}
	return s
}

// at sets how long ago it is.
func (s *stage) at(ago time.Duration) { s.late.Store(int64(ago)) }

func (s *stage) machine(name, system, arch, cpu string, cores, memory int, gpu ...farm.GPU) {
	s.ids[name] = s.worker(name, func(r *farm.Registration) {
		f := &r.Facts
		f.OS, f.Arch, f.CPU, f.Cores, f.MemoryMB, f.DiskMB, f.GPUs = system, arch, cpu, cores, memory<<10, 380_000, gpu
		f.Blenders = []farm.Blender{
			{Version: farm.Version{Major: 4, Minor: 5, Patch: 3}, Denoiser: true, Engines: []string{"CYCLES", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"}},
			{Version: farm.Version{Major: 4, Minor: 2, Patch: 12}, Denoiser: true, Engines: []string{"CYCLES", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"}},
		}
		if len(gpu) > 0 {
			r.Tags = []string{"gpu"}
		}
	})
}

// render has a worker finish its next n frames.
func (s *stage) render(worker string, n int, edit ...func(*farm.Report)) {
	for range n {
		g := s.claim(s.ids[worker])
		files := map[string]string{}
		if len(s.frames) > 0 {
			files[fmt.Sprintf("preview/%04d.jpg", g.Lease.Frames[0])] = s.frames[g.Lease.Frames[0]%len(s.frames)]
		}
		s.report(g, farm.Rendered, "", files, append([]func(*farm.Report){func(r *farm.Report) { r.Seconds = 41 + 7*float64(r.Frame%5) }}, edit...)...)
	}
}

// begin has a worker take a frame and be in the middle of it.
func (s *stage) begin(worker string, fraction float64, cpu float64) {
	g := s.claim(s.ids[worker])
	s.beat(worker, cpu, farm.Beat{
		Lease: g.Lease.ID, Frame: g.Lease.Frames[0], Started: true, Fraction: fraction, LeftS: 60 * (1 - fraction),
		Phase: fmt.Sprintf("Sample %d/128", int(128*fraction)), MemoryMB: 3900,
	})
}

func (s *stage) beat(worker string, cpu float64, beats ...farm.Beat) {
	s.t.Helper()
	if _, err := s.m.Heartbeat(context.Background(), root, s.ids[worker], farm.Heartbeat{
		Beats: beats, Load: farm.Load{CPU: cpu, MemoryMB: 9200, DiskMB: 371_000},
	}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) play() {
	t, ctx := s.t, context.Background()
	anna := master.Identity{Name: "anna", Role: farm.RoleSubmit}
	ben := master.Identity{Name: "ben", Role: farm.RoleSubmit}
	only := func(priority int, names ...string) func(*farm.JobSpec) {
		return func(j *farm.JobSpec) { j.Priority, j.Needs.Allow, j.Blend = priority, names, "scenes/"+j.Name+".blend" }
	}
	s.at(5 * time.Hour)
	s.machine("oak", "linux", "amd64", "AMD Ryzen 9 7950X", 32, 64, farm.GPU{Name: "NVIDIA GeForce RTX 4090", Kind: "optix"})
	s.machine("elm", "linux", "amd64", "AMD Ryzen 9 5950X", 32, 64, farm.GPU{Name: "NVIDIA GeForce RTX 3080", Kind: "optix"})
	s.machine("birch", "windows", "amd64", "Intel Core i9-13900K", 32, 128, farm.GPU{Name: "NVIDIA RTX A5000", Kind: "cuda"})
	s.machine("maple", "darwin", "arm64", "Apple M2 Ultra", 24, 64, farm.GPU{Name: "Apple M2 Ultra", Kind: "metal"})
	s.machine("rowan", "linux", "amd64", "Intel Xeon E5-2690", 16, 32)
	s.machine("alder", "linux", "amd64", "Intel Xeon E5-2690", 16, 32)
	reef := s.submit(anna, "reef_sh010_v03", "1-250", only(2, "oak", "elm", "maple"))
	market := s.submit(ben, "market_sh040_v07", "1001-1120", only(1, "birch"))
	s.at(4 * time.Hour)
	old := s.submit(ben, "turntable_chair", "1-24", only(1, "rowan"))
	s.render("rowan", 24)
	s.at(40 * time.Minute)
	s.render("oak", 64)
	s.at(20 * time.Minute)
	s.render("elm", 41)
	s.render("maple", 12)
	s.render("birch", 35)
	s.report(s.claim(s.ids["birch"]), farm.Errored, "Blender ran out of GPU memory while it rendered the frame", nil, func(r *farm.Report) { r.Fatal = true })
	s.at(6 * time.Minute)
	s.render("birch", 1)
	s.report(s.claim(s.ids["birch"]), farm.Errored, "the texture //textures/stall_cloth_4k.exr could not be read", nil, func(r *farm.Report) { r.Fatal = true })
	s.at(3 * time.Minute)
	s.render("birch", 14, func(r *farm.Report) {
		r.Warnings = []string{"the image //textures/sign_07.png is missing; it renders pink"}
	})
	s.submit(anna, "reef_sh020_v01", "1-180", only(1, "hazel"))
	canceled := s.submit(anna, "lookdev_coral", "1-12", only(1, "rowan"))
	if _, err := s.m.Cancel(ctx, root, canceled.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.m.Pause(ctx, root, s.submit(ben, "market_sh050_v02", "1001-1080", only(1, "birch")).ID); err != nil {
		t.Fatal(err)
	}
	_, _, _ = reef, market, old
	s.at(0)
	s.render("oak", 3)
	s.begin("oak", 0.62, 0.97)
	s.begin("elm", 0.31, 0.99)
	s.begin("maple", 0.88, 0.93)
	s.begin("birch", 0.07, 0.95)
	s.beat("rowan", 0.02)
	if _, err := s.m.ChangeWorker(ctx, root, s.ids["alder"], func(w *farm.Worker) { w.Enabled, w.Reason = false, "its disk is full: 3 jobs failed in a row" }); err != nil {
		t.Fatal(err)
	}
	s.beat("alder", 0.01)
	if _, _, err := s.m.AskPairing(ctx, master.Newcomer{Name: "hazel", Role: farm.RoleWorker, Kind: "linux/amd64, 24 cores", Address: "10.0.0.23"}); err != nil {
		t.Fatal(err)
	}
}
