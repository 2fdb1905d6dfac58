package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

type projectResult struct {
	Bytes      int64   `json:"bytes"`
	Files      int     `json:"files"`
	SHA256Sum  float64 `json:"sha256sum_mb_per_second"` // 0: there is no such program here
	Hash       float64 `json:"hash_mb_per_second"`
	Upload     float64 `json:"upload_mb_per_second"` // hashing the files included
	Download   float64 `json:"download_mb_per_second"`
	SecondTime float64 `json:"second_submit_seconds"`
}

func (a *app) benchProject() *cobra.Command {
	var size, dir string
	var files int
	c := &cobra.Command{
		Use: "project", Short: "Sending a large project to a master, once and once more, and a worker fetching it", Args: cobra.NoArgs,
		Long: `Sending a large project to a master, once and once more, and a worker fetching it; beside it sha256sum over the same files.
The files' bytes do not compress. The disk needs four times the project's size for a while.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bytes, err := parseSize(size)
			if err != nil {
				return err
			}
			if files < 1 || bytes < int64(files) {
				return farm.Errorf(farm.Invalid, "there must be a file and a byte for each at least")
			}
			scratch, err := os.MkdirTemp(dir, "netrender-bench-*")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch)
			r := projectResult{Bytes: bytes, Files: files}
			if err := a.measureProject(cmd.Context(), scratch, &r); err != nil {
				return err
			}
			if a.json {
				return a.print(r)
			}
			fmt.Fprintf(a.out, `%.1f GB in %d files
  sha256sum      %.0f MB/s, on all cores
  hashing        %.0f MB/s, on all cores
  first submit   %.0f MB/s, hashing included
  a worker's fetch  %.0f MB/s
  second submit  %.2f s
`, float64(r.Bytes)/1e9, r.Files, r.SHA256Sum, r.Hash, r.Upload, r.Download, r.SecondTime)
			return nil
		},
	}
	c.Flags().StringVar(&size, "size", "4GB", "the project's size")
	c.Flags().IntVar(&files, "files", 40, "files it has")
	c.Flags().StringVar(&dir, "dir", "", "where to make the project, the master's data and the worker's (default: the folder for temporary files)")
	return c
}

func (a *app) measureProject(ctx context.Context, scratch string, r *projectResult) error {
	blend, paths, err := makeProject(filepath.Join(scratch, "project"), r.Bytes, r.Files)
	if err != nil {
		return err
	}
	rate := func(began time.Time) float64 { return float64(r.Bytes) / 1e6 / time.Since(began).Seconds() }
	cores := runtime.NumCPU()
	began := time.Now()
	if sumOnAllCores(ctx, paths, cores) == nil {
		r.SHA256Sum = rate(began)
	}
	began = time.Now()
	if err := blob.HashFiles(ctx, paths, cores, nil, func(blob.Hashed) {}); err != nil {
		return err
	}
	r.Hash = rate(began)

	s, err := a.startSubject(ctx, filepath.Join(scratch, "master"))
	if err != nil {
		return err
	}
	defer s.stop()
	began = time.Now()
	job, err := s.submit(ctx, scratch, blend, paths)
	if err != nil {
		return err
	}
	r.Upload = rate(began)
	if job.State != farm.Queued {
		return farm.Errorf(farm.Internal, "the job is %s after its files were sent", job.State)
	}
	began = time.Now()
	again, err := s.submit(ctx, scratch, blend, paths)
	if err != nil {
		return err
	}
	r.SecondTime = time.Since(began).Seconds()
	if _, err := s.client.CancelJob(ctx, again.ID); err != nil {
		return err
	}
	r.Download, err = s.workerFetch(ctx, scratch, job.ID, r.Bytes)
	return err
}

// sumOnAllCores runs sha256sum over files, as many at once as there are cores.
func sumOnAllCores(ctx context.Context, paths []string, cores int) error {
	var wg sync.WaitGroup
	errs := make(chan error, cores)
	for part := range slices.Chunk(paths, (len(paths)+cores-1)/cores) {
		wg.Go(func() { errs <- runOnce(ctx, nil, "sha256sum", part...) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// makeProject writes files of random bytes; the first is the scene.
func makeProject(dir string, size int64, files int) (blend string, paths []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	noise := rand.NewChaCha8([32]byte{1})
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("texture-%03d.exr", i))
		if i == 0 {
			path = filepath.Join(dir, "scene.blend")
			blend = path
		}
		f, err := os.Create(path)
		if err != nil {
			return "", nil, err
		}
		if _, err = io.CopyN(f, noise, size/int64(files)); err != nil {
			return "", nil, err
		}
		if err := f.Close(); err != nil {
			return "", nil, err
		}
		paths = append(paths, path)
	}
	return blend, paths, nil
}

// submit plans and sends a job of one frame as netrender submit does, but for Blender: what the scene needs is told here.
func (s *subject) submit(ctx context.Context, scratch, blend string, paths []string) (farm.Job, error) {
	hashes := blob.OpenHashCache(filepath.Join(scratch, "hashes"), time.Now)
	plan, err := client.NewPlan(ctx, client.PlanOptions{
		Blend: blend, Spec: farm.JobSpec{Frames: farm.Frames(1), Options: farm.Options{EXR: "full"}}, Hashes: hashes, Home: scratch,
		Read: func(context.Context, string) (client.Scene, error) {
			scene := client.Scene{Frames: farm.Frames(1), Engine: "CYCLES", Camera: "Camera", Saved: farm.Version{Major: 3}, OutDir: scratch}
			for _, p := range paths[1:] {
				scene.Files = append(scene.Files, client.SceneFile{Path: p, Kind: "image"})
			}
			return scene, nil
		},
	})
	if err != nil {
		return farm.Job{}, err
	}
	if err := hashes.Save(); err != nil {
		return farm.Job{}, err
	}
	return client.Submit(ctx, s.client, plan, nil)
}

// workerFetch starts a worker without Blender and returns the MB a second from its lease to the frame's end.
func (s *subject) workerFetch(ctx context.Context, scratch string, job farm.JobID, size int64) (float64, error) {
	w, err := startBenchWorker(s.url, s.token, filepath.Join(scratch, "worker"))
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = w.Kill()
		_, _ = w.Wait()
	}()
	seconds, err := s.renderTime(ctx, job)
	return float64(size) / 1e6 / seconds, err
}

// startBenchWorker starts a worker without Blender as a process of its own.
func startBenchWorker(url, token, data string) (*os.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), "NETRENDER_MASTER="+url, "NETRENDER_TOKEN="+token)
	return launch(env, self, "worker", "--data", data, "--name", "bench", "--fake-renderer", "1ms")
}
