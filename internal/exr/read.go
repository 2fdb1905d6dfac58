package exr

import (
	"encoding/binary"
	"errors"
	"io"
)

// magic begins every file; the version and its flags follow ("Version Field").
const (
	magic     = 20000630
	version   = 2
	flagTiled = 1 << 9
	flagLong  = 1 << 10 // names may have up to 255 bytes instead of 31
	flagDeep  = 1 << 11
	flagMulti = 1 << 12
)

// File is an open image. It does not change, so that several goroutines may read from it at once.
type File struct {
	r     io.ReaderAt
	size  int64
	multi bool
	body  int64 // where the chunks begin
	Parts []*Part
}

// Part is one image of a file.
type Part struct {
	Header
	file    *File
	index   int
	offsets []int64 // of the chunks; nil if table is set
	table   error   // why the offsets cannot be had
}

// Open reads the headers and the tables of offsets of a file of size bytes. A file whose headers are sound can be
// opened even if all behind them is damaged or missing; reading that fails then.
func Open(r io.ReaderAt, size int64) (*File, error) {
	h := &headerReader{r: r, left: min(size, maxHeader), whole: size <= maxHeader}
	if word, err := h.word(); err != nil && !errors.Is(err, ErrFormat) {
		return nil, err
	} else if err != nil || word != magic {
		return nil, &failure{ErrFormat, "this is not an OpenEXR file"}
	}
	flags, err := h.word()
	if err != nil {
		return nil, err
	}
	if flags&0xff != version {
		return nil, unsupported("version %d of OpenEXR files cannot be read here", flags&0xff)
	}
	if unknown := flags &^ (0xff | flagTiled | flagLong | flagDeep | flagMulti); unknown != 0 {
		return nil, unsupported("OpenEXR files with the flags %#x cannot be read here", unknown)
	}
	if flags&flagTiled != 0 && flags&(flagDeep|flagMulti) != 0 {
		return nil, damaged("its flags %#x contradict one another", flags)
	}
	f := &File{r: r, size: size, multi: flags&flagMulti != 0}
	for {
		attributes, err := h.header()
		if err != nil {
			return nil, err
		}
		if f.multi && len(attributes) == 0 {
			break
		}
		if len(f.Parts) == maxParts {
			return nil, damaged("it has over %d parts", maxParts)
		}
		p := &Part{file: f, index: len(f.Parts)}
		if p.Header, err = parse(attributes, flags); err != nil {
			return nil, err
		}
		f.Parts = append(f.Parts, p)
		if !f.multi {
			break
		}
	}
	if len(f.Parts) == 0 {
		return nil, damaged("it has no parts")
	}
	return f, f.readTables(h.at)
}

// readTables reads where the chunks of each part are. Only errors of the disk are returned, what is wrong with a table
// is kept with its part.
func (f *File) readTables(at int64) error {
	n := int64(0)
	for _, p := range f.Parts {
		n += int64(p.Chunks)
	}
	f.body = at + 8*n
	if n > maxChunks {
		return damaged("it cannot have %d blocks", n)
	}
	for _, p := range f.Parts {
		size := 8 * int64(p.Chunks)
		if size > f.size-at {
			p.table = cutOff("it ends within its table of blocks")
			at += size
			continue
		}
		raw := make([]byte, size)
		if err := f.read(raw, at); err != nil {
			return err
		}
		at += size
		p.offsets = make([]int64, p.Chunks)
		for i := range p.offsets {
			p.offsets[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return nil
}

// read fills b from an offset; the range was checked against the size that the file was said to have.
func (f *File) read(b []byte, at int64) error {
	n, err := f.r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return cutOff("it became shorter while it was read")
	}
	return err
}

// headerReader reads small things from the front of the file, buffered and bounded.
type headerReader struct {
	r     io.ReaderAt
	at    int64 // of what comes next
	left  int64 // bytes that may be read beyond buf
	whole bool  // left ends with the file, not with maxHeader
	buf   []byte
}

func (h *headerReader) take(n int64) ([]byte, error) {
	if need := n - int64(len(h.buf)); need > 0 {
		if need > h.left {
			return nil, h.short()
		}
		b := make([]byte, int64(len(h.buf))+min(h.left, max(8192, need)))
		copy(b, h.buf)
		more := b[len(h.buf):]
		if got, err := h.r.ReadAt(more, h.at+int64(len(h.buf))); got < len(more) {
			if err == nil || errors.Is(err, io.EOF) {
				return nil, h.short()
			}
			return nil, err
		}
		h.left -= int64(len(more))
		h.buf = b
	}
	b := h.buf[:n:n]
	h.buf, h.at = h.buf[n:], h.at+n
	return b, nil
}

func (h *headerReader) short() error {
	if h.whole {
		return cutOff("it ends within its header")
	}
	return damaged("its header is over %d bytes long", maxHeader)
}

func (h *headerReader) word() (uint32, error) {
	b, err := h.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// text reads up to a zero byte. Whether the file may have names of over 31 bytes does not matter to a reader.
func (h *headerReader) text() (string, error) {
	var s []byte
	for {
		b, err := h.take(1)
		if err != nil {
			return "", err
		}
		if b[0] == 0 {
			return string(s), nil
		}
		if s = append(s, b[0]); len(s) > 255 {
			return "", damaged("a name in its header is over 255 bytes long")
		}
	}
}

// header reads attributes up to the empty name that ends them.
func (h *headerReader) header() ([]Attribute, error) {
	var list []Attribute
	for {
		name, err := h.text()
		if err != nil || name == "" {
			return list, err
		}
		kind, err := h.text()
		if err != nil {
			return nil, err
		}
		size, err := h.word()
		if err != nil {
			return nil, err
		}
		value, err := h.take(int64(size))
		if err != nil {
			return nil, err
		}
		// A copy: one kept attribute must not keep the whole header.
		list = append(list, Attribute{name, kind, append(make([]byte, 0, size), value...)})
	}
}
