package exr

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
)

// magic begins every file; version flags follow in the high bytes of the next word.
const (
	magic     = 20000630
	flagTiled = 1 << 9
	flagLong  = 1 << 10
	flagDeep  = 1 << 11
	flagMulti = 1 << 12
)

// File is an open image.
type File struct {
	r     io.ReaderAt
	size  int64
	multi bool
	Parts []*Part
}

// Part is one image of a file.
type Part struct {
	Header
	file    *File
	index   int
	offsets []int64 // of the chunks
}

// Open reads the headers and the offset tables.
func Open(r io.ReaderAt, size int64) (*File, error) {
	h := &headerReader{r: r, left: min(size, maxHeader)}
	word, err := h.word()
	if err != nil || word != magic {
		return nil, bad("it does not begin like one")
	}
	version, err := h.word()
	if err != nil {
		return nil, err
	}
	if version&0xff != 2 {
		return nil, bad("its version %d is not known", version&0xff)
	}
	if version&^(0xff|flagTiled|flagLong|flagDeep|flagMulti) != 0 {
		return nil, bad("it has unknown flags")
	}
	f := &File{r: r, size: size, multi: version&flagMulti != 0}
	for {
		header, err := h.header()
		if err != nil {
			return nil, err
		}
		if f.multi && len(header) == 0 {
			break
		}
		p := &Part{file: f, index: len(f.Parts), Header: Header{Attributes: header}}
		if err := p.parse(version&flagTiled != 0, version&flagDeep != 0); err != nil {
			return nil, err
		}
		f.Parts = append(f.Parts, p)
		if !f.multi {
			break
		}
		if len(f.Parts) > maxParts {
			return nil, bad("it has over %d parts", maxParts)
		}
	}
	if len(f.Parts) == 0 {
		return nil, bad("it has no parts")
	}
	return f, f.readOffsets(h.at)
}

// readOffsets reads the tables of where each chunk is; they stand behind the headers, part by part.
func (f *File) readOffsets(at int64) error {
	for _, p := range f.Parts {
		if p.Chunks < 0 || int64(p.Chunks) > (f.size-at)/8 {
			return bad("it ends within its offset table; it was cut off")
		}
		raw := make([]byte, 8*p.Chunks)
		if _, err := f.r.ReadAt(raw, at); err != nil && !(errors.Is(err, io.EOF) && len(raw) == 0) {
			return readError(err)
		}
		at += int64(len(raw))
		p.offsets = make([]int64, p.Chunks)
		for i := range p.offsets {
			p.offsets[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	for _, p := range f.Parts {
		for i, o := range p.offsets {
			if o == 0 {
				return bad("block %d of %d was never written", i+1, len(p.offsets))
			}
			if o < at || o > f.size-8 {
				return bad("block %d of %d lies outside the file; it was cut off or damaged", i+1, len(p.offsets))
			}
		}
	}
	return nil
}

// headerReader reads small things from the front of the file, buffered and bounded.
type headerReader struct {
	r    io.ReaderAt
	at   int64
	left int64
	buf  []byte
}

func (h *headerReader) take(n int) ([]byte, error) {
	for len(h.buf) < n {
		if h.left <= 0 {
			return nil, bad("it ends within its header; it was cut off")
		}
		b := make([]byte, min(h.left, int64(max(4096, n-len(h.buf)))))
		got, err := h.r.ReadAt(b, h.at+int64(len(h.buf)))
		if got < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				return nil, bad("it ends within its header; it was cut off")
			}
			return nil, readError(err)
		}
		h.left -= int64(len(b))
		h.buf = append(h.buf, b...)
	}
	b := h.buf[:n:n]
	h.buf, h.at = h.buf[n:], h.at+int64(n)
	return b, nil
}

func (h *headerReader) word() (uint32, error) {
	b, err := h.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

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
			return "", bad("a name in its header is over 255 bytes long")
		}
	}
}

// header reads attributes up to the empty name.
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
		if int64(size) > h.left+int64(len(h.buf)) {
			return nil, bad("its attribute %s is longer than the header", clean(name))
		}
		value, err := h.take(int(size))
		if err != nil {
			return nil, err
		}
		list = append(list, Attribute{name, kind, append([]byte(nil), value...)})
	}
}

// Block is a run of lines of a part.
type Block struct {
	Line  int    // the first, counted from the top of the data window
	Lines int    //
	Bytes []byte // line by line; in a line channel by channel in the header's order, little-endian samples
}

// ReadBlock reads and unpacks the part's i-th block, 0 <= i < Chunks. buf, which may be nil, is used again.
func (p *Part) ReadBlock(i int, buf []byte) (Block, error) {
	if err := p.scanline(); err != nil {
		return Block{}, err
	}
	line, packed, err := p.chunk(i)
	if err != nil {
		return Block{}, err
	}
	first := int(line) - int(p.Data.MinY)
	lines := p.Compression.lines()
	if first < 0 || first >= p.Data.Height() || first%lines != 0 {
		return Block{}, bad("block %d of %d claims line %d, which it cannot hold", i+1, p.Chunks, line)
	}
	lines = min(lines, p.Data.Height()-first)
	want := lines * p.lineBytes()
	if cap(buf) < want {
		buf = make([]byte, want)
	}
	b := Block{Line: first, Lines: lines, Bytes: buf[:want]}
	if err := unpack(p.Compression, packed, b.Bytes); err != nil {
		return Block{}, bad("block %d of %d is damaged: %v", i+1, p.Chunks, err)
	}
	return b, nil
}

// chunk reads a scanline chunk: its line number and its packed bytes.
func (p *Part) chunk(i int) (line int32, packed []byte, err error) {
	f := p.file
	at := p.offsets[i]
	head := make([]byte, 8, 12)
	if f.multi {
		head = head[:12]
	}
	if at > f.size-int64(len(head)) {
		return 0, nil, bad("block %d of %d is cut off", i+1, p.Chunks)
	}
	if _, err := f.r.ReadAt(head, at); err != nil {
		return 0, nil, readError(err)
	}
	at += int64(len(head))
	if f.multi {
		if part := binary.LittleEndian.Uint32(head); int(part) != p.index {
			return 0, nil, bad("block %d of %d belongs to another part", i+1, p.Chunks)
		}
		head = head[4:]
	}
	line = int32(binary.LittleEndian.Uint32(head))
	size := int64(int32(binary.LittleEndian.Uint32(head[4:])))
	if size < 0 || size > f.size-at || size > maxBlock {
		return 0, nil, bad("block %d of %d is cut off", i+1, p.Chunks)
	}
	packed = make([]byte, size)
	if _, err := f.r.ReadAt(packed, at); err != nil {
		return 0, nil, readError(err)
	}
	return line, packed, nil
}

func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad("it ends too early; it was cut off")
	}
	return err
}

// Verify reads the whole file: every block of every part is unpacked and must hold the lines that are its own. Of
// parts whose pixels cannot be read here, it checks that every chunk lies within the file.
func Verify(r io.ReaderAt, size int64) error {
	f, err := Open(r, size)
	if err != nil {
		return err
	}
	var buf []byte
	for _, p := range f.Parts {
		if p.scanline() != nil {
			if p.Kind == "" || p.Kind == "scanlineimage" {
				for i := range p.offsets {
					if _, _, err := p.chunk(i); err != nil {
						return err
					}
				}
			}
			continue
		}
		seen := make([]bool, p.Chunks)
		for i := range p.offsets {
			b, err := p.ReadBlock(i, buf)
			if err != nil {
				return err
			}
			buf = b.Bytes
			n := b.Line / p.Compression.lines()
			if seen[n] {
				return bad("it has line %d twice", b.Line)
			}
			seen[n] = true
		}
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
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("not a file")}
	}
	return use(f, st.Size())
}
