// Package fake renders without Blender: small pictures that depend on nothing but the scene's files and the frame, after a
// time that can be set. It stands in for Blender in tests, benchmarks and trials of a farm.
package fake

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker"
)

// Options say how the fake behaves; the zero value renders 16x16 pixels at once.
type Options struct {
	FrameTime time.Duration // what a frame takes; a part takes its share of it
	// FinishTime is what finishing a frame takes that was rendered in parts.
	FinishTime time.Duration
	OpenTime   time.Duration // what opening a scene takes
	StartTime  time.Duration // what starting takes
	BakeTime   time.Duration // what baking a frame takes
	Width      int           // pixels; 0: 16
	Height     int           // pixels; 0: 16
	Memory     int64         // bytes said to be held after a frame
	// Quiet leaves out the lines of log and the progress that each frame otherwise gives.
	Quiet bool
	Scene blender.SceneFacts // what is found missing, warned of and raised in every scene
	Frame blender.Result     // what is warned of and raised in every frame
	// Open, Bake and Render, where given, are called before a scene is opened or baked or a frame is rendered; an error is the outcome.
	// A *blender.Error of kind Crashed ends the session.
	Open   func(ctx context.Context, s blender.Scene) error
	Bake   func(ctx context.Context, b blender.Bake, log io.Writer) error
	Render func(ctx context.Context, t blender.Task, log io.Writer) error
}

// Samples are those of every scene that says nothing else.
const Samples = 64

// Install is a Blender that does not exist, for workers whose renderer is fake. It has every common engine and no end
// of versions before it: it takes every job.
func Install() blender.Install {
	return blender.Install{Path: "/fake/blender", Kind: blender.Executable, Facts: blender.Facts{
		Version: "99.0.0", Series: "99.0", Label: "99.0.0 fake", Denoisers: []string{"OPENIMAGEDENOISE"}, Films: []string{"H.264"},
		Devices: []blender.Device{{ID: "cpu", Name: "CPU"}}, Engines: engines(), Bakes: farm.SimulationKinds(),
	}}
}

func engines() (list []blender.Engine) {
	for _, id := range []string{"CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH"} {
		list = append(list, blender.Engine{ID: id, Name: id, Works: true})
	}
	return list
}

// New returns renderers that behave as o says.
func New(o Options) worker.NewRenderer {
	if o.Width <= 0 {
		o.Width = 16
	}
	if o.Height <= 0 {
		o.Height = 16
	}
	return func(ctx context.Context, s worker.Setup) (worker.Renderer, error) {
		r := &Renderer{o: o, log: s.Log, killed: make(chan struct{})}
		if r.log == nil {
			r.log = io.Discard
		}
		if err := r.wait(ctx, o.StartTime); err != nil {
			return nil, err
		}
		r.say("Blender 99.0.0 (fake)\n")
		return r, nil
	}
}

// Renderer is a fake session.
type Renderer struct {
	o      Options
	killed chan struct{}
	once   sync.Once
	mark   SceneMark // of the scene that is open
	baked  []blender.Simulation
	dir    string // of its .blend

	mu   sync.Mutex
	log  io.Writer
	open bool
}

var _ worker.Renderer = (*Renderer)(nil)

// Open opens any scene whose file is there.
func (r *Renderer) Open(ctx context.Context, s blender.Scene) (blender.SceneFacts, error) {
	r.open = false
	if _, err := os.Stat(s.Blend); err != nil {
		return blender.SceneFacts{}, &blender.Error{Kind: blender.NoFile, Message: "the .blend file is not there"}
	}
	if err := r.wait(ctx, r.o.OpenTime); err != nil {
		return blender.SceneFacts{}, err
	}
	if r.o.Open != nil {
		if err := r.o.Open(ctx, s); err != nil {
			return blender.SceneFacts{}, r.fail(err)
		}
	}
	mark, err := markOf(&s)
	if err != nil {
		return blender.SceneFacts{}, &blender.Error{Kind: blender.NoFile, Message: "a file of the scene cannot be read: " + err.Error()}
	}
	r.open, r.mark, r.baked, r.dir = true, mark, s.Baked, filepath.Dir(s.Blend)
	r.say(fmt.Sprintf("Read blend: %s\n", s.Blend))
	facts := r.o.Scene
	facts.Name, facts.Engine, facts.Width, facts.Height = "Scene", "CYCLES", r.o.Width, r.o.Height
	facts.Samples = cmp.Or(facts.Samples, Samples)
	facts.PictureWidth, facts.PictureHeight = r.o.Width, r.o.Height
	return facts, nil
}

// Render writes the files that the task asks for.
func (r *Renderer) Render(ctx context.Context, t blender.Task, progress func(blender.Progress)) (blender.Result, error) {
	if !r.open {
		return blender.Result{}, &blender.Error{Kind: blender.NotOpened, Message: "no scene is open"}
	}
	if r.o.Render != nil {
		if err := r.o.Render(ctx, t, r.writer()); err != nil {
			return blender.Result{}, r.fail(err)
		}
	}
	const steps = 4
	took := r.time(&t)
	for i := range steps {
		if !r.o.Quiet {
			text := fmt.Sprintf("Scene, ViewLayer | Sample %d/%d", i, steps)
			r.say(fmt.Sprintf("Fra:%d Mem:1.00M | %s\n", t.Frame, text))
			left := took * time.Duration(steps-i) / steps
			progress(blender.Progress{Frame: t.Frame, Sample: i, Samples: steps, Remaining: left, Text: text})
		}
		if err := r.wait(ctx, took/steps); err != nil {
			return blender.Result{}, err
		}
	}
	result, err := r.write(t)
	if err != nil {
		return blender.Result{}, &blender.Error{Kind: blender.NoSpace, Message: err.Error()}
	}
	if !r.o.Quiet {
		r.say(fmt.Sprintf("Saved: frame %d\n", t.Frame))
	}
	return result, nil
}

// time is what a task takes.
func (r *Renderer) time(t *blender.Task) time.Duration {
	share := 1.0
	switch {
	case t.Film != "":
		return r.o.FrameTime
	case t.Finish != "":
		return r.o.FinishTime
	case !t.Tile.Empty():
		w := r.window(t)
		share = float64(w.Dx()*w.Dy()) / float64(r.o.Width*r.o.Height)
	case t.Percent > 0:
		share = float64(t.Percent*t.Percent) / 1e4
	case t.Samples.Count > 0:
		share = float64(t.Samples.Count) / float64(t.Samples.Total)
	}
	return time.Duration(share * float64(r.o.FrameTime))
}

// window is what is rendered for a tile.
func (r *Renderer) window(t *blender.Task) image.Rectangle {
	return t.Tile.Inset(-t.Overscan).Intersect(image.Rect(0, 0, r.o.Width, r.o.Height))
}

func (r *Renderer) write(t blender.Task) (blender.Result, error) {
	result := blender.Result{
		Seconds: r.o.FrameTime.Seconds(), Memory: r.o.Memory, PeakMemory: r.o.Memory,
		Warnings: r.o.Frame.Warnings, ScriptErrors: r.o.Frame.ScriptErrors,
	}
	if err := os.MkdirAll(t.OutDir, 0o700); err != nil {
		return result, err
	}
	mark, err := r.readCaches(t.Frame)
	if err != nil {
		return result, err
	}
	pic := Picture{mark, t.Frame, r.o.Width, r.o.Height}
	if !t.Tile.Empty() {
		window := r.window(&t)
		f, err := pic.tile(t.OutDir, window)
		result.Files, result.Window = []blender.File{f}, window
		return result, err
	}
	if t.Percent > 0 {
		result.Width, result.Height = max(1, r.o.Width*t.Percent/100), max(1, r.o.Height*t.Percent/100)
		result.Seconds = r.time(&t).Seconds()
		result.Render = result.Seconds
		return result, nil
	}
	if t.Samples.Count > 0 {
		f, err := pic.samples(t.OutDir, t.Samples)
		result.Files = []blender.File{f}
		return result, err
	}
	if t.Film != "" {
		f, err := film(t.OutDir, t.Film)
		result.Files = []blender.File{f}
		return result, err
	}
	if t.Finish != "" {
		if err := pic.is(t.Finish); err != nil {
			return result, err
		}
	}
	files, err := pic.Files(t.EXR != blender.EXRNone, t.Outputs, t.Preview)
	if err != nil {
		return result, err
	}
	for _, f := range files {
		path := filepath.Join(t.OutDir, f.Name)
		result.Files = append(result.Files, blender.File{Kind: f.Kind, Path: path, Name: f.Name, Size: int64(len(f.Bytes))})
		if err := os.WriteFile(path, f.Bytes, 0o600); err != nil {
			return result, err
		}
	}
	return result, nil
}

// wait waits for d, or until the session is killed or ctx ends.
func (r *Renderer) wait(ctx context.Context, d time.Duration) error {
	gone := &blender.Error{Kind: blender.Killed, Message: "Blender was stopped"}
	select {
	case <-ctx.Done():
		r.Kill()
		return gone
	case <-r.killed:
		return gone
	default:
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		r.Kill()
	case <-r.killed:
	}
	return gone
}

// fail passes the error of a hook on; a session that crashed is gone.
func (r *Renderer) fail(err error) error {
	if b, ok := err.(*blender.Error); ok && b.Kind == blender.Crashed { //nolint:errorlint // hooks return it bare
		r.Kill()
	}
	return err
}

// SetLog says where the fake's output goes.
func (r *Renderer) SetLog(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log = w; w == nil {
		r.log = io.Discard
	}
}

func (r *Renderer) writer() io.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log
}

func (r *Renderer) say(text string) { _, _ = io.WriteString(r.writer(), text) }

// Root is no process at all.
func (r *Renderer) Root() int { return 0 }

// Kill ends the session.
func (r *Renderer) Kill() { r.once.Do(func() { close(r.killed) }) }

// Close ends the session.
func (r *Renderer) Close() error {
	r.Kill()
	return nil
}
