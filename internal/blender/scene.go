package blender

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// reportPause is the least time between two calls of a progress function.
const reportPause = 250 * time.Millisecond

// Open loads a scene and maps its files. When ctx ends first the process is killed. An error of a kind marked "alive"
// leaves the session ready for another Open.
func (s *Session) Open(ctx context.Context, scene Scene) (SceneFacts, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	if !filepath.IsAbs(scene.Blend) {
		return SceneFacts{}, &Error{Kind: NoFile, Message: fmt.Sprintf("%q is not an absolute path", scene.Blend)}
	}
	var facts SceneFacts
	err := s.call(ctx, map[string]any{
		"verb": "open", "blend": scene.Blend, "original": scene.Original, "files": scene.Files,
		"scripts": scene.Scripts, "name": scene.Name, "camera": scene.Camera, "layers": scene.Layers,
		"engine": scene.Engine, "baked": scene.Baked,
		"in_order": scene.InOrder, "until": scene.Until,
	}, &facts)
	if err != nil {
		return SceneFacts{}, err
	}
	if warning := s.provideDisplay(ctx, facts.Engine); warning != "" {
		facts.Warnings = append(facts.Warnings, warning)
	}
	return facts, nil
}

// Render renders one frame. progress may be nil; it is called from another goroutine, one call at a time, never after
// Render has returned, and may take its time. When ctx ends first the process is killed: Blender cannot stop in the middle.
func (s *Session) Render(ctx context.Context, task Task, progress func(Progress)) (Result, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	if !filepath.IsAbs(task.OutDir) {
		return Result{}, &Error{Kind: NoSpace, Message: fmt.Sprintf("%q is not an absolute path", task.OutDir)}
	}
	if err := os.MkdirAll(task.OutDir, 0o700); err != nil {
		return Result{}, &Error{Kind: NoSpace, Message: "the folder for the results cannot be made: " + err.Error(), cause: err}
	}
	if task.EXR == "" {
		task.EXR = EXRNone
	}
	if !task.Outputs && !task.Preview && task.EXR == EXRNone && task.Film == "" {
		return Result{}, &Error{Kind: NoFrame, Message: "the task asks for no file at all"}
	}
	request, refused := task.request()
	if refused != nil {
		return Result{}, refused
	}
	stop := s.relay(task.Frame, progress)
	defer stop()
	var answer struct {
		Files    []File   `json:"files"`
		Warnings []string `json:"warnings"`
		Seconds  float64  `json:"seconds"`
		Render   float64  `json:"render"`
		EXR      float64  `json:"exr"`
		Preview  float64  `json:"preview"`
		Reopened bool     `json:"reopened"`
		Scripts  []string `json:"script_errors"`
		Memory   int64    `json:"memory"`
		Peak     int64    `json:"peak"`
		Window   []int    `json:"window"`
		Size     [2]int   `json:"size"`
	}
	if err := s.call(ctx, request, &answer); err != nil {
		return Result{}, err
	}
	if err := checkFiles(task, answer.Files); err != nil {
		return Result{}, s.withLog(err)
	}
	window, err := task.window(answer.Window)
	if err != nil {
		return Result{}, s.withLog(err)
	}
	return Result{
		Files: answer.Files, Warnings: answer.Warnings, ScriptErrors: answer.Scripts, Reopened: answer.Reopened,
		Seconds: answer.Seconds, Render: answer.Render, EXRSeconds: answer.EXR, Preview: answer.Preview,
		Memory: answer.Memory, PeakMemory: answer.Peak, Window: window, Width: answer.Size[0], Height: answer.Size[1],
	}, nil
}

// relay passes reports on to progress from a goroutine of its own, the newest only: a slow receiver never slows Blender.
func (s *Session) relay(frame int, progress func(Progress)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	newest := make(chan message, 1)
	take := func(m message) {
		for {
			select {
			case newest <- m:
				return
			default:
			}
			select {
			case <-newest:
			default:
			}
		}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	begun := time.Now()
	go func() {
		defer close(ended)
		for {
			select {
			case m := <-newest:
				p, _ := ParseStatus(m.Text)
				p.Frame = cmp.Or(m.Frame, frame)
				p.Memory, p.Peak = max(p.Memory, m.Memory), max(p.Peak, m.Peak)
				if p.Elapsed == 0 {
					p.Elapsed = time.Since(begun)
				}
				progress(p)
			case <-quit:
				return
			}
			select {
			case <-time.After(reportPause):
			case <-quit:
				return
			}
		}
	}()
	s.progress.Store(&take)
	return func() {
		s.progress.Store(nil)
		close(quit)
		<-ended
	}
}

// checkFiles believes no answer: every file asked for must be there, inside the folder.
func checkFiles(task Task, files []File) *Error {
	have := map[Kind]bool{}
	for i := range files {
		f := &files[i]
		inside, err := filepath.Rel(task.OutDir, f.Path)
		if err != nil || !filepath.IsLocal(inside) || !filepath.IsLocal(filepath.FromSlash(f.Name)) || strings.Contains(f.Name, "\\") {
			return &Error{Kind: BadTalk, Message: fmt.Sprintf("the result names a file outside its folder: %q as %q", f.Path, f.Name)}
		}
		info, err := os.Lstat(f.Path)
		if err != nil || !info.Mode().IsRegular() {
			return &Error{Kind: NoFrame, Message: fmt.Sprintf("Blender says it wrote %s, which is no file", f.Name)}
		}
		if info.Size() == 0 {
			return &Error{Kind: NoSpace, Message: fmt.Sprintf("Blender wrote nothing into %s", f.Name)}
		}
		if err := checkWhole(f.Path); err != nil {
			return &Error{Kind: NoSpace, Message: fmt.Sprintf("Blender wrote only a part of %s: perhaps the disk is full", f.Name), cause: err}
		}
		f.Size = info.Size()
		have[f.Kind] = true
	}
	alone := task.Preview && task.EXR == EXRNone && !task.Outputs // else a frame without its preview is one all the same
	for kind, asked := range map[Kind]bool{KindEXR: task.EXR != EXRNone, KindOutput: task.Outputs, KindPreview: alone, KindFilm: task.Film != ""} {
		if asked && !have[kind] {
			return &Error{Kind: NoFrame, Message: fmt.Sprintf("Blender ended frame %d without a word of error and wrote no %s file", task.Frame, kind)}
		}
	}
	return nil
}

func (s *Session) withLog(err *Error) error {
	err.Log = s.journal.words()
	return err
}

// provideDisplay starts a virtual display for an engine that was found to draw only there; a sentence when it cannot be had.
func (s *Session) provideDisplay(ctx context.Context, engine string) string {
	s.displayMu.Lock()
	have := s.display != nil
	s.displayMu.Unlock()
	if e, _ := s.opts.Install.engine(engine); !e.Virtual || have || !displayWanted(s.env) || s.opts.Xvfb == "none" {
		return ""
	}
	limit, cancel := context.WithTimeout(ctx, displayLimit)
	defer cancel()
	d, err := startDisplay(limit, s.opts.Runner, s.opts.Xvfb, s.tmp, s.env)
	if err != nil {
		return fmt.Sprintf("%s needs a display and there is none: %v", engine, err)
	}
	s.displayMu.Lock()
	gone := s.gone
	s.display = d
	s.displayMu.Unlock()
	if gone {
		d.close()
		return "Blender ended before it got its virtual display"
	}
	if err := s.call(ctx, map[string]any{"verb": "display", "DISPLAY": d.name, "XAUTHORITY": d.cookie}, &struct{}{}); err != nil {
		return "Blender does not take the virtual display: " + err.Error()
	}
	return ""
}
