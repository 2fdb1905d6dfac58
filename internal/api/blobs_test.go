package api

import (
	"bytes"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// cutter is a line to the master that breaks: of each connection that carries much, only so many bytes get through.
type cutter struct {
	net.Listener
	to    string
	up    bool // cut what goes to the master, else what comes from it
	moved atomic.Int64
	mu    sync.Mutex
	cuts  []int64 // bytes of the next connections; then they are whole
	wait  sync.WaitGroup
}

func cut(t *testing.T, h *house, up bool, cuts ...int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: strings.TrimPrefix(h.url, "http://"), up: up, cuts: cuts}
	c.wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.wait.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		h.server.CloseClientConnections()
		c.wait.Wait()
	})
	return c
}

func (c *cutter) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer far.Close()
	both := func() { near.Close(); far.Close() }
	src, dst, other := near, far, [2]net.Conn{near, far}
	if !c.up {
		src, dst, other = far, near, [2]net.Conn{far, near}
	}
	go func() {
		_, _ = io.Copy(other[0], other[1])
		both()
	}()
	const little = 64 << 10 // questions and answers pass
	counted := io.TeeReader(src, c)
	if _, err := io.CopyN(dst, counted, little); err == nil {
		_, _ = io.CopyN(dst, counted, c.next()-little)
	}
	both()
}

func (c *cutter) Write(p []byte) (int, error) {
	c.moved.Add(int64(len(p)))
	return len(p), nil
}

func (c *cutter) next() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cuts) == 0 {
		return math.MaxInt64
	}
	n := c.cuts[0]
	c.cuts = c.cuts[1:]
	return n
}

func (h *house) through(role farm.Role, c *cutter) *wire.Client {
	h.t.Helper()
	client, err := wire.NewClient(c.Addr().String(), h.secret[role], wire.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(client.Close)
	return client
}

func TestUploadGoesOnAfterBreaks(t *testing.T) {
	h := open(t)
	content := noise(64<<20, 2)
	ref := blob.RefOf(content).String()
	path := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	size := int64(len(content))
	line := cut(t, h, true, size*6/10, size*6/25, size/10)
	var last atomic.Int64
	if err := h.through(farm.RoleSubmit, line).UploadFile(within(t), path, ref, last.Store); err != nil {
		t.Fatal(err)
	}
	if last.Load() != size {
		t.Errorf("the last progress was %d", last.Load())
	}
	if info, err := h.blobs.Stat(within(t), blob.RefOf(content)); err != nil || info.Size != size {
		t.Fatal(info, err)
	}
	// What was under way when a connection broke is sent again; no more.
	if moved := line.moved.Load(); moved < size || moved > size+16<<20 {
		t.Errorf("%d bytes were sent for %d", moved, size)
	}
	if len(line.cuts) > 0 {
		t.Error("the line was not cut as often as it should")
	}
}

func TestDownloadGoesOnAfterBreaks(t *testing.T) {
	h := open(t)
	content := noise(24<<20, 3)
	if err := h.blobs.Put(within(t), blob.RefOf(content), int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	size := int64(len(content))
	line := cut(t, h, false, size/2, size/4)
	var got bytes.Buffer
	if err := h.through(farm.RoleAdmin, line).FetchBlob(within(t), blob.RefOf(content).String(), &got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), content) {
		t.Fatal("other bytes came")
	}
	if moved := line.moved.Load(); moved > size+16<<20 || len(line.cuts) > 0 {
		t.Errorf("%d bytes came for %d, %d cuts left", moved, size, len(line.cuts))
	}
}

func TestWrongBytesAreRefused(t *testing.T) {
	h := open(t)
	ctx := within(t)
	c := h.client(farm.RoleSubmit)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	promised := blob.RefOf([]byte("as it was")).String()
	wantKind(t, c.UploadFile(ctx, path, promised, nil), farm.Mismatch)
	if there, offset, err := c.HasBlob(ctx, promised); err != nil || there || offset != 0 {
		t.Fatal(there, offset, err)
	}
	// The file changes after the bytes were sent: then that is what is said.
	changed := c.PutBlob(ctx, wire.Upload{
		Ref: promised, Size: 7, Changed: func() bool { return true },
		Open: func() (io.ReadSeekCloser, error) { return os.Open(path) },
	})
	wantKind(t, changed, farm.Mismatch)
	if !strings.Contains(changed.Error(), "changed while it was sent") {
		t.Fatal(changed)
	}
	// The file got shorter: the master waits for bytes that never come.
	wantKind(t, c.PutBlob(ctx, wire.Upload{
		Ref: promised, Size: 9, Changed: func() bool { return true },
		Open: func() (io.ReadSeekCloser, error) { return os.Open(path) },
	}), farm.Mismatch)
	_, err := c.OpenBlob(ctx, promised)
	if err == nil {
		t.Fatal("a blob that is not there was opened")
	}
}

func TestDownloadVerifies(t *testing.T) {
	mem := new(blob.Memory)
	h := open(t, func(o *Options) { o.Blobs = wrong{mem} })
	content := []byte("the true bytes of the file")
	if err := mem.Put(within(t), blob.RefOf(content), int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, h.client(farm.RoleAdmin).FetchBlob(within(t), blob.RefOf(content).String(), io.Discard), farm.Mismatch)
}

// wrong is a store that gives out other bytes of the right length.
type wrong struct{ *blob.Memory }

func (w wrong) Open(ctx context.Context, ref blob.Ref) (blob.Reader, error) {
	r, err := w.Memory.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	b := bytes.Repeat([]byte("x"), int(r.Size()))
	return flat{bytes.NewReader(b)}, r.Close()
}

type flat struct{ *bytes.Reader }

func (flat) Close() error { return nil }

func TestBlobCalls(t *testing.T) {
	h := open(t)
	content := []byte("0123456789abcdef")
	ref := blob.RefOf(content).String()
	path := wire.BlobPath(ref)
	size := strconv.Itoa(len(content))

	resp, _ := h.send(farm.RoleSubmit, "HEAD", path, nil)
	if resp.StatusCode != 404 || resp.Header.Get(wire.HeaderOffset) != "0" {
		t.Fatal(resp.Status, resp.Header)
	}
	resp, _ = h.send(farm.RoleSubmit, "PUT", path, content[:10], wire.HeaderSize, size)
	if resp.StatusCode != 202 || resp.Header.Get(wire.HeaderOffset) != "10" {
		t.Fatal(resp.Status, resp.Header)
	}
	resp, text := h.send(farm.RoleSubmit, "PUT", path, content[4:], wire.HeaderSize, size, wire.HeaderOffset, "4")
	if resp.StatusCode != 409 || resp.Header.Get(wire.HeaderOffset) != "10" {
		t.Fatal(resp.Status, resp.Header)
	}
	wantProblem(t, resp, text, farm.Conflict)
	resp, _ = h.send(farm.RoleSubmit, "PUT", path, content[10:], wire.HeaderSize, size, wire.HeaderOffset, "10")
	if resp.StatusCode != 201 {
		t.Fatal(resp.Status)
	}
	for _, again := range []string{"0", "7"} {
		resp, _ = h.send(farm.RoleSubmit, "PUT", path, content[:2], wire.HeaderSize, size, wire.HeaderOffset, again)
		if resp.StatusCode != 201 {
			t.Fatal(resp.Status)
		}
	}
	if resp, _ = h.send(farm.RoleSubmit, "HEAD", path, nil); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	for _, bad := range []struct {
		path   string
		header []string
		body   []byte
		kind   farm.Kind
	}{
		{path: wire.BlobPath("xyz"), kind: farm.Invalid},
		{path: wire.BlobPath(strings.ToUpper(ref)), kind: farm.Invalid},
		{path: path, header: []string{wire.HeaderSize, "-4"}, kind: farm.Invalid},
		{path: path, header: []string{wire.HeaderSize, "99999999999999999999"}, kind: farm.Invalid},
		{path: path, header: []string{wire.HeaderOffset, "x"}, kind: farm.Invalid},
		{path: path, header: []string{wire.HeaderOffset, "5"}, kind: farm.Invalid},
		{path: path, header: []string{wire.HeaderOffset, "5", wire.HeaderSize, "4"}, kind: farm.Mismatch},
		{path: path, header: []string{wire.HeaderSize, "4"}, body: content, kind: farm.Mismatch},
		{path: path, header: []string{wire.HeaderSize, "17"}, kind: farm.Mismatch},
		{path: path, header: []string{"Content-Encoding", "br", wire.HeaderSize, size}, kind: farm.Invalid},
	} {
		resp, text := h.send(farm.RoleSubmit, "PUT", bad.path, bad.body, bad.header...)
		wantProblem(t, resp, text, bad.kind)
	}

	for _, r := range []struct {
		ask    string
		status int
		want   string
	}{
		{"bytes=4-7", 206, "4567"},
		{"bytes=10-", 206, "abcdef"},
		{"bytes=-3", 206, "def"},
		{"", 200, string(content)},
		{"bytes=99-", 416, ""},
		{"lines=1-2", 416, ""},
		{"bytes=9-4", 416, ""},
	} {
		resp, text := h.send(farm.RoleAdmin, "GET", path, nil, "Range", r.ask)
		if resp.StatusCode != r.status || r.status < 400 && string(text) != r.want {
			t.Errorf("%s: %d %q", r.ask, resp.StatusCode, text)
		}
		if r.status < 400 && (resp.Header.Get("ETag") != `"`+ref+`"` || resp.Header.Get(wire.HeaderSize) != size) {
			t.Errorf("%s: %v", r.ask, resp.Header)
		}
	}
}

// far is a client on another machine, as far as it knows: it packs what it sends and fetches.
func (h *house) far(role farm.Role) *wire.Client {
	h.t.Helper()
	line := &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(h.url, "http://"))
	}}}
	h.t.Cleanup(line.CloseIdleConnections)
	c, err := wire.NewClient("http://master.test", h.secret[role], wire.Options{HTTP: line})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestPackedTransfers(t *testing.T) {
	h := open(t)
	content := bytes.Repeat([]byte("vertices and more vertices; "), 200_000)
	ref := blob.RefOf(content).String()
	path := filepath.Join(t.TempDir(), "scene")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.far(farm.RoleSubmit).UploadFile(within(t), path, ref, nil); err != nil {
		t.Fatal(err)
	}
	if up := counterOf(t, h, "netrender_upload_bytes_total"); up == 0 || up > float64(len(content)/10) {
		t.Errorf("%g bytes went up", up)
	}
	var got bytes.Buffer
	if err := h.far(farm.RoleAdmin).FetchBlob(within(t), ref, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Fatal(err, got.Len())
	}
	if down := counterOf(t, h, "netrender_download_bytes_total"); down == 0 || down > float64(len(content)/10) {
		t.Errorf("%g bytes came down", down)
	}
}

func TestZstdBombIsRefused(t *testing.T) {
	h := open(t)
	var bomb bytes.Buffer
	z := blob.CompressTo(&bomb)
	zeros := make([]byte, 1<<20)
	for range 256 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := wire.BlobPath(strings.Repeat("ab", 32))
	// Within its announced size, but out of measure.
	resp, text := h.send(farm.RoleSubmit, "PUT", path, bomb.Bytes(), "Content-Encoding", "zstd", wire.HeaderSize, "99999999999")
	wantProblem(t, resp, text, farm.TooLarge)
	// Over its announced size: the bytes are wrong, and no more than announced were read.
	resp, text = h.send(farm.RoleSubmit, "PUT", wire.BlobPath(strings.Repeat("cd", 32)), bomb.Bytes(), "Content-Encoding", "zstd", wire.HeaderSize, "1000")
	wantProblem(t, resp, text, farm.Mismatch)
	resp, text = h.send(farm.RoleSubmit, "PUT", path, []byte("this is not zstd"), "Content-Encoding", "zstd", wire.HeaderSize, "99999999999",
		wire.HeaderOffset, h.have(path))
	wantProblem(t, resp, text, farm.Invalid)
}

func (h *house) have(path string) string {
	resp, _ := h.send(farm.RoleSubmit, "HEAD", path, nil)
	return resp.Header.Get(wire.HeaderOffset)
}

func TestSendersWhoLeaveKeepWhatTheySent(t *testing.T) {
	h := open(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	ref := strings.Repeat("12", 32)
	head := "PUT " + wire.BlobPath(ref) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + h.secret[farm.RoleSubmit] +
		"\r\nContent-Length: 1000\r\nUpload-Size: 1000\r\n\r\n" + strings.Repeat("y", 600)
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	c := h.client(farm.RoleSubmit)
	for deadline := time.Now().Add(patience); ; {
		_, offset, err := c.HasBlob(within(t), ref)
		if err != nil {
			t.Fatal(err)
		}
		if offset == 600 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("only", offset, "bytes are kept")
		}
	}
}
