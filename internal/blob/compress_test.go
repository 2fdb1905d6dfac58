package blob_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
)

func TestShouldCompress(t *testing.T) {
	text := []byte(strings.Repeat("BLENDER-v304 some vertices ", 3000))
	for _, c := range []struct {
		head string
		name string
		want bool
	}{
		{string(text), "scene.blend", true},
		{string(text), "noext", true},
		{string(blobtest.Bytes(blob.ProbeSize, 1)), "noise.blend", false},
		{"short", "a.txt", false},
		{"\x76\x2f\x31\x01" + string(text), "render", false},
		{"\x28\xb5\x2f\xfd" + string(text), "packed.blend", false},
		{"\x1f\x8b" + string(text), "old.blend", false},
		{"\x89PNG\r\n\x1a\n" + string(text), "x", false},
		{"\xff\xd8\xff" + string(text), "x", false},
		{string(text), "dir/X.JPG", false},
		{string(text), `dir\x.exr`, false},
	} {
		if got := blob.ShouldCompress([]byte(c.head), c.name); got != c.want {
			t.Errorf("%q %.9q: %v", c.name, c.head, got)
		}
	}
}

func TestCompress(t *testing.T) {
	text := []byte(strings.Repeat("vertices and edges ", 60_000))
	for round := range 3 { // encoders and decoders are used again
		for _, b := range [][]byte{nil, []byte("x"), text, blobtest.Bytes(700_000, uint64(round))} {
			var wire bytes.Buffer
			w := blob.CompressTo(&wire)
			if _, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(b))); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.Close(), w.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte("x")); err == nil {
				t.Error("a closed writer takes more")
			}
			if len(b) == len(text) && wire.Len() > len(b)/20 {
				t.Errorf("%d bytes became %d", len(b), wire.Len())
			}
			r := blob.Decompress(bytes.NewReader(wire.Bytes()), int64(len(b)))
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%d bytes: %d, %v", len(b), len(got), err)
			}
			r.Close()
			if _, err := r.Read(make([]byte, 1)); err == nil {
				t.Error("a closed reader gives more")
			}
			turned := blob.Compress(bytes.NewReader(b))
			if got, err := io.ReadAll(turned); err != nil || !bytes.Equal(got, wire.Bytes()) {
				t.Errorf("Compress and CompressTo differ, %v", err)
			}
			turned.Close()
			if len(b) > 0 {
				r = blob.Decompress(bytes.NewReader(wire.Bytes()), int64(len(b)-1))
				if got, err := io.ReadAll(r); !errors.Is(err, blob.ErrTooLarge) || len(got) != len(b)-1 {
					t.Errorf("over the limit: %d, %v", len(got), err)
				}
				r.Close()
				r = blob.Decompress(bytes.NewReader(wire.Bytes()[:wire.Len()-1]), math.MaxInt64)
				if _, err := io.ReadAll(r); err == nil {
					t.Error("a cut stream ended well")
				}
				r.Close()
			}
		}
	}
	early := blob.Compress(bytes.NewReader(blobtest.Bytes(8<<20, 1)))
	if _, err := io.CopyN(io.Discard, early, 100); err != nil || early.Close() != nil {
		t.Error("Close in the middle", err)
	}
	broken := blob.Compress(iotest.ErrReader(errors.New("cable")))
	if _, err := io.ReadAll(broken); err == nil {
		t.Error("the error of the source was lost")
	}
	// A sender may not ask for more memory than 8 MiB.
	e, err := zstd.NewWriter(nil, zstd.WithWindowSize(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	var wide bytes.Buffer
	e.Reset(&wide)
	e.Write(blobtest.Bytes(20<<20, 1))
	e.Close()
	if _, err := io.Copy(io.Discard, blob.Decompress(&wide, 1<<30)); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("a window of 64 MiB: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	b, _ := io.ReadAll(blob.Compress(strings.NewReader("hello hello hello")))
	f.Add(b)
	f.Add(b[:7])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := blob.Decompress(bytes.NewReader(b), 1<<20)
		defer r.Close()
		if n, err := io.Copy(io.Discard, r); n > 1<<20 {
			t.Fatalf("%d bytes, %v", n, err)
		}
	})
}
