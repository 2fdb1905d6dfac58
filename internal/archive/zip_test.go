package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"
)

// TestZip: what is written is read back by another's hand, small and in the form for large ones, and is as long as was
// said before.
func TestZip(t *testing.T) {
	defer func(was int64) { large = was }(large)
	at := time.Date(2026, 11, 29, 16, 30, 58, 0, time.UTC)
	for _, limit := range []int64{large, 3000, 5} {
		large = limit
		for _, n := range []int{0, 1, 40, 70_000} {
			var entries []ZipEntry
			content := func(i int) []byte { return []byte(strings.Repeat(fmt.Sprint(i, "é"), i%90)) }
			for i := range n {
				b := content(i)
				entries = append(entries, ZipEntry{Name: fmt.Sprintf("exr/bild_é_%05d.exr", i), Size: int64(len(b)), Modified: at, Sum: crc32.ChecksumIEEE(b)})
			}
			want := ZipSize(entries)
			var out bytes.Buffer
			z := NewZip(&out)
			for i, e := range entries {
				if err := z.Add(e, bytes.NewReader(content(i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil || int64(out.Len()) != want {
				t.Fatalf("%d files: %d bytes, not %d, %v", n, out.Len(), want, err)
			}
			r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
			if err != nil || len(r.File) != n {
				t.Fatalf("%d files, large from %d: %v", n, limit, err)
			}
			for i, f := range r.File {
				if i > 100 && i < n-100 {
					continue
				}
				in, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(in) // the sum is looked at, too
				if err != nil || !bytes.Equal(got, content(i)) || f.Name != entries[i].Name || !f.Modified.Equal(at) || f.Method != zip.Store || f.Mode() != 0o644 {
					t.Fatalf("file %d of %d: %d bytes, %+v, %v", i, n, len(got), f.FileHeader, err)
				}
			}
		}
	}
}

func TestZipOfChangedFiles(t *testing.T) {
	e := ZipEntry{Name: "a", Size: 4, Sum: crc32.ChecksumIEEE([]byte("four"))}
	for _, text := range []string{"", "fou", "fear"} {
		if err := NewZip(io.Discard).Add(e, strings.NewReader(text)); !errors.Is(err, ErrChanged) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := NewZip(io.Discard).Add(e, strings.NewReader("fourth")); err != nil { // it grew behind what was promised
		t.Error(err)
	}
	for _, e := range []ZipEntry{{}, {Name: strings.Repeat("a", 1<<16)}, {Name: "a", Size: -1}} {
		if err := NewZip(io.Discard).Add(e, strings.NewReader("")); err == nil {
			t.Errorf("%.20s of %d bytes was taken", e.Name, e.Size)
		}
	}
}
