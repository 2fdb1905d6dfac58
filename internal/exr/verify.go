package exr

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
)

// Verify reads a whole file and returns nil if it is sound: every block of every part is where the tables say, lies
// within the file, overlaps no other and can be unpacked. Of parts whose pixels cannot be read here all but the
// unpacking is checked. The error is a sentence; it is ErrFormat if it is the file's fault.
func Verify(r io.ReaderAt, size int64) error {
	f, err := Open(r, size)
	if err != nil {
		return err
	}
	type place struct {
		chunk
		part *Part
		i    int
	}
	var places []place
	for _, p := range f.Parts {
		if err := p.verifiable(); err != nil {
			return err
		}
		for i := range p.Chunks {
			c, err := p.locate(i)
			if err != nil {
				return err
			}
			places = append(places, place{c, p, i})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(places); i++ {
		if a, b := places[i-1], places[i]; a.end > b.start {
			return damaged("%s and %s overlap", a.part.block(a.i), b.part.block(b.i))
		}
	}
	var buf []byte
	for _, at := range places { // in the order of the disk
		if at.part.Readable() != nil {
			continue
		}
		b, err := at.part.ReadBlock(at.i, buf)
		if err != nil {
			return err
		}
		buf = b.Bytes
	}
	return nil
}

// VerifyFile is Verify for a file on disk.
func VerifyFile(path string) error {
	return withFile(path, Verify)
}

func withFile(path string, use func(io.ReaderAt, int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	return use(f, st.Size())
}

func itoa(n int) string { return strconv.Itoa(n) }
