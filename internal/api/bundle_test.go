package api

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestBundle: the zip has the files as they are on the disk, those that were asked for, and says how long it is.
func TestBundle(t *testing.T) {
	h := open(t)
	h.submit("1-3")
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	files := map[string][]byte{"exr/0001.exr": noise(300_000, 1), "preview/0001.jpg": noise(20, 2), "node/é/mask.png": {}}
	h.render(c, files)
	second := map[string][]byte{"exr/0002.exr": noise(70_000, 3)}
	h.render(c, second)
	get := func(query string) (*http.Response, map[string][]byte) {
		t.Helper()
		resp, body := h.send(farm.RoleView, "GET", wire.Root+"/jobs/1/results.zip"+query, nil)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Fatalf("%s: %d, %d bytes, %v", query, resp.StatusCode, len(body), resp.Header)
		}
		r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]byte{}
		for _, f := range r.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			if got[f.Name], err = io.ReadAll(in); err != nil {
				t.Fatal(err)
			}
		}
		return resp, got
	}
	resp, got := get("")
	all := maps.Clone(files)
	maps.Copy(all, second)
	if !maps.EqualFunc(got, all, bytes.Equal) || resp.Header.Get("Content-Disposition") != "attachment; filename=shot-1.zip" {
		t.Errorf("%d files, %v", len(got), resp.Header)
	}
	for query, want := range map[string][]string{
		"?frames=2": {"exr/0002.exr"}, "?kinds=preview,node": {"preview/0001.jpg", "node/é/mask.png"}, "?kinds=exr&frames=1,3": {"exr/0001.exr"},
	} {
		_, got := get(query)
		for _, name := range want {
			if !bytes.Equal(got[name], all[name]) || len(got) != len(want) {
				t.Errorf("%s: %d files, %d bytes of %s", query, len(got), len(got[name]), name)
			}
		}
	}
	if resp, body := h.send(farm.RoleView, "HEAD", wire.Root+"/jobs/1/results.zip", nil); resp.StatusCode != 200 || len(body) != 0 || resp.ContentLength < 370_000 {
		t.Errorf("HEAD: %d, %d", resp.StatusCode, resp.ContentLength)
	}

	refused := func(query string, kind farm.Kind) {
		t.Helper()
		resp, body := h.send(farm.RoleView, "GET", wire.Root+"/jobs/"+query, nil)
		wantProblem(t, resp, body, kind)
	}
	refused("99/results.zip", farm.NotFound)
	refused("1/results.zip?frames=3", farm.NotFound)
	refused("1/results.zip?kinds=output", farm.NotFound)
	refused("1/results.zip?kinds=exr,../x", farm.Invalid)
	refused("1/results.zip?frames=x", farm.Invalid)
	refused("1/results.zip?allow_missing=maybe", farm.Invalid)
	r, body := h.send(farm.RoleWorker, "GET", wire.Root+"/jobs/1/results.zip", nil)
	wantProblem(t, r, body, farm.Denied)

	// What is gone, and what somebody put in its place, is not followed.
	outputs := filepath.Join(h.dir, "outputs", "shot-1")
	secret := filepath.Join(h.dir, "secret")
	if err := os.WriteFile(secret, noise(20, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(outputs, "preview", "0001.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(outputs, "preview", "0001.jpg")); err != nil {
		t.Skip("this system makes no links")
	}
	refused("1/results.zip", farm.Conflict)
	refused("1/results.zip?kinds=preview", farm.NotFound)
	if _, got := get("?allow_missing=1"); len(got) != 3 || got["preview/0001.jpg"] != nil {
		t.Errorf("with what is missing left out: %d files", len(got))
	}
	if err := os.RemoveAll(outputs); err != nil {
		t.Fatal(err)
	}
	refused("1/results.zip?allow_missing=1", farm.NotFound)
}

// TestBundleBreaks: a file that vanishes while the zip is sent breaks the connection; what arrived does not look whole.
func TestBundleBreaks(t *testing.T) {
	h := open(t)
	h.submit("1-2")
	c := h.client(farm.RoleWorker)
	h.worker(c, "worker-01", 1)
	h.render(c, map[string][]byte{"exr/0001.exr": noise(16<<20, 1)}) // more than lines and buffers hold
	h.render(c, map[string][]byte{"exr/0002.exr": noise(1000, 2)})
	r, err := http.NewRequestWithContext(within(t), "GET", h.url+wire.Root+"/jobs/1/results.zip", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.secret[farm.RoleView])
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "outputs", "shot-1", "exr", "0002.exr"), noise(1001, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil || n+100 >= resp.ContentLength {
		t.Errorf("%d of %d bytes arrived, %v", n+100, resp.ContentLength, err)
	}
}
