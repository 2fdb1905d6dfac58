package blob

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
)

func ends(t testing.TB, r io.Reader, s *cutSizes) (ends []int) {
	t.Helper()
	at := 0
	for c := newCutter(r, s); ; {
		b, err := c.Next()
		if err == io.EOF {
			return ends
		}
		if err != nil {
			t.Fatal(err)
		}
		at += len(b)
		ends = append(ends, at)
	}
}

// TestCutIsPinned: what one version cut is found by all others. Who changes how chunks are cut gives CutName another
// name, and this test other numbers.
func TestCutIsPinned(t *testing.T) {
	data := make([]byte, 1<<20)
	for i, x := 0, uint32(1); i < len(data); i++ {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	r, err := recipeOf(bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "b4aac069bb3d686c8c422280593887484ca84ade140e6c6aae4f4fbedcb572a5"
	if got := RefOf(r.Encode()).String(); got != want || CutName != "fastcdc-32k-1" {
		t.Errorf("%s cuts as %s, not %s", CutName, got, want)
	}
}

// TestCutReadSizes: where chunks end does not depend on how the bytes come.
func TestCutReadSizes(t *testing.T) {
	data := noise(3, 1<<20)
	want := ends(t, bytes.NewReader(data), &chunkSizes)
	for name, r := range map[string]io.Reader{
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(data)),
		"halves":         iotest.HalfReader(bytes.NewReader(data)),
		"end with bytes": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		if got := ends(t, r, &chunkSizes); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
	if _, err := recipeOf(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrClosedPipe)), nil); err != io.ErrClosedPipe {
		t.Errorf("a broken reader: %v", err)
	}
}

// TestCutBounds: no chunk is too long, only the last is too short, and their mean is what was asked for.
func TestCutBounds(t *testing.T) {
	for name, data := range map[string][]byte{
		"noise": noise(4, 8<<20), "zeros": make([]byte, 1<<20+5), "a pattern": bytes.Repeat([]byte("vertex 0.25 0.5\n"), 1<<16), "little": noise(5, 100), "nothing": nil,
	} {
		at := 0
		all := ends(t, bytes.NewReader(data), &chunkSizes)
		for i, end := range all {
			if n := end - at; n > MaxChunk || n < minChunk && i < len(all)-1 {
				t.Errorf("%s: a chunk of %d bytes", name, n)
			}
			at = end
		}
		if at != len(data) {
			t.Errorf("%s: %d of %d bytes", name, at, len(data))
		}
		if mean := len(data) / max(1, len(all)); name == "noise" && (mean < midChunk*3/4 || mean > midChunk*3/2) {
			t.Errorf("chunks have %d bytes in the mean", mean)
		}
	}
}

// TestCutInsertion: what is inserted, removed or changed somewhere changes the chunks around it and no others.
func TestCutInsertion(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	data := noise(6, 4<<20)
	have := map[Ref]bool{}
	old, _ := recipeOf(bytes.NewReader(data), nil)
	for _, c := range old {
		have[c.Sum] = true
	}
	total := 0
	const tries = 30
	for range tries {
		at := chance.IntN(len(data))
		next := slices.Concat(data[:at], noise(byte(at), chance.IntN(100)), data[min(len(data), at+chance.IntN(100)):])
		r, err := recipeOf(bytes.NewReader(next), nil)
		if err != nil {
			t.Fatal(err)
		}
		fresh := 0
		for _, c := range r {
			if !have[c.Sum] {
				fresh++
			}
		}
		if total += fresh; fresh > 10 {
			t.Errorf("%d of %d chunks are new after a change at %d", fresh, len(r), at)
		}
	}
	if total > tries*4 {
		t.Errorf("%.1f chunks are new after a change", float64(total)/tries)
	}
}

// FuzzCut cuts any bytes, small: the chunks are the bytes, within their bounds, however they are read.
func FuzzCut(f *testing.F) {
	f.Add(noise(7, 3000), 1)
	f.Add(make([]byte, 2000), 7)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		s := sizesOf(64, 256, 1024)
		all := ends(t, bytes.NewReader(data), &s)
		step = max(1, step)
		if pieces := ends(t, &steps{data, min(step, len(data)+1)}, &s); !slices.Equal(all, pieces) {
			t.Errorf("%v, but %v when read by %d", all, pieces, step)
		}
		at := 0
		for i, end := range all {
			if n := end - at; n > 1024 || n < 64 && i < len(all)-1 {
				t.Errorf("a chunk of %d bytes", n)
			}
			at = end
		}
		if at != len(data) {
			t.Errorf("%d of %d bytes", at, len(data))
		}
	})
}

// steps reads few bytes at once.
type steps struct {
	b    []byte
	most int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.most)], s.b)
	s.b = s.b[n:]
	return n, nil
}
