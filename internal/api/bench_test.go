package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// BenchmarkReportAndClaim is one round trip a task: a report that carries the next wish, over loopback, with the load
// generator in the same process. The store forgets, so that it is the door and the engine that are measured.
func BenchmarkReportAndClaim(b *testing.B) {
	const workers = 64
	h := open(b)
	h.store.forget = true
	h.submitFrames(b.N + workers + 1)
	c := h.client(farm.RoleWorker)
	ids := make([]farm.WorkerID, workers)
	for i := range ids {
		ids[i] = farm.WorkerID(fmt.Sprintf("worker-%04d", i))
		h.worker(c, ids[i], 1)
	}
	ctx := context.Background()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			grant, err := c.Claim(ctx, farm.Wish{Worker: id, WaitMS: 5000})
			for err == nil && grant != nil && left.Add(-1) >= 0 {
				var reply wire.ReportReply
				reply, err = c.Report(ctx, wire.ReportRequest{Wish: &farm.Wish{Worker: id, Scene: grant.Scene}, Reports: []farm.Report{{
					Lease: grant.Lease.ID, Worker: id, Job: grant.Lease.Job, Frame: grant.Lease.Frames[0], Attempt: grant.Lease.Attempt,
					Outcome: farm.Rendered, Seconds: 1,
				}}})
				grant = reply.Grant
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func (h *house) submitFrames(n int) {
	h.t.Helper()
	h.submit(fmt.Sprintf("1-%d", n))
}

// BenchmarkHeldClaims tells what a claim that waits costs the master in memory. The askers are bare connections.
func BenchmarkHeldClaims(b *testing.B) {
	const held = 5000
	h := open(b)
	c := h.client(farm.RoleWorker)
	for i := range held {
		h.worker(c, farm.WorkerID(fmt.Sprintf("worker-%05d", i)), 1)
	}
	c.Close()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		conns := make([]net.Conn, held)
		for i := range conns {
			conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
			if err != nil {
				b.Fatal(err)
			}
			body := fmt.Sprintf(`{"worker":"worker-%05d","slot":0,"wait_ms":60000}`, i)
			_, err = fmt.Fprintf(conn, "POST %s/claim HTTP/1.1\r\nHost: m\r\nUser-Agent: Go-http-client/1.1\r\nAuthorization: Bearer %s\r\n"+
				"Content-Length: %d\r\n\r\n%s", wire.Root, h.secret[farm.RoleWorker], len(body), body)
			if err != nil {
				b.Fatal(err)
			}
			conns[i] = conn
		}
		until(b, "all claims wait", h.waiting(held))
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/held, "heap-B/claim")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/held, "stack-B/claim")
		for _, conn := range conns {
			conn.Close()
		}
		until(b, "all claims left", h.waiting(0))
	}
}

// BenchmarkSources is one question where to fetch a file, in a farm where 1,000 workers have it or fetch it.
func BenchmarkSources(b *testing.B) {
	h := open(b)
	h.submit("1-9")
	c, ctx := h.client(farm.RoleWorker), context.Background()
	ref := blob.RefOf([]byte("BLENDER of 1-9")).String()
	for i := range 1000 {
		id := farm.WorkerID(fmt.Sprintf("worker-%04d", i))
		h.worker(c, id, 1)
		if _, err := c.Claim(ctx, farm.Wish{Worker: id}); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Sources(ctx, ref, farm.SourceQuestion{Worker: id, Size: 1 << 20, Have: int64(i%2) << 20}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := c.Sources(ctx, ref, farm.SourceQuestion{Worker: "worker-0000", Size: 1 << 20}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFetchBlob is the fetching of a small file, to compare.
func BenchmarkFetchBlob(b *testing.B) {
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := open(b)
			content := noise(size, 1)
			if err := h.blobs.Put(b.Context(), blob.RefOf(content), int64(size), bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
			c, ref := h.client(farm.RoleAdmin), blob.RefOf(content).String()
			for b.Loop() {
				if err := c.FetchBlob(b.Context(), ref, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
