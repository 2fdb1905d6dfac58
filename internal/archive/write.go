package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Writer writes an archive. After an error it is of no use.
type Writer struct {
	tar   *tar.Writer
	made  time.Time
	sum   sum
	count int
}

// NewWriter begins an archive with its head; the format is filled in.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	h.Format = format
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	a := &Writer{tar: tar.NewWriter(w), made: h.Made, sum: newSum()}
	return a, a.put(Entry{Name: headName, Size: int64(len(text))}, bytes.NewReader(text))
}

// Add writes a file of the announced size.
func (a *Writer) Add(e Entry, r io.Reader) error {
	if !goodName(e.Name) || e.Name == headName || e.Name == endName || e.Size < 0 {
		return fmt.Errorf("%q of %d bytes cannot be put into an archive", e.Name, e.Size)
	}
	a.count++
	return a.put(e, r)
}

func (a *Writer) put(e Entry, r io.Reader) error {
	h := &tar.Header{Name: e.Name, Size: e.Size, Mode: 0o644, ModTime: a.made, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if e.Private {
		h.Mode = 0o600
	}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	a.sum.begin(e)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(a.tar, a.sum)}, &exactly{r, e.Size}, make([]byte, 128<<10))
	if err == nil && n != e.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Close writes the end. An archive that is not closed is read as one that ends too early.
func (a *Writer) Close() error {
	text, err := json.Marshal(end{a.count, a.sum.text()})
	if err != nil {
		return err
	}
	if err := a.put(Entry{Name: endName, Size: int64(len(text))}, bytes.NewReader(text)); err != nil {
		return err
	}
	return a.tar.Close()
}
