package archive

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Read goes through an archive of the kind and calls each, which may be nil, with every file in turn; what each does
// not read is passed over, and is verified all the same. Nothing is sure of what each was given before Read returns
// nil: read it once without each, or keep what came apart until then. Names are clean, but nothing says that they come
// once.
func Read(r io.Reader, kind string, each func(Entry, io.Reader) error) (Head, error) {
	return ReadAfter(r, kind, nil, each)
}

// ReadAfter is Read for whoever must know the head first.
func ReadAfter(r io.Reader, kind string, begin func(Head) error, each func(Entry, io.Reader) error) (Head, error) {
	a := &reader{tar: tar.NewReader(r), sum: newSum()}
	e, body, err := a.next()
	if errors.Is(err, ErrCut) || errors.Is(err, ErrDamaged) || err == nil && e.Name != headName {
		return Head{}, fmt.Errorf("%w: it has no head", ErrOther)
	}
	if err != nil {
		return Head{}, err
	}
	var h Head
	if err := a.document(e, body, &h); err != nil {
		return Head{}, err
	}
	switch {
	case h.Kind != kind || h.Format < 1:
		return h, fmt.Errorf("%w: its kind is %.40q", ErrOther, h.Kind)
	case h.Format > format:
		return h, fmt.Errorf("%w (%.40q)", ErrNewer, h.Program)
	}
	if begin != nil {
		if err := begin(h); err != nil {
			return h, err
		}
	}
	for count := 0; ; count++ {
		want := a.sum.text()
		e, body, err := a.next()
		if err != nil {
			return h, err
		}
		switch e.Name {
		case headName:
			return h, fmt.Errorf("%w: it has two heads", ErrDamaged)
		case endName:
			var last end
			if err := a.document(e, body, &last); err != nil {
				return h, err
			}
			if last.Entries != count || last.Sum != want {
				return h, fmt.Errorf("%w: its bytes are not those that were written", ErrDamaged)
			}
			if _, err := a.tar.Next(); err != io.EOF {
				return h, fmt.Errorf("%w: it goes on after its end", ErrDamaged)
			}
			return h, nil
		}
		if each != nil {
			if err := each(e, body); err != nil {
				return h, err
			}
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return h, err
		}
	}
}

type reader struct {
	tar *tar.Reader
	sum sum
}

// next begins the next entry. The one before was read to its end.
func (a *reader) next() (Entry, io.Reader, error) {
	h, err := a.tar.Next()
	if err != nil {
		return Entry{}, nil, sort(err)
	}
	e := Entry{Name: h.Name, Size: h.Size, Private: h.Mode&0o077 == 0}
	sparse := false // a few bytes that stand for many
	for key := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	if h.Typeflag != tar.TypeReg || sparse || !goodName(e.Name) || e.Size < 0 {
		return e, nil, fmt.Errorf("%w: %.80q is nothing that was put into it", ErrDamaged, e.Name)
	}
	a.sum.begin(e)
	return e, &summed{&exactly{a.tar, e.Size}, a.sum}, nil
}

// document reads a short entry of JSON.
func (a *reader) document(e Entry, body io.Reader, into any) error {
	if e.Size > maxHead {
		return fmt.Errorf("%w: %s has %d bytes", ErrDamaged, e.Name, e.Size)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: %s cannot be read: %w", ErrDamaged, e.Name, err)
	}
	return nil
}

// summed adds to the sum what is read.
type summed struct {
	r   io.Reader
	sum sum
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	if err != nil && err != io.EOF {
		err = sort(err)
	}
	return n, err
}

// sort tells a tar that was cut off, or whose blocks make no sense, from a file that cannot be read.
func sort(err error) error {
	switch {
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrCut, err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong), errors.Is(err, tar.ErrInsecurePath):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
