package wire

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// chunkMaster is a master that takes one blob, and has the chunks of another.
type chunkMaster struct {
	disk  *blob.Disk
	index *blob.Index
	knows bool // it says so

	mu       sync.Mutex
	asked    int
	came     int64    // bytes of bodies
	packings []string // of PUTs
	refuse   func(r *http.Request) error
}

func newChunkMaster(t *testing.T, has []byte) *chunkMaster {
	t.Helper()
	d, err := blob.OpenDisk(t.TempDir(), blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := &chunkMaster{disk: d, index: blob.NewIndex(d), knows: true}
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.index.Run(t.Context())
	}()
	t.Cleanup(func() { <-done; _ = d.Close() })
	if err := d.Put(t.Context(), blob.RefOf(has), int64(len(has)), bytes.NewReader(has)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.index.Recipe(t.Context(), blob.RefOf(has)); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *chunkMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, Root+"/blobs/")
	if name == "chunks" {
		m.asked++
		m.mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		out := make([]byte, (len(b)/32+7)/8)
		for i := range len(b) / 32 {
			if m.index.Known([]blob.Ref{blob.Ref(b[32*i:])})[0] {
				out[i/8] |= 1 << (i % 8)
			}
		}
		_, _ = w.Write(out)
		return
	}
	ref, err := blob.ParseRef(name)
	if err != nil {
		http.Error(w, "no name", http.StatusBadRequest)
		return
	}
	offset, _ := m.disk.Offset(r.Context(), ref)
	if r.Method == http.MethodHead {
		if _, err := m.disk.Stat(r.Context(), ref); err == nil {
			return
		}
		w.Header().Set(HeaderOffset, strconv.FormatInt(offset, 10))
		if m.knows {
			w.Header().Set(HeaderChunks, blob.CutName)
		}
		w.WriteHeader(http.StatusNotFound)
		return
	}
	packing := r.Header.Get("Content-Encoding")
	m.packings = append(m.packings, packing)
	if m.refuse != nil {
		if err := m.refuse(r); err != nil {
			w.Header().Set("Content-Type", ProblemType)
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"kind":"`+string(farm.KindOf(err))+`","detail":"no"}`)
			return
		}
	}
	size, _ := strconv.ParseInt(r.Header.Get(HeaderSize), 10, 64)
	body := &counting{Reader: r.Body}
	m.mu.Unlock() // the sender asks while it sends
	in := io.Reader(body)
	if strings.HasPrefix(packing, EncodingChunks) {
		if packing != EncodingChunks {
			in = blob.Decompress(in, size)
		}
		in = m.index.Expand(r.Context(), in)
	}
	have, complete, err := m.disk.Append(r.Context(), ref, size, offset, in)
	m.mu.Lock()
	m.came += body.n
	w.Header().Set(HeaderOffset, strconv.FormatInt(have, 10))
	if !complete || err != nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

type counting struct {
	io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func (m *chunkMaster) take(t *testing.T, c *Client, b []byte) error {
	t.Helper()
	var last int64
	err := c.PutBlob(within(t), Upload{
		Ref: blob.RefOf(b).String(), Size: int64(len(b)), Open: func() (io.ReadSeekCloser, error) { return inMemory{bytes.NewReader(b)}, nil },
		Progress: func(n int64) { last = n },
	})
	if err == nil {
		if e := blob.Check(t.Context(), m.disk, blob.RefOf(b)); e != nil || last != int64(len(b)) {
			t.Errorf("%v, and %d of %d bytes are told of", e, last, len(b))
		}
	}
	return err
}

func someBytes(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func TestPutInChunks(t *testing.T) {
	old := someBytes(1, 24<<20)
	next := slices.Concat([]byte("inserted"), old[:11<<20], []byte("more"), old[11<<20:])
	for name, tt := range map[string]struct {
		file  []byte
		set   func(m *chunkMaster)
		parts float64  // of the file that are sent at most
		least float64  // and at least
		ways  []string // of the bodies
		asked bool
	}{
		"the next save": {next, nil, 0.05, 0, []string{EncodingChunks}, true},
		"a file that nobody ever sent": {
			someBytes(2, 24<<20), nil, 1, 1, []string{""}, true,
		},
		"a master that knows no chunks": {next, func(m *chunkMaster) { m.knows = false }, 1, 1, []string{""}, false},
		"a small file":                  {next[:blob.ChunkFrom-1], nil, 1, 1, []string{""}, false},
		"a master that does not take it": {next, func(m *chunkMaster) {
			m.refuse = func(r *http.Request) error {
				if r.Header.Get("Content-Encoding") != "" {
					return farm.Errorf(farm.Mismatch, "these are other bytes")
				}
				return nil
			}
		}, 1, 1, []string{EncodingChunks, ""}, true},
		"a master whose chunks go": {next, func(m *chunkMaster) {
			m.refuse = func(r *http.Request) error {
				m.refuse = nil
				return m.disk.Delete(r.Context(), blob.RefOf(old))
			}
		}, 1.01, 0.9, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newChunkMaster(t, old)
			if tt.set != nil {
				tt.set(m)
			}
			c := against(t, m.ServeHTTP)
			if len(tt.ways) == 1 {
				lacks, n, err := c.Lacks(within(t), blob.RefOf(tt.file).String(), int64(len(tt.file)), bytes.NewReader(tt.file))
				if share := float64(n) / float64(len(tt.file)); err != nil || !lacks || share > tt.parts || share < tt.least {
					t.Errorf("%.3f of the file are said to lack, %v", share, err)
				}
			}
			if err := m.take(t, c, tt.file); err != nil {
				t.Fatal(err)
			}
			if share := float64(m.came) / float64(len(tt.file)); share > tt.parts || share < tt.least {
				t.Errorf("%.3f of the file were sent", share)
			}
			if tt.ways != nil && !slices.Equal(m.packings, tt.ways) || m.asked > 0 != tt.asked {
				t.Errorf("sent as %q after %d questions", m.packings, m.asked)
			}
		})
	}
}

// TestPutInChunksGoesOn: what a break left is gone on from in chunks.
func TestPutInChunksGoesOn(t *testing.T) {
	old := someBytes(1, 24<<20)
	next := slices.Concat([]byte("inserted"), old)
	m := newChunkMaster(t, old)
	const first = 5<<20 + 77
	if n, _, err := m.disk.Append(t.Context(), blob.RefOf(next), int64(len(next)), 0, bytes.NewReader(next[:first])); err != nil || n != first {
		t.Fatal(n, err)
	}
	if err := m.take(t, against(t, m.ServeHTTP), next); err != nil {
		t.Fatal(err)
	}
	if m.came > int64(len(next))/20 {
		t.Errorf("%d bytes were sent", m.came)
	}
}

// TestOpenBlobRange: exactly the range is asked for.
func TestOpenBlobRange(t *testing.T) {
	content := someBytes(3, 10_000)
	var ranges []string
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		w.Header().Set(HeaderSize, "10000")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	for _, at := range [][2]int64{{0, 100}, {7000, 3000}, {50, 0}} {
		d, err := c.OpenBlobRange(within(t), sum(content), at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, content[at[0]:][:at[1]]) {
			t.Errorf("%v: %d bytes, %v", at, len(got), err)
		}
		_ = d.Close()
	}
	if !slices.Equal(ranges, []string{"bytes=0-99", "bytes=7000-9999"}) {
		t.Errorf("%q", ranges)
	}
}
