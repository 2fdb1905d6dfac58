package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("more", (*app).benchVerb)

func (a *app) benchVerb() *cobra.Command {
	c := &cobra.Command{Use: "bench", Short: "Measure a master on this machine", Long: `Measure a master on this machine. Each measurement starts a master of its own, as a process of its own, with a
database on disk in a temporary folder, and speaks to it over HTTP on loopback.`}
	c.AddCommand(a.benchDispatch(), a.benchIdle(), a.benchStart(), a.benchRender(), a.benchProject(), a.benchSaves())
	return c
}

// subject is the master that is measured.
type subject struct {
	proc   *os.Process
	data   string
	url    string
	token  string
	client *wire.Client
	keep   bool
}

// startSubject starts a master as a process of its own.
func (a *app) startSubject(ctx context.Context, data string) (*subject, error) {
	s := &subject{data: data}
	if data == "" {
		dir, err := os.MkdirTemp("", "netrender-bench-*")
		if err != nil {
			return nil, err
		}
		s.data = dir
	} else {
		s.keep = true
	}
	return s, s.launch(ctx)
}

func (s *subject) launch(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.data, runningFile))
	s.proc, err = os.StartProcess(self, []string{self, "master", "--data", s.data, "--listen", "127.0.0.1:0", "--quiet-network"},
		&os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, nil, nil}})
	if err != nil {
		return err
	}
	b := app{streams: streams{err: os.Stderr}, settings: settings{data: s.data}}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		if m, ok := b.localMaster(ctx); ok {
			s.url = m.URL
			break
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.stop()
			return farm.Errorf(farm.Internal, "the master that was to be measured did not start")
		}
	}
	text, err := os.ReadFile(filepath.Join(s.data, adminTokenFile))
	if err != nil {
		return err
	}
	s.token = strings.TrimSpace(string(text))
	s.client, err = wire.NewClient(s.url, s.token, wire.Options{Program: version})
	return err
}

// stop ends the master and returns what it used.
func (s *subject) stop() *os.ProcessState {
	_ = s.proc.Signal(syscall.SIGTERM)
	st, _ := s.proc.Wait()
	if !s.keep {
		_ = os.RemoveAll(s.data)
	}
	return st
}

// job submits a job of n frames that needs no files' bytes: its scene is a few bytes, and it asks for no results.
func (s *subject) job(ctx context.Context, n int) (farm.Job, time.Duration, error) {
	scene := []byte("not a scene: a benchmark")
	ref, err := s.put(ctx, scene)
	if err != nil {
		return farm.Job{}, 0, err
	}
	began := time.Now()
	reply, err := s.client.Submit(ctx, farm.JobSpec{Name: "bench", Blend: "bench.blend", Options: farm.Options{EXR: "none"}, Frames: farm.FrameRange(1, min(n, farm.MaxFrame), 1)},
		[]farm.File{{Path: "bench.blend", Original: "/bench.blend", Size: int64(len(scene)), Ref: ref}})
	if err != nil {
		return farm.Job{}, 0, err
	}
	return reply.Job, time.Since(began), nil
}

// usage is what a process has used so far.
type usage struct {
	cpu  time.Duration
	rss  int64 // bytes now
	peak int64
}

// latencies gathers durations.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	l.all = append(l.all, d)
	l.mu.Unlock()
}

func (l *latencies) at(share float64) float64 {
	if len(l.all) == 0 {
		return 0
	}
	slices.Sort(l.all)
	return float64(l.all[int(share*float64(len(l.all)-1))].Microseconds()) / 1000
}

type dispatchResult struct {
	Workers   int     `json:"workers"`
	Tasks     int     `json:"tasks"`
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"tasks_per_second"`
	ClaimP50  float64 `json:"claim_p50_ms"`
	ClaimP99  float64 `json:"claim_p99_ms"`
	ReportP50 float64 `json:"report_p50_ms"`
	ReportP99 float64 `json:"report_p99_ms"`
	CPU       float64 `json:"master_cpu_ms_per_task"`
	Peak      float64 `json:"master_peak_rss_mb"`
	Accept    float64 `json:"job_accepted_ms"`
	Cores     int     `json:"cores"`
}

func (a *app) benchDispatch() *cobra.Command {
	var workers, tasks, probes int
	c := &cobra.Command{
		Use: "dispatch", Short: "Simulated workers claim and report one-frame tasks; every report is durable", Args: cobra.NoArgs,
		Long: `Simulated workers claim and report one-frame tasks over HTTP; every report is durable before it is answered. All
workers but the probes report and ask for the next lease in one call, as real ones may; the probes claim and report in
calls of their own, and the figures for claims and reports are theirs. A short job warms the master up first.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := a.startSubject(ctx, "")
			if err != nil {
				return err
			}
			r := dispatchResult{Workers: workers, Tasks: tasks, Cores: runtime.NumCPU()}
			err = s.dispatch(ctx, &r, probes)
			s.stop()
			if err != nil {
				return err
			}
			if a.json {
				return a.print(r)
			}
			fmt.Fprintf(a.out, `%d workers, %d tasks on %d cores, load generator on the same machine
  %.0f tasks/s
  claim   p50 %.1f ms, p99 %.1f ms
  report  p50 %.1f ms, p99 %.1f ms
  master  %.3f ms of CPU a task, peak memory %.0f MB
  the job was accepted in %.0f ms
`, r.Workers, r.Tasks, r.Cores, r.Rate, r.ClaimP50, r.ClaimP99, r.ReportP50, r.ReportP99, r.CPU, r.Peak, r.Accept)
			return nil
		},
	}
	c.Flags().IntVar(&workers, "workers", 64, "simulated workers")
	c.Flags().IntVar(&tasks, "tasks", 20000, "one-frame tasks in all")
	c.Flags().IntVar(&probes, "probes", 4, "workers that claim and report separately")
	return c
}

func (s *subject) register(ctx context.Context, n int) (farm.WorkerID, error) {
	id := farm.WorkerID(fmt.Sprintf("bench-worker-%05d", n))
	_, err := s.client.Register(ctx, farm.Registration{
		Protocol: farm.Protocol,
		ID:       id, Name: fmt.Sprintf("bench-%d", n), Slots: 1,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 99}}}, Program: version},
	})
	return id, err
}

func (s *subject) dispatch(ctx context.Context, r *dispatchResult, probes int) error {
	ids := make([]farm.WorkerID, r.Workers)
	for i := range ids {
		var err error
		if ids[i], err = s.register(ctx, i); err != nil {
			return err
		}
	}
	// Connections, prepared statements and what a program loads once are no cost of a task.
	if _, err := s.rush(ctx, ids, probes, 20*r.Workers, &dispatchResult{}); err != nil {
		return err
	}
	before, err := usageOf(s.proc.Pid)
	if err != nil {
		return err
	}
	took, err := s.rush(ctx, ids, probes, r.Tasks, r)
	if err != nil {
		return err
	}
	after, err := usageOf(s.proc.Pid)
	if err != nil {
		return err
	}
	r.Seconds, r.Rate = took.Seconds(), float64(r.Tasks)/took.Seconds()
	r.CPU = float64((after.cpu - before.cpu).Microseconds()) / 1000 / float64(r.Tasks)
	r.Peak = float64(after.peak) / 1e6
	return nil
}

// rush submits tasks one-frame tasks and has the workers do them all; it returns how long they took and sets the
// latencies of r.
func (s *subject) rush(ctx context.Context, ids []farm.WorkerID, probes, tasks int, r *dispatchResult) (time.Duration, error) {
	for left := tasks; left > 0; left -= farm.MaxFrame {
		_, took, err := s.job(ctx, left)
		if err != nil {
			return 0, err
		}
		r.Accept = max(r.Accept, float64(took.Microseconds())/1000)
	}
	var done atomic.Int64
	var claims, reports latencies
	var wg sync.WaitGroup
	errs := make(chan error, len(ids))
	began := time.Now()
	for i, id := range ids {
		wg.Go(func() {
			if err := s.simulate(ctx, id, i < probes, &done, &claims, &reports); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	close(errs)
	if err := <-errs; err != nil {
		return 0, err
	}
	if int(done.Load()) != tasks {
		return 0, farm.Errorf(farm.Internal, "%d of %d tasks were accepted", done.Load(), tasks)
	}
	r.ClaimP50, r.ClaimP99 = claims.at(0.5), claims.at(0.99)
	r.ReportP50, r.ReportP99 = reports.at(0.5), reports.at(0.99)
	return took, nil
}

// simulate is a worker that renders in no time.
func (s *subject) simulate(ctx context.Context, id farm.WorkerID, probe bool, done *atomic.Int64, claims, reports *latencies) error {
	wish := farm.Wish{Worker: id}
	timed := func(l *latencies, began time.Time) {
		if probe {
			l.add(time.Since(began))
		}
	}
	began := time.Now()
	grant, err := s.client.Claim(ctx, wish)
	timed(claims, began)
	for err == nil && grant != nil {
		request := wire.ReportRequest{Reports: make([]farm.Report, 0, 1)}
		for _, f := range grant.Lease.Frames {
			request.Reports = append(request.Reports, farm.Report{
				Lease: grant.Lease.ID, Worker: id, Job: grant.Lease.Job, Frame: f, Attempt: grant.Lease.Attempt, Outcome: farm.Rendered, Seconds: 1,
			})
		}
		if !probe {
			request.Wish = &wish
		}
		began = time.Now()
		var reply wire.ReportReply
		if reply, err = s.client.Report(ctx, request); err != nil {
			return err
		}
		timed(reports, began)
		for _, v := range reply.Verdicts {
			if !v.Accepted {
				return farm.Errorf(farm.Internal, "a report was not accepted: %s", v.Reason)
			}
			done.Add(1)
		}
		grant = reply.Grant
		if probe {
			began = time.Now()
			grant, err = s.client.Claim(ctx, wish)
			timed(claims, began)
		}
	}
	return err
}
