package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	nr "github.com/netrender/netrender/internal/farm"
)

// ends waits for a job's end and returns what `netrender job` says of it.
func (f *farm) ends(job nr.Job) (state, text string) {
	f.t.Helper()
	eventually(f.t, 2*time.Minute, "the job ends", func() bool {
		state = f.job(job.ID.String()).State
		return state == "done" || state == "failed"
	})
	return state, f.ok("job", job.ID.String())
}

// onlyOn is a job for one worker, whose frames fail at the first try.
func onlyOn(name string) func(*nr.JobSpec) {
	return func(s *nr.JobSpec) {
		s.Needs.Allow, s.Attempts, s.Key, s.Name = []string{name}, 1, s.Key+name, name
	}
}

// TestStrangeBlenders: whatever a Blender does instead of rendering, whoever asks for the job is told in a sentence.
func TestStrangeBlenders(t *testing.T) {
	f := startFarm(t)
	for _, c := range []struct {
		mode  string
		flags []string
		want  string // in the error
	}{
		{"hangs", []string{"--hang-timeout", "2s"}, "Blender showed no sign of life for 2 seconds and was stopped"},
		{"slow", []string{"--frame-timeout", "2s"}, "the frame took longer than this worker's limit of 2 seconds"},
		{"greedy", []string{"--memory-limit", "500MB"}, "of memory, more than this worker's limit of 500 MB, and was stopped"},
		{"crashes", nil, "Blender crashed (signal 11)"},
		{"leaves", nil, "Blender ended by itself without an error; its last words: Blender quit"},
		{"nothing", nil, "Blender ended frame 1 without a word of error and wrote no "},
	} {
		t.Run(c.mode, func(t *testing.T) {
			f := &farm{t: t, data: f.data, port: f.port, url: f.url, proc: f.proc}
			w := f.worker(c.mode, append([]string{"--blender", strange(t, c.mode)}, c.flags...)...)
			job := f.submitFake("1", onlyOn(c.mode))
			state, text := f.ends(job)
			if state != "failed" || !strings.Contains(text, "frame 1, attempt 1: ") || !strings.Contains(text, c.want) {
				t.Errorf("%q is not in\n%s", c.want, text)
			}
			// Who waits for the frames is told, too.
			_, errs, code := f.run("fetch", job.ID.String(), "--follow", "-o", t.TempDir())
			if code != 1 || !strings.Contains(errs, "netrender: job ") {
				t.Errorf("fetch: exit %d\n%s", code, errs)
			}
			if why := f.ok("job", job.ID.String(), "--json"); !strings.Contains(why, `"install":"99.0.0"`) {
				t.Errorf("the attempt does not name its Blender: %s", why)
			}
			w.kill()
		})
	}
}

// TestBlendersThatTalkTooMuch: a log of any bytes and any length costs neither frames nor memory nor disk.
func TestBlendersThatTalkTooMuch(t *testing.T) {
	f := startFarm(t)
	for _, c := range []struct {
		mode  string
		whole int // most bytes of log that are kept
		want  []string
	}{
		{"bytes", 1000, []string{"caf\uFFFD \uFFFD"}},
		{"noisy", 5 << 20, []string{"first words\nthis line", "any more\nthis line is printed", "bytes left out", "last words"}},
		{"endless", 20 << 10, []string{"no end no end", "bytes of this line were cut"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			f := &farm{t: t, data: f.data, port: f.port, url: f.url, proc: f.proc}
			w := f.worker(c.mode, "--blender", strange(t, c.mode))
			job := f.submitFake("1-2", onlyOn(c.mode))
			began := time.Now()
			state, text := f.ends(job)
			if state != "done" {
				t.Fatalf("the job is %s\n%s", state, text)
			}
			t.Logf("two frames with their logs took %s", time.Since(began).Round(time.Second/10))
			log := f.ok("logs", job.ID.String(), "-f", "1")
			for _, want := range c.want {
				if !strings.Contains(log, want) {
					t.Errorf("%q is not in the log of %d bytes: %s ... %s", want, len(log), log[:min(300, len(log))], tail(log, 300))
				}
			}
			if len(log) > c.whole || !utf8.ValidString(log) {
				t.Errorf("the log has %d bytes; valid: %t", len(log), utf8.ValidString(log))
			}
			for _, p := range map[string]*proc{"worker": w, "master": f.proc} {
				if peak := peakMemory(t, p); peak > 250<<20 {
					t.Errorf("netrender %s took %d MB", strings.Join(p.cmd.Args[1:2], " "), peak>>20)
				}
			}
			w.kill()
		})
	}
}

// peakMemory is the most that a process has held, in bytes, see proc(5); 0 where the system does not say.
func peakMemory(t *testing.T, p *proc) (kilobytes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(line, &kilobytes); err != nil {
		t.Error(err)
	}
	return kilobytes << 10
}

// TestLogThatCannotBeKept: a master whose folder of logs is broken takes the frames all the same.
func TestLogThatCannotBeKept(t *testing.T) {
	f := startFarm(t)
	logs := filepath.Join(f.data, "master", "logs")
	if err := os.RemoveAll(logs); err != nil {
		t.Fatal(err)
	}
	write(t, logs, []byte("this is no folder"))
	f.worker("oak", "--blender", strange(t, "noisy"))
	if state, text := f.ends(f.submitFake("1-2", onlyOn("oak"))); state != "done" {
		t.Errorf("the job is %s\n%s", state, text)
	}
}

// TestEnginesThatDoNotWork: a worker is not given what its Blender cannot render, and the farm says so.
func TestEnginesThatDoNotWork(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--blender", strange(t, "fine"))
	f.worker("elm", "--blender", strange(t, "draws"))
	eventually(t, 30*time.Second, "the workers are there", func() bool {
		list := f.ok("workers")
		return strings.Contains(list, "oak") && strings.Contains(list, "elm")
	})
	for _, engine := range []string{"BLENDER_EEVEE", "BLENDER_WORKBENCH"} {
		job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Needs.Engine, s.Key = engine, s.Key+engine })
		why := f.ok("job", job.ID.String(), "--why")
		if !strings.Contains(why, "elm, oak: this worker may not: its Blender cannot render with "+engine) {
			t.Errorf("it does not say that nobody can render with %s:\n%s", engine, why)
		}
	}
	// What one of them can render is done meanwhile, by that one.
	job := f.submitFake("1-3", func(s *nr.JobSpec) { s.Needs.Engine, s.Key = "CYCLES", s.Key+"CYCLES" })
	if state, text := f.ends(job); state != "done" {
		t.Errorf("the job is %s\n%s", state, text)
	}
	if why := f.ok("job", "1", "--why"); f.job("1").State != "queued" {
		t.Errorf("a frame was handed out that nobody can render\n%s", why)
	}
}

// TestWarningsReachTheArtist: what may be wrong with the pictures is told with them, once.
func TestWarningsReachTheArtist(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", "--blender", strange(t, "warns"))
	job := f.submitFake("1-3", onlyOn("oak"))
	_, errs, code := f.run("fetch", job.ID.String(), "--follow", "-o", t.TempDir())
	sentences := []string{
		"the scene's file /home/artist/sky.png was not there", "the File Output node Mist wrote no file",
		"the script turn.py raised NameError (name 'x' is not defined) in line 6",
	}
	text := f.ok("job", job.ID.String())
	for _, s := range sentences {
		if strings.Count(errs, "warning: "+s+" (frame ") != 1 || code != 0 {
			t.Errorf("exit %d, %q is not there once in\n%s", code, s, errs)
		}
		if !strings.Contains(text, s+" (3 frames, the first is 1)") {
			t.Errorf("%q is not in\n%s", s, text)
		}
	}
	strict := f.submitFake("1-3", onlyOn("oak"), func(s *nr.JobSpec) {
		s.Options.FailOnScriptError, s.Key = true, s.Key+"strict"
	})
	if state, text := f.ends(strict); state != "failed" || !strings.Contains(text, "attempt 1: "+sentences[2]) {
		t.Errorf("the job is %s\n%s", state, text)
	}
}

// TestWhatScriptsRaiseIsTold is the same with a real Blender.
func TestWhatScriptsRaiseIsTold(t *testing.T) {
	blend := copyOf(t, "tiny.blend")
	script := filepath.Join(t.TempDir(), "script.py")
	write(t, script, []byte(`import bpy
text = bpy.data.texts.new("turn.py")
text.write("import bpy\nbpy.data.objects['nobody'].hide_render = True\n")
text.use_module = True
curve = bpy.context.scene.camera.driver_add("location", 2)
curve.driver.expression = "nosuch(frame)"
bpy.ops.wm.save_mainfile()
`))
	python(t, blenders(t)[0], blend, script)
	f := startFarm(t)
	blenderWorker(t, f, "--scripts")
	render := func(flags ...string) (string, int) {
		_, errs, code := f.run(append([]string{"render", "--data", sharedData(), blend, "-f", "1-2", "-o", t.TempDir(), "--scripts"}, flags...)...)
		return errs, code
	}
	raised := "the script turn.py raised KeyError ("
	errs, code := render()
	if code != 0 || strings.Count(errs, "warning: "+raised) != 1 || !strings.Contains(errs, "fails: nosuch(frame)") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	errs, code = render("--fail-on-script-error")
	if code != 1 || !strings.Contains(errs, "failed: ") || !strings.Contains(errs, "be rendered: "+raised) {
		t.Errorf("with --fail-on-script-error: exit %d\n%s", code, errs)
	}
}
