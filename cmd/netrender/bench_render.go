package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
)

type renderResult struct {
	Frames  int         `json:"frames"`
	Threads int         `json:"threads"`
	Rounds  int         `json:"rounds"`
	Blender float64     `json:"blender_seconds"` // one blender -b FILE -a
	Farm    []farmTimes `json:"farm"`
}

// farmTimes is what a job took, in seconds (medians of the rounds), and its share of one Blender's time and of one worker's.
type farmTimes struct {
	Workers   int     `json:"workers"`
	Job       float64 `json:"job_seconds"`   // from accepted to the last frame on the master
	Whole     float64 `json:"whole_seconds"` // of the command: the scene read, sent, rendered and fetched
	OfBlender float64 `json:"job_of_blender"`
	WholeOf   float64 `json:"whole_of_blender"`
	OfOne     float64 `json:"job_of_one_worker"`
}

func (a *app) benchRender() *cobra.Command {
	var first, last, threads, most, rounds int
	var blender string
	c := &cobra.Command{
		Use: "render FILE.blend", Short: "The same frames by one Blender and by farms of one worker, two workers ...", Args: cobra.ExactArgs(1),
		Long: `The same frames by one Blender (blender -b FILE -a) and by farms of one worker, two workers and so on, all on this
machine. The farm writes what Blender writes and nothing else (no EXR of its own, no preview). Workers are up before a job is
sent and have no scene open. A scene with File Output nodes writes to their folders.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			blend, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			r := renderResult{Frames: last - first + 1, Threads: threads, Rounds: rounds}
			if r.Frames < 1 || most < 1 || rounds < 1 {
				return farm.Errorf(farm.Invalid, "there must be a frame, a worker and a round at least")
			}
			alone, jobs, wholes := make([]float64, rounds), make([][]float64, most), make([][]float64, most)
			for i := range rounds { // in turn, so that a slow minute of the machine hits all alike
				if alone[i], err = oneBlender(cmd.Context(), blender, blend, first, last, threads); err != nil {
					return err
				}
				a.say("one Blender: %.1f s", alone[i])
				for n := range most {
					job, whole, err := a.farmOf(cmd.Context(), n+1, blender, blend, first, last, threads)
					if err != nil {
						return err
					}
					jobs[n], wholes[n] = append(jobs[n], job), append(wholes[n], whole)
					a.say("a farm of %d: %.1f s; with the scene's reading, sending and fetching %.1f s", n+1, job, whole)
				}
			}
			r.Blender = median(alone)
			for n := range most {
				t := farmTimes{Workers: n + 1, Job: median(jobs[n]), Whole: median(wholes[n])}
				t.OfBlender, t.WholeOf, t.OfOne = t.Job/r.Blender, t.Whole/r.Blender, t.Job/median(jobs[0])
				r.Farm = append(r.Farm, t)
				a.say("%d of %d: %.3f x one Blender, %.3f x one worker; all in all %.3f x one Blender (medians)", n+1, most, t.OfBlender, t.OfOne, t.WholeOf)
			}
			if a.json {
				return a.print(r)
			}
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&first, "first", 1, "first frame")
	f.IntVar(&last, "last", 50, "last frame")
	f.IntVar(&threads, "threads", 1, "threads of every Blender")
	f.IntVar(&most, "workers", 2, "size of the largest farm")
	f.IntVar(&rounds, "rounds", 1, "how often to measure each; figures are medians")
	f.StringVar(&blender, "with", "blender", "Blender executable to render with")
	return c
}

func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format+"\n", args...)
	}
}

// oneBlender renders the frames without a farm.
func oneBlender(ctx context.Context, program, blend string, first, last, threads int) (float64, error) {
	dir, err := os.MkdirTemp("", "netrender-bench-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	err = runOnce(ctx, nil, program, "-b", "--factory-startup", "-t", strconv.Itoa(threads), blend, "-o", filepath.Join(dir, "frame_####"),
		"-s", strconv.Itoa(first), "-e", strconv.Itoa(last), "-a")
	return time.Since(began).Seconds(), err
}

// farmOf renders the frames on a master and workers of its own.
func (a *app) farmOf(ctx context.Context, workers int, program, blend string, first, last, threads int) (job, whole float64, err error) {
	s, err := a.startSubject(ctx, "")
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	env := append(os.Environ(), "NETRENDER_MASTER="+s.url, "NETRENDER_TOKEN="+s.token)
	for n := range workers {
		data := filepath.Join(s.data, fmt.Sprint("worker-", n))
		w, err := launch(env, self, "worker", "--data", data, "--name", fmt.Sprint("bench-", n), "--blender", program)
		if err != nil {
			return 0, 0, err
		}
		defer func() {
			_ = w.Kill()
			_, _ = w.Wait()
		}()
	}
	for waiting := 0; waiting < workers; time.Sleep(20 * time.Millisecond) {
		if waiting, err = s.waiting(ctx); err != nil {
			return 0, 0, err
		}
	}
	began := time.Now()
	err = runOnce(ctx, env, self, "render", blend, "--data", filepath.Join(s.data, "client"), "-o", filepath.Join(s.data, "frames"), "--blender", program,
		"-f", fmt.Sprintf("%d-%d", first, last), "--threads", strconv.Itoa(threads), "--exr", "none", "--no-preview")
	if err != nil {
		return 0, 0, err
	}
	whole = time.Since(began).Seconds()
	list, err := s.client.Jobs(ctx, farm.JobFilter{})
	if err != nil {
		return 0, 0, err
	}
	if len(list.Jobs) != 1 || list.Jobs[0].State != farm.Done {
		return 0, 0, farm.Errorf(farm.Internal, "the job did not end well")
	}
	return list.Jobs[0].Ended.Sub(list.Jobs[0].Created).Seconds(), whole, nil
}

// launch starts a program that says nothing.
//
// Where env names something twice the last one counts, so that what the bench says comes before the settings of whoever
// runs it.
func launch(env []string, program string, args ...string) (*os.Process, error) {
	at := make(map[string]int, len(env))
	var once []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if i, twice := at[name]; twice {
			once[i] = kv
			continue
		}
		at[name] = len(once)
		once = append(once, kv)
	}
	if env != nil {
		env = once
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	return os.StartProcess(path, append([]string{program}, args...), &os.ProcAttr{Env: env, Files: []*os.File{null, null, null}})
}

// runOnce runs a program to its end.
func runOnce(ctx context.Context, env []string, program string, args ...string) error {
	p, err := launch(env, program, args...)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = p.Kill() })()
	st, err := p.Wait()
	if err == nil && !st.Success() {
		err = farm.Errorf(farm.Internal, "%s ended with code %d", filepath.Base(program), st.ExitCode())
	}
	return err
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
