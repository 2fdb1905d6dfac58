package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
	"github.com/netrender/netrender/internal/worker/fake"
)

// TestMain is also the program that TestKillNine kills, a worker with a fake renderer, and the runner of real Blenders.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "child" {
		if err := child(os.Args[2], os.Args[3]); err != nil {
			panic(err)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "eat" {
		eat(os.Args[2])
	}
	if len(os.Args) > 1 && os.Args[1] == "run-tree" {
		os.Exit(blender.RunTree(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func child(url, dir string) error {
	c, err := wire.NewClient(url, "", wire.Options{})
	if err != nil {
		return err
	}
	w, err := worker.New(worker.Options{
		Master: c, Dir: dir, Name: "child", Installs: []blender.Install{fake.Install()}, Now: time.Now, MinFree: -1,
		NewRenderer: fake.New(fake.Options{FrameTime: 5 * time.Millisecond}),
	})
	if err != nil {
		return err
	}
	return w.Run(context.Background())
}

// serve puts the master behind HTTP, as far as a worker needs it.
func (m *fakeMaster) serve() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+wire.Root+path, func(w http.ResponseWriter, r *http.Request) {
			out, err := f(r)
			var away *wire.Unreachable
			switch {
			case errors.As(err, &away):
				panic(http.ErrAbortHandler)
			case err != nil:
				w.Header().Set("Content-Type", wire.ProblemType)
				w.WriteHeader(wire.Status(farm.KindOf(err)))
				_ = json.NewEncoder(w).Encode(wire.Problem{Kind: farm.KindOf(err), Detail: err.Error()})
			case out == nil:
				w.WriteHeader(http.StatusNoContent)
			default:
				if text, ok := out.([]byte); ok {
					_, _ = w.Write(text)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(out)
			}
		})
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n }
	handle("POST /workers", func(r *http.Request) (any, error) {
		var in farm.Registration
		_ = json.NewDecoder(r.Body).Decode(&in)
		return m.Register(r.Context(), in)
	})
	handle("POST /workers/{id}/heartbeat", func(r *http.Request) (any, error) {
		var in farm.Heartbeat
		_ = json.NewDecoder(r.Body).Decode(&in)
		return m.Heartbeat(r.Context(), farm.WorkerID(r.PathValue("id")), in)
	})
	handle("POST /claim", func(r *http.Request) (any, error) {
		var in farm.Wish
		_ = json.NewDecoder(r.Body).Decode(&in)
		g, err := m.Claim(r.Context(), in)
		if g == nil {
			return nil, err
		}
		return g, err
	})
	handle("POST /report", func(r *http.Request) (any, error) {
		var in wire.ReportRequest
		_ = json.NewDecoder(r.Body).Decode(&in)
		return m.Report(r.Context(), in)
	})
	handle("PUT /leases/{id}/results", func(r *http.Request) (any, error) {
		size, _ := strconv.ParseInt(r.Header.Get(wire.HeaderSize), 10, 64)
		result := farm.Result{
			Kind: farm.ResultKind(r.FormValue("kind")), Name: r.FormValue("name"), Size: size, Ref: r.Header.Get(wire.HeaderRef),
			Frame: number(r.FormValue("frame")),
		}
		return nil, m.PutResult(r.Context(), farm.LeaseID(number(r.PathValue("id"))), "", result, func() (io.ReadSeekCloser, error) {
			return struct {
				io.Seeker
				io.ReadCloser
			}{nil, r.Body}, nil
		})
	})
	handle("POST /leases/{id}/log", func(r *http.Request) (any, error) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		q := r.URL.Query()
		return nil, m.AppendLog(r.Context(), farm.LeaseID(number(r.PathValue("id"))), "", number(q.Get("frame")), int64(number(q.Get("offset"))), text)
	})
	handle("GET /jobs/{id}/files", func(r *http.Request) (any, error) {
		var out wire.FileList
		for f, err := range m.Files(r.Context(), farm.JobID(number(r.PathValue("id")))) {
			if err != nil {
				return nil, err
			}
			out.Files = append(out.Files, f)
		}
		return out, nil
	})
	handle("GET /blobs/{ref}", func(r *http.Request) (any, error) {
		var b strings.Builder
		err := m.FetchBlobFrom(r.Context(), r.PathValue("ref"), 0, &b)
		return []byte(b.String()), err
	})
	return mux
}

// A worker process that is killed with kill -9 at any moment, again and again, brings the job to its end: no frame is
// lost, failed or accepted twice. It speaks through the real client.
func TestKillNine(t *testing.T) {
	m := newMaster(t)
	m.chunk = 3
	j := m.job(60, func(j *fakeJob) { j.grant.Options = farm.Options{EXR: "full", Preview: true} })
	server := httptest.NewServer(m.serve())
	defer server.Close()
	defer server.CloseClientConnections()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for {
		cmd := exec.Command(os.Args[0], "child", server.URL, dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after a few calls have been made, wherever the process is then; at the end it may go on.
		m.mu.Lock()
		goal := total(m.calls) + 2 + rnd.IntN(40)
		done := false
		for {
			if done = len(j.done) == 60; done || total(m.calls) >= goal && kills < 12 {
				break
			}
			m.mu.Unlock()
			select {
			case <-m.called:
			case <-time.After(20 * time.Second):
				_ = cmd.Process.Kill()
				t.Fatal("the worker does nothing")
			}
			m.mu.Lock()
		}
		m.mu.Unlock()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if done {
			break
		}
		kills++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(j.failed) != 0 || kills < 3 {
		t.Errorf("%d frames failed, %d kills", len(j.failed), kills)
	}
}

func total(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}
