package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// picture leases frame 1 of a job and makes a result of it.
func (h *house) picture(size int, seed byte) (c *wire.Client, lease farm.Lease, r farm.Result, content []byte) {
	h.t.Helper()
	h.submit("1-3")
	c = h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	grant, err := c.Claim(within(h.t), farm.Wish{Worker: "worker-01"})
	if err != nil || grant == nil {
		h.t.Fatal(grant, err)
	}
	content = noise(size, seed)
	return c, grant.Lease, farm.Result{Kind: farm.KindEXR, Name: "exr/1.exr", Size: int64(size), Ref: blob.RefOf(content).String(), Frame: 1}, content
}

// settle reports the frame and reads the result back.
func (h *house) settle(c *wire.Client, lease farm.Lease, r farm.Result, content []byte) {
	h.t.Helper()
	reply, err := c.Report(within(h.t), wire.ReportRequest{Reports: []farm.Report{{
		Lease: lease.ID, Worker: "worker-01", Job: lease.Job, Frame: 1, Attempt: 1, Outcome: farm.Rendered, Results: []farm.Result{r},
	}}})
	if err != nil || !reply.Verdicts[0].Accepted {
		h.t.Fatal(reply, err)
	}
	path := filepath.Join(h.t.TempDir(), "back")
	if err := h.client(farm.RoleView).FetchVerified(within(h.t), lease.Job, r, path, nil); err != nil {
		h.t.Fatal(err)
	}
	if got, err := os.ReadFile(path); !bytes.Equal(got, content) {
		h.t.Fatal("other bytes came back", err)
	}
}

func TestResultGoesOnAfterBreaks(t *testing.T) {
	h := open(t)
	_, lease, result, content := h.picture(48<<20, 7)
	line := cut(t, h, true, result.Size*6/10, result.Size*6/25)
	tries := 0
	for ; ; tries++ { // each by another client, as another process
		err := h.through(farm.RoleWorker, line).PutResult(within(t), lease.ID, "worker-01", result, reader(content))
		if err == nil {
			break
		}
		if !wire.Again(err) || tries == 3 {
			t.Fatal(err)
		}
	}
	if moved := line.moved.Load(); tries != 2 || moved < result.Size || moved > result.Size+16<<20 {
		t.Errorf("after %d breaks %d bytes were sent for %d", tries, moved, result.Size)
	}
	h.settle(h.client(farm.RoleWorker), lease, result, content)
}

// TestSmallResultIsSentAtOnce: no question goes before it; the master says where to go on if it has a part.
func TestSmallResultIsSentAtOnce(t *testing.T) {
	h := open(t)
	c, lease, result, content := h.picture(100_000, 8)
	calls := func() (n int) {
		for _, p := range []string{"HEAD", "PUT"} {
			n += h.count(p + " " + wire.Root + "/leases/{id}/results")
		}
		return n
	}
	path := resultPath(lease.ID, result)
	resp, _ := h.send(farm.RoleWorker, http.MethodPut, path, content[:60_000], wire.HeaderWorker, "worker-01",
		wire.HeaderSize, "100000", wire.HeaderRef, result.Ref, wire.HeaderOffset, "0")
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get(wire.HeaderOffset) != "60000" {
		t.Fatal(resp.Status, resp.Header)
	}
	if err := c.PutResult(within(t), lease.ID, "worker-01", result, reader(content)); err != nil {
		t.Fatal(err)
	}
	if n := calls(); n != 3 { // the part, the refusal, the rest
		t.Error(n, "calls")
	}
	other := result
	other.Name = "exr/other.exr"
	if err := c.PutResult(within(t), lease.ID, "worker-01", other, reader(content)); err != nil {
		t.Fatal(err)
	}
	if n := calls(); n != 4 {
		t.Error(n, "calls")
	}
	h.settle(c, lease, result, content)
}

// count is how many calls of a route were answered.
func (h *house) count(route string) (n int) {
	h.t.Helper()
	_, text := h.send(farm.RoleView, http.MethodGet, "/metrics", nil)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "netrender_requests_total{") && strings.Contains(line, `route="`+route+`"`) {
			k, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
			if err != nil {
				h.t.Fatal(err)
			}
			n += k
		}
	}
	return n
}

func resultPath(lease farm.LeaseID, r farm.Result) string {
	q := url.Values{"frame": {strconv.Itoa(r.Frame)}, "kind": {string(r.Kind)}, "name": {r.Name}}
	return wire.Root + "/leases/" + strconv.FormatInt(int64(lease), 10) + "/results?" + q.Encode()
}

// TestOldWorkersSendResultsWhole: who knows nothing of offsets begins anew each time.
func TestOldWorkersSendResultsWhole(t *testing.T) {
	h := open(t)
	c, lease, result, content := h.picture(100_000, 9)
	path := resultPath(lease.ID, result)
	for _, put := range []struct {
		body   []byte
		status int
	}{{content[:50_000], http.StatusAccepted}, {content, http.StatusNoContent}, {content, http.StatusNoContent}} {
		resp, text := h.send(farm.RoleWorker, http.MethodPut, path, put.body, wire.HeaderWorker, "worker-01",
			wire.HeaderSize, "100000", wire.HeaderRef, result.Ref)
		if resp.StatusCode != put.status {
			t.Fatal(resp.Status, string(text))
		}
	}
	h.settle(c, lease, result, content)
}

// TestNewSenderGoesFirst: a connection that went dead does not keep its worker from sending the result by another.
func TestNewSenderGoesFirst(t *testing.T) {
	h := open(t)
	c, lease, result, content := h.picture(8<<20, 10)
	pr, pw := io.Pipe()
	ctx, hangUp := context.WithCancel(within(t))
	defer hangUp()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, h.url+resultPath(lease.ID, result), pr)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Authorization": "Bearer " + h.secret[farm.RoleWorker], wire.HeaderWorker: "worker-01", wire.HeaderRef: result.Ref,
		wire.HeaderSize: strconv.FormatInt(result.Size, 10), wire.HeaderOffset: "0",
	} {
		r.Header.Set(k, v)
	}
	r.ContentLength = result.Size
	go func() {
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}()
	if _, err := pw.Write(content[:2<<20]); err != nil {
		t.Fatal(err)
	}
	until(t, "the master reads it", func() bool {
		entries := 0
		_ = filepath.WalkDir(filepath.Join(h.dir, "incoming"), func(p string, d os.DirEntry, _ error) error {
			if d != nil && !d.IsDir() {
				entries++
			}
			return nil
		})
		return entries > 0
	})
	if err := c.PutResult(within(t), lease.ID, "worker-01", result, reader(content)); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	h.settle(c, lease, result, content)
}
