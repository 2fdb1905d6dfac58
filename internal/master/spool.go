package master

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"os"

	"github.com/netrender/netrender/internal/farm"
)

// spool keeps what becomes of an imported job's frames until all is known: a job may have a million. More than a part of
// it lies in a file.
type spool struct {
	path string
	room func(bytes int64) error // is asked before that much is written

	part bytes.Buffer // the last one
	enc  *gob.Encoder // to part
	file *os.File     // the others; nil: there are none
}

const (
	spoolPart = 1 << 20 // bytes
	spoolPage = 500     // attempts that are given back at once
)

func (s *spool) add(t farm.Attempt) error {
	if s.enc == nil {
		s.enc = gob.NewEncoder(&s.part)
	}
	if err := s.enc.Encode(&t); err != nil {
		return err
	}
	if s.part.Len() < spoolPart {
		return nil
	}
	if err := s.room(int64(s.part.Len())); err != nil {
		return err
	}
	if s.file == nil {
		f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return plainDisk(err, cannotUnpack)
		}
		s.file = f
	}
	_, err := s.part.WriteTo(s.file)
	return plainDisk(err, cannotUnpack)
}

// each gives back what was added, page by page, in its order, once.
func (s *spool) each(page func([]farm.Attempt) error) error {
	all := io.Reader(&s.part)
	if s.file != nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return plainDisk(err, cannotUnpack)
		}
		all = io.MultiReader(s.file, &s.part)
	}
	dec := gob.NewDecoder(bufio.NewReaderSize(all, 64<<10))
	for {
		list := make([]farm.Attempt, 0, spoolPage)
		for len(list) < spoolPage {
			var t farm.Attempt
			err := dec.Decode(&t)
			if errors.Is(err, io.EOF) {
				if len(list) == 0 {
					return nil
				}
				return page(list)
			}
			if err != nil {
				return plainDisk(err, cannotUnpack)
			}
			list = append(list, t)
		}
		if err := page(list); err != nil {
			return err
		}
	}
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}
