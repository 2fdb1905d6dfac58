package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// FuzzCheckpoint reads any bytes as the record of an upload's progress: a record that is taken is as it was written.
func FuzzCheckpoint(f *testing.F) {
	f.Add(checkpoint{1, 0}.encode())
	f.Add(checkpoint{1 << 63, 1 << 40}.encode())
	f.Add(checkpoint{7, 9}.encode()[:slotSize-1])
	f.Add(make([]byte, 2*slotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := decodeCheckpoint(b)
		if ok && (c.at < 0 || string(c.encode()[:56]) != string(b[:56])) {
			t.Errorf("%q was read as %+v", b, c)
		}
	})
}

// FuzzHashEntry reads any text as a line of the hash cache.
func FuzzHashEntry(f *testing.F) {
	ref := strings.Repeat("0a", 32)
	f.Add(ref + ` 1 2 3 4 5 "/home/ann/a b.png"`)
	f.Add(ref + ` -1 9223372036854775807 0 0 18446744073709551615 "\xff"`)
	f.Add(ref + " 1 2 3 4 5 `/x`")
	f.Add("x 1 2 3 4 5 \"")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		name, e, ok := parseHashEntry(line)
		if !ok {
			return
		}
		again := fmt.Sprintf("%s %d %d %d %d %d %s", e.ref, e.size, e.mtime, e.ctime, e.dev, e.inode, strconv.Quote(name))
		if name2, e2, ok := parseHashEntry(again); !ok || name2 != name || e2 != e {
			t.Errorf("%q was read as %q %+v, and that written as %q", line, name, e, again)
		}
	})
}

// FuzzRecipe reads any bytes as a recipe: one that is taken is as it was written, and of a blob of that size.
func FuzzRecipe(f *testing.F) {
	good := Recipe{{RefOf([]byte("a")), 1}, {RefOf([]byte("b")), MaxChunk}}
	f.Add(good.Encode(), int64(MaxChunk+1))
	f.Add(good.Encode(), int64(-1))
	f.Add(Recipe{}.Encode(), int64(0))
	f.Add(Recipe{{Ref{}, 0}}.Encode(), int64(0))
	f.Add([]byte(recipeMagic), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		// With its sum, which the fuzzer cannot find.
		sum := RefOf(b)
		for _, b := range [][]byte{b, append(b[:len(b):len(b)], sum[:]...)} {
			r, err := DecodeRecipe(b, size)
			if err != nil {
				continue
			}
			var all int64
			for _, c := range r {
				if c.Size < 1 || c.Size > MaxChunk {
					t.Errorf("a chunk of %d bytes", c.Size)
				}
				all += int64(c.Size)
			}
			if all != size || string(r.Encode()) != string(b) {
				t.Errorf("%q was read as %v", b, r)
			}
		}
	})
}

// FuzzExpand reads any bytes as a body in chunks: what is given are literals, and chunks that are there.
func FuzzExpand(f *testing.F) {
	d, err := OpenDisk(f.TempDir(), DiskOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	x := NewIndex(d)
	b := noise(8, ChunkFrom)
	ref := RefOf(b)
	if err := d.Put(f.Context(), ref, int64(len(b)), bytes.NewReader(b)); err != nil {
		f.Fatal(err)
	}
	if err := x.cut(f.Context(), ref, &cutting{}); err != nil {
		f.Fatal(err)
	}
	r, err := x.read(ref)
	if err != nil {
		f.Fatal(err)
	}
	var hook Ref
	for _, c := range r {
		if isHook(c.Sum) {
			hook = c.Sum
		}
	}
	f.Add(AppendCopy(append(AppendLiteral(nil, 3), "abc"...), hook))
	f.Add(AppendCopy(nil, Ref{1}))
	f.Add(AppendLiteral(nil, 1<<32-1))
	f.Add(AppendLiteral(nil, 0))
	f.Add([]byte("CL"))
	f.Fuzz(func(t *testing.T, body []byte) {
		in := x.Expand(t.Context(), bytes.NewReader(body))
		defer in.Close()
		got, err := io.ReadAll(in)
		most := len(body)
		if bytes.Contains(body, hook[:]) {
			most += len(body) / len(hook) * MaxChunk
		}
		if len(got) > most {
			t.Errorf("%d bytes came of %d (%v)", len(got), len(body), err)
		}
		var chunk *ChunkError
		if err != nil && !errors.Is(err, ErrOps) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &chunk) {
			t.Errorf("%v", err)
		}
	})
}
