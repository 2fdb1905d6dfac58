package api

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// TestLowDiskTakesResultsOnly: a client waits with its files and is told why, a worker's results are taken.
func TestLowDiskTakesResultsOnly(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 40)
	const reserve = 1 << 30
	dir := t.TempDir()
	room := blob.NewRoom(dir, func(string) (int64, error) { return free.Load(), nil })
	disk, err := blob.OpenDisk(dir, blob.DiskOptions{Room: room, Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	h := openOn(t, func(o *master.Options) { o.Room, o.Reserve = room, reserve }, func(o *Options) { o.Blobs, o.Uploads = disk, disk })
	h.blobs = disk
	c, lease, result, picture := h.picture(100_000, 11)
	free.Store(reserve + 10_000)
	content := noise(200_000, 12)
	ref := blob.RefOf(content).String()
	resp, text := h.send(farm.RoleSubmit, http.MethodPut, wire.BlobPath(ref), content)
	if resp.StatusCode != http.StatusInsufficientStorage || !strings.Contains(string(text), "it needs 200.0 kB, and 10.0 kB are free beside what is kept for results") {
		t.Fatal(resp.Status, string(text))
	}
	free.Store(reserve - 1)
	metrics := func() string {
		_, text := h.send(farm.RoleView, http.MethodGet, "/metrics", nil)
		return string(text)
	}
	if m := metrics(); !strings.Contains(m, `netrender_disk_refuses{what="files"} 1`) || !strings.Contains(m, `netrender_disk_refuses{what="results"} 0`) {
		t.Error(m)
	}
	if info, err := c.Info(within(t)); err != nil || info.Disk != farm.DiskLow {
		t.Error(info, err)
	}
	if resp, text := h.send(nobody, http.MethodGet, "/readyz", nil); resp.StatusCode != 200 || !strings.Contains(string(text), "nearly full") {
		t.Error(resp.Status, string(text))
	}
	if err := c.PutResult(within(t), lease.ID, "worker-01", result, reader(picture)); err != nil {
		t.Fatal("a result was not taken:", err)
	}
	h.settle(c, lease, result, picture)
	told := make(chan error, 100)
	done := make(chan error, 1)
	go func() {
		done <- h.client(farm.RoleSubmit).PutBlob(within(t), wire.Upload{Ref: ref, Size: 200_000, Open: reader(content), Full: func(err error) {
			select {
			case told <- err:
			default:
			}
		}})
	}()
	select {
	case err := <-told:
		wantKind(t, err, farm.NoRoom)
	case err := <-done:
		t.Fatal("it did not wait:", err)
	}
	free.Store(1 << 40)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := h.client(farm.RoleAdmin).FetchBlob(within(t), ref, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Fatal(err)
	}
	if m := metrics(); !strings.Contains(m, `netrender_disk_refuses{what="files"} 0`) {
		t.Error(m)
	}
}
