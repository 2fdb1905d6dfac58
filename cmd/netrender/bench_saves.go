package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// passage is a file's way over the line.
type passage struct {
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"` // both ways
}

type savesResult struct {
	Old      int64   `json:"old_bytes"`
	New      int64   `json:"new_bytes"`
	Line     int     `json:"mbit_per_second"`
	SendOld  passage `json:"send_old"`
	SendNew  passage `json:"send_new"`
	FetchOld passage `json:"fetch_old"`
	FetchNew passage `json:"fetch_new"`
}

func (a *app) benchSaves() *cobra.Command {
	line := 1000
	var dir string
	c := &cobra.Command{
		Use: "saves OLD NEW", Short: "Sending two saves of a scene, one after the other, and a worker fetching them", Args: cobra.ExactArgs(2),
		Long: `Sending two saves of a scene, or of any large file, one after the other, and a worker fetching them, over a line of a
given speed to each of them. The disk needs twice the size of both for a while. Seconds of sending hold no hashing of the whole file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if line < 1 {
				return farm.Errorf(farm.Invalid, "--mbit is a whole number of 1 or more, not %d", line)
			}
			scratch, err := os.MkdirTemp(dir, "netrender-bench-*")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch)
			r := savesResult{Line: line}
			if err := a.measureSaves(cmd.Context(), scratch, args[0], args[1], &r); err != nil {
				return err
			}
			if a.json {
				return a.print(r)
			}
			row := func(what string, p passage, size int64) {
				fmt.Fprintf(a.out, "  %-15s %6.1f s, %6.2f %% of %.1f MB crossed the line\n", what, p.Seconds, 100*float64(p.Bytes)/float64(size), float64(size)/1e6)
			}
			fmt.Fprintf(a.out, "a line of %d Mbit/s\n", line)
			row("OLD is sent", r.SendOld, r.Old)
			row("NEW is sent", r.SendNew, r.New)
			row("OLD is fetched", r.FetchOld, r.Old)
			row("NEW is fetched", r.FetchNew, r.New)
			return nil
		},
	}
	c.Flags().IntVar(&line, "mbit", line, "speed of the line, in Mbit/s")
	c.Flags().StringVar(&dir, "dir", "", "where to make the master's data and the worker's (default: the folder for temporary files)")
	return c
}

func (a *app) measureSaves(ctx context.Context, scratch, older, newer string, r *savesResult) error {
	s, err := a.startSubject(ctx, filepath.Join(scratch, "master"))
	if err != nil {
		return err
	}
	defer s.stop()
	up, err := newLine(strings.TrimPrefix(s.url, "http://"), r.Line)
	if err != nil {
		return err
	}
	defer up.Close()
	down, err := newLine(strings.TrimPrefix(s.url, "http://"), r.Line)
	if err != nil {
		return err
	}
	defer down.Close()
	sender, err := wire.NewClient(up.url(), s.token, wire.Options{Program: version})
	if err != nil {
		return err
	}
	var worker *os.Process
	defer func() {
		if worker != nil {
			_ = worker.Kill()
			_, _ = worker.Wait()
		}
	}()
	for i, name := range []string{older, newer} {
		info, err := blob.HashFile(ctx, name)
		if err != nil {
			return err
		}
		size, send, fetch := &r.Old, &r.SendOld, &r.FetchOld
		if i == 1 {
			size, send, fetch = &r.New, &r.SendNew, &r.FetchNew
		}
		*size = info.Size
		reply, err := s.client.Submit(ctx, farm.JobSpec{Name: "bench", Blend: "bench.blend", Frames: farm.Frames(1), Options: farm.Options{EXR: "none", Outputs: true}},
			[]farm.File{{Path: "bench.blend", Original: "/bench.blend", Size: info.Size, Ref: info.Ref.String()}})
		if err != nil {
			return err
		}
		began, was := time.Now(), up.moved.Load()
		if err := sender.UploadFile(ctx, name, info.Ref.String(), nil); err != nil {
			return err
		}
		*send = passage{time.Since(began).Seconds(), up.moved.Load() - was}
		was = down.moved.Load()
		if worker == nil {
			if worker, err = startBenchWorker(down.url(), s.token, filepath.Join(scratch, "worker")); err != nil {
				return err
			}
		}
		if fetch.Seconds, err = s.renderTime(ctx, reply.Job.ID); err != nil {
			return err
		}
		fetch.Bytes = down.moved.Load() - was
		for _, blobs := range []string{filepath.Join(s.data, masterDir, blobsDir), filepath.Join(scratch, "worker", "worker", "cache")} {
			for _, err = os.Stat(filepath.Join(blobs, "chunks", info.Ref.String())); err != nil && info.Size >= blob.ChunkFrom; time.Sleep(20 * time.Millisecond) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				_, err = os.Stat(filepath.Join(blobs, "chunks", info.Ref.String()))
			}
		}
	}
	return nil
}

// renderTime waits for a job's end and returns the seconds since it was first leased.
func (s *subject) renderTime(ctx context.Context, id farm.JobID) (float64, error) {
	for {
		j, err := s.client.Job(ctx, id)
		switch {
		case err != nil:
			return 0, err
		case j.State == farm.Done:
			return j.Ended.Sub(j.Started).Seconds(), nil
		case j.State.Ended():
			return 0, farm.Errorf(farm.Internal, "the job is %s: %s", j.State, j.Reason)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// slowLine carries connections to a master at the speed of a network, and counts what crosses it.
type slowLine struct {
	net.Listener
	to    string
	rate  float64 // bytes a second, each way
	moved atomic.Int64
	free  [2]lane
}

type lane struct {
	mu sync.Mutex
	at time.Time // when it is free again
}

func newLine(to string, mbit int) (*slowLine, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &slowLine{Listener: l, to: to, rate: float64(mbit) * 1e6 / 8}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go s.carry(near, far, &s.free[0])
			go s.carry(far, near, &s.free[1])
		}
	}()
	return s, nil
}

func (s *slowLine) url() string { return "http://" + s.Addr().String() }

func (s *slowLine) carry(from, to net.Conn, way *lane) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		s.moved.Add(int64(n))
		way.mu.Lock()
		if now := time.Now(); way.at.Before(now) {
			way.at = now
		}
		way.at = way.at.Add(time.Duration(float64(n) / s.rate * float64(time.Second)))
		at := way.at
		way.mu.Unlock()
		time.Sleep(time.Until(at))
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			return
		}
	}
}
