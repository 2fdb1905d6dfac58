package api

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// openCut is a master that knows the chunks of what lies on its disk.
func openCut(t *testing.T) (*house, *blob.Disk, *blob.Index) {
	t.Helper()
	d, err := blob.OpenDisk(t.TempDir(), blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	x := blob.NewIndex(d)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = d.Close()
	})
	return open(t, func(o *Options) { o.Blobs, o.Uploads, o.Chunks = d, d, x }), d, x
}

func putCut(t *testing.T, d *blob.Disk, x *blob.Index, b []byte) blob.Recipe {
	t.Helper()
	if err := d.Put(t.Context(), blob.RefOf(b), int64(len(b)), bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	r, err := x.Recipe(t.Context(), blob.RefOf(b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChunkCalls(t *testing.T) {
	h, d, x := openCut(t)
	old := noise(6<<20, 1)
	first := []byte("literal bytes")
	file := slices.Concat(first, old)
	path := wire.BlobPath(blob.RefOf(file).String())
	resp, _ := h.send(farm.RoleSubmit, "HEAD", path, nil)
	if resp.Header.Get(wire.HeaderChunks) != "" {
		t.Error("chunks of nothing are known")
	}
	recipe := putCut(t, d, x, old)
	resp, _ = h.send(farm.RoleSubmit, "HEAD", path, nil)
	if resp.Header.Get(wire.HeaderChunks) != blob.CutName {
		t.Errorf("the header is %q", resp.Header.Get(wire.HeaderChunks))
	}

	var ask []byte
	for _, c := range recipe {
		ask = append(ask, c.Sum[:]...)
	}
	ask = append(ask, make([]byte, 32)...) // one that nobody has
	resp, bits := h.send(farm.RoleSubmit, "POST", wire.Root+"/blobs/chunks", ask)
	if resp.StatusCode != 200 || len(bits) != (len(recipe)+8)/8 {
		t.Fatal(resp.Status, len(bits))
	}
	for i := range len(recipe) + 1 {
		if known := bits[i/8]>>(i%8)&1 == 1; known != (i < len(recipe)) {
			t.Errorf("chunk %d: %v", i, known)
		}
	}
	for kind, body := range map[farm.Kind][]byte{farm.TooLarge: make([]byte, 32*(wire.MaxChunks+1)), farm.Invalid: ask[:40]} {
		resp, text := h.send(farm.RoleSubmit, "POST", wire.Root+"/blobs/chunks", body)
		wantProblem(t, resp, text, kind)
	}

	size := strconv.Itoa(len(file))
	for _, enc := range []string{"zstd, " + wire.EncodingChunks, wire.EncodingChunks + ", br", "zstd, zstd"} {
		resp, text := h.send(farm.RoleSubmit, "PUT", path, nil, "Content-Encoding", enc, wire.HeaderSize, size)
		wantProblem(t, resp, text, farm.Invalid)
	}
	at := func() string { return h.have(path) }
	put := func(body []byte) (int, []byte) {
		resp, text := h.send(farm.RoleSubmit, "PUT", path, body, "Content-Encoding", wire.EncodingChunks, wire.HeaderSize, size, wire.HeaderOffset, at())
		return resp.StatusCode, text
	}
	// A chunk that is not there: what came before it counts.
	begin := append(blob.AppendLiteral(nil, len(first)), first...)
	if status, _ := put(blob.AppendCopy(begin, blob.Ref{1})); status != 202 || at() != strconv.Itoa(len(first)) {
		t.Fatal(status, at())
	}
	if status, _ := put([]byte("Xsomething")); status != 400 {
		t.Error(status)
	}
	if status, _ := put(blob.AppendLiteral(nil, 100)); status != 400 {
		t.Error(status)
	}
	var rest []byte
	for _, c := range recipe {
		rest = blob.AppendCopy(rest, c.Sum)
	}
	if status, text := put(rest); status != 201 {
		t.Fatal(status, string(text))
	}
	if err := blob.Check(t.Context(), d, blob.RefOf(file)); err != nil {
		t.Error(err)
	}
	if resp, text := h.send(farm.RoleAdmin, "GET", path+"/recipe", nil); resp.StatusCode != 200 {
		t.Error(resp.Status)
	} else if _, err := blob.DecodeRecipe(text, int64(len(file))); err != nil {
		t.Error(err)
	}
	resp, text := h.send(farm.RoleAdmin, "GET", wire.BlobPath(blob.RefOf(nil).String())+"/recipe", nil)
	wantProblem(t, resp, text, farm.NotFound)
}

// TestNoChunks: a master without an index says so plainly.
func TestNoChunks(t *testing.T) {
	h := open(t)
	resp, text := h.send(farm.RoleSubmit, "POST", wire.Root+"/blobs/chunks", make([]byte, 32))
	wantProblem(t, resp, text, farm.NotFound)
	path := wire.BlobPath(blob.RefOf([]byte("x")).String())
	resp, text = h.send(farm.RoleSubmit, "PUT", path, []byte("x"), "Content-Encoding", wire.EncodingChunks, wire.HeaderSize, "1")
	wantProblem(t, resp, text, farm.Invalid)
	resp, text = h.send(farm.RoleAdmin, "GET", path+"/recipe", nil)
	wantProblem(t, resp, text, farm.NotFound)
}

// TestPackedChunks: what is new of a file is packed where that is worth it.
func TestPackedChunks(t *testing.T) {
	h, d, x := openCut(t)
	old := []byte{}
	for i := range 200_000 {
		old = append(old, "a vertex "+strconv.Itoa(i*7919%1_000_003)+" and a normal\n"...)
	}
	putCut(t, d, x, old)
	fresh := bytes.ToUpper(old[:1<<20])
	file := slices.Concat(old[:3<<20], fresh, old[3<<20:])
	path := filepath.Join(t.TempDir(), "scene")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.far(farm.RoleSubmit).UploadFile(within(t), path, blob.RefOf(file).String(), nil); err != nil {
		t.Fatal(err)
	}
	if err := blob.Check(t.Context(), d, blob.RefOf(file)); err != nil {
		t.Error(err)
	}
	if up := counterOf(t, h, "netrender_upload_bytes_total"); up == 0 || up > float64(len(fresh)/2) {
		t.Errorf("%g bytes went up where %d are new", up, len(fresh))
	}
}

// toldFile is a file of which each read is told.
type toldFile struct {
	*bytes.Reader
	told func(at int64)
}

func (w toldFile) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.told(w.Size() - int64(w.Len()))
	return n, err
}

func (w toldFile) ReadAt(p []byte, at int64) (int, error) {
	w.told(at)
	return w.Reader.ReadAt(p, at)
}

func (toldFile) Close() error { return nil }

// TestCollectedWhileItIsCopied: the blobs whose chunks a sender names are removed after it heard that they are there. It
// sends what lacks then.
func TestCollectedWhileItIsCopied(t *testing.T) {
	h, d, x := openCut(t)
	var olds [][]byte
	for seed := range 6 {
		olds = append(olds, noise(6<<20, byte(seed)))
		putCut(t, d, x, olds[seed])
	}
	file := slices.Concat(slices.Concat(olds...), olds[0])
	var once sync.Once
	err := h.client(farm.RoleSubmit).PutBlob(t.Context(), wire.Upload{Ref: blob.RefOf(file).String(), Size: int64(len(file)), Open: func() (io.ReadSeekCloser, error) {
		return toldFile{bytes.NewReader(file), func(int64) {
			if x.Copied() == 0 { // nothing is on its way
				return
			}
			once.Do(func() {
				for _, b := range olds {
					if err := d.Delete(context.Background(), blob.RefOf(b)); err != nil {
						t.Error(err)
					}
				}
			})
		}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	once.Do(func() { t.Error("nothing was removed while it was copied") })
	if err := blob.Check(t.Context(), d, blob.RefOf(file)); err != nil {
		t.Error(err)
	}
}
