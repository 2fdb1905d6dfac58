package exr

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

var seeds = []string{"half", "multilayer", "multipart", "rle", "zips", "decreasing", "piz", "tiled", "mixed"}

func addSeeds(f *testing.F) {
	for _, name := range seeds {
		_, b := read(f, name+".exr")
		f.Add(b)
	}
	f.Add(raw(0, Basics(3, 2, None, []Channel{{"A", Half, 0, 1, 1}}), 80))
}

// FuzzHeader: any bytes are a file with sound headers or are refused; what was read can be written and read again.
func FuzzHeader(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		var headers [][]Attribute
		for _, p := range file.Parts {
			for _, a := range p.Attributes {
				_, _ = a.Decode()
			}
			headers = append(headers, p.Attributes)
		}
		if int64(len(b)) > 1<<16 || len(headers) > 8 {
			return
		}
		for _, p := range file.Parts {
			if p.Chunks > 1<<12 {
				return
			}
		}
		var out memory
		if _, err := NewWriter(&out, headers...); err != nil {
			return // a part that cannot be written
		}
		again, err := Open(bytes.NewReader(out), int64(len(out)))
		if err != nil || len(again.Parts) != len(file.Parts) {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}

// FuzzDecode: any bytes are verified, loaded and compared, or refused; a file that is sound can be loaded.
func FuzzDecode(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		sound := verify(b)
		if sound != nil && !errors.Is(sound, ErrFormat) && !errors.Is(sound, ErrUnsupported) {
			t.Fatal(sound)
		}
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if sound == nil {
				t.Fatal("a sound file cannot be opened")
			}
			return
		}
		for _, p := range file.Parts {
			if p.LineBytes()*p.Data.Height() > 1<<24 {
				return
			}
			if _, err := p.Load(); err != nil && sound == nil && p.Readable() == nil {
				t.Fatalf("a sound file cannot be loaded: %v", err)
			}
		}
		if d, err := Compare(file, file); err == nil && !d.Equal() {
			t.Fatalf("a file differs from itself: %v", &d)
		}
	})
}

// FuzzJoin: any bytes are stitched and merged, with themselves, or refused; what becomes of a file is sound, and has its pixels.
func FuzzJoin(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, p := range file.Parts {
			if p.LineBytes()*p.Data.Height() > 1<<20 || p.Chunks > 1<<10 {
				return
			}
		}
		known := func(err error) bool {
			return errors.Is(err, ErrFormat) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrMismatch)
		}
		whole := file.Parts[0].Data
		middle := whole.MinX + int32(whole.Width()/2)
		left, right := whole, whole
		left.MaxX, right.MinX = middle-1, middle
		tiles := []Tile{{File: file, Inner: &right}}
		if left.Width() > 0 {
			tiles = append(tiles, Tile{File: file, Inner: &left})
		}
		for _, of := range [][]Tile{tiles, {{File: file}}} {
			var out memory
			err := Stitch(context.Background(), &out, of, Stitching{Whole: &whole})
			if err == nil {
				same(t, file, out)
			} else if !known(err) && Verify(bytes.NewReader(b), int64(len(b))) == nil {
				if _, err := NewWriter(new(memory), file.Parts[0].Attributes); err == nil {
					t.Fatal(err)
				}
			}
		}
		var out memory
		_, err = MergeSamples(context.Background(), &out, []Samples{{File: file, Count: 1}, {File: file, Count: 2}}, Merging{})
		if err == nil {
			if err := verify(out); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func same(t *testing.T, file *File, b []byte) {
	t.Helper()
	if err := verify(b); err != nil {
		t.Fatal(err)
	}
	if d, err := Compare(file, open(t, b)); err != nil || !d.Equal() {
		t.Fatal(err, &d)
	}
}
