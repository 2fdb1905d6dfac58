package exr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Writer writes a file block by block. It belongs to one goroutine. A file that was not closed has zeros in its table
// of offsets, by which readers know that it is not whole.
type Writer struct {
	w     io.WriterAt
	multi bool
	at    int64  // where buf begins
	buf   []byte // not yet written
	table int64  // where the tables of offsets begin
	parts []writtenPart
	pack  packer
	err   error // of a write; nothing works after it
}

type writtenPart struct {
	Header
	offsets []int64
	done    int
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 1 << 18

// NewWriter writes the headers of a file, of several parts if several headers are given. Of the headers only the
// attributes count. They are written as they are, in their order; in files of several parts type and chunkCount are
// added or corrected, and each part must have a name of its own. The attributes must describe scanline images that
// Readable accepts.
func NewWriter(w io.WriterAt, headers ...[]Attribute) (*Writer, error) {
	if len(headers) == 0 || len(headers) > maxParts {
		return nil, fmt.Errorf("an OpenEXR file of %d parts cannot be written", len(headers))
	}
	out := &Writer{w: w, multi: len(headers) > 1}
	flags := uint32(version)
	if out.multi {
		flags |= flagMulti
	}
	var head []byte
	names := map[string]bool{}
	chunks := 0
	for _, attributes := range headers {
		p, err := prepare(attributes, out.multi)
		if err != nil {
			return nil, err
		}
		if out.multi && (p.Name == "" || names[p.Name]) {
			return nil, fmt.Errorf("each part of an OpenEXR file needs a name of its own, not %q", p.Name)
		}
		names[p.Name] = true
		for _, c := range p.Channels {
			if len(c.Name) > 31 {
				flags |= flagLong
			}
		}
		for _, a := range p.Attributes {
			if len(a.Name) > 31 || len(a.Type) > 31 {
				flags |= flagLong
			}
			head = append(append(append(append(head, a.Name...), 0), a.Type...), 0)
			head = binary.LittleEndian.AppendUint32(head, uint32(len(a.Value)))
			head = append(head, a.Value...)
		}
		head = append(head, 0)
		chunks += p.Chunks
		out.parts = append(out.parts, writtenPart{Header: p, offsets: make([]int64, p.Chunks)})
	}
	if out.multi {
		head = append(head, 0)
	}
	if len(head) > maxHeader-8 || chunks > maxChunks {
		return nil, errors.New("the headers of the OpenEXR file are too large to be written")
	}
	out.buf = binary.LittleEndian.AppendUint32(out.buf, magic)
	out.buf = binary.LittleEndian.AppendUint32(out.buf, flags)
	out.buf = append(out.buf, head...)
	out.table = int64(len(out.buf))
	out.buf = append(out.buf, make([]byte, 8*chunks)...)
	return out, out.flush()
}

// prepare makes the header of a part that can be written.
func prepare(attributes []Attribute, multi bool) (Header, error) {
	seen := map[string]bool{}
	for _, a := range attributes {
		for _, s := range []string{a.Name, a.Type} {
			if s == "" || len(s) > 255 || strings.IndexByte(s, 0) >= 0 {
				return Header{}, fmt.Errorf("an attribute cannot be named %q or be of the type %q", clean(a.Name), clean(a.Type))
			}
		}
		if seen[a.Name] {
			return Header{}, fmt.Errorf("the attribute %s was given twice", clean(a.Name))
		}
		if seen[a.Name] = true; len(a.Value) > maxHeader {
			return Header{}, fmt.Errorf("the attribute %s is too large", clean(a.Name))
		}
	}
	// Which kind and how many blocks is for the pixels to say, not for what the attributes were copied from.
	if multi || seen["type"] {
		attributes = Replace(attributes, NewAttribute("type", string(Scanline)))
	}
	count := Attribute{Name: "chunkCount"}
	if multi || seen["chunkCount"] {
		count = NewAttribute("chunkCount", int32(0))
		attributes = Replace(attributes, count)
	}
	h, err := parse(attributes, 0)
	if err == nil {
		err = h.Readable()
	}
	if err != nil {
		return h, fmt.Errorf("this cannot be written: %w", err)
	}
	if count.Value != nil {
		h.Attributes = Replace(h.Attributes, NewAttribute("chunkCount", int32(h.Chunks)))
	}
	return h, nil
}

// Header returns the header of a part as it was written.
func (w *Writer) Header(part int) *Header { return &w.parts[part].Header }

// WriteBlock packs and writes a part's i-th block from the top: BlockLines of it, complete lines one after the other.
// Each block must come once, in the order that the header's LineOrder names; blocks of different parts may alternate.
func (w *Writer) WriteBlock(part, i int, lines []byte) error {
	if w.err != nil {
		return w.err
	}
	p := &w.parts[part]
	if i < 0 || i >= p.Chunks {
		return fmt.Errorf("there is no block %d of %d to be written", i+1, p.Chunks)
	}
	if p.offsets[i] != 0 || p.LineOrder == Increasing && i != p.done || p.LineOrder == Decreasing && i != p.Chunks-1-p.done {
		return fmt.Errorf("block %d of %d was written out of turn", i+1, p.Chunks)
	}
	_, n := p.BlockLines(i)
	if want := int64(n) * p.LineBytes(); int64(len(lines)) != want {
		return fmt.Errorf("block %d of %d has %d bytes instead of %d", i+1, p.Chunks, len(lines), want)
	}
	packed, err := w.pack.pack(p.Compression, lines)
	if err != nil {
		return err
	}
	return w.put(part, i, packed)
}

// put writes the bytes of a part's i-th block, whose turn it is, as they are packed.
func (w *Writer) put(part, i int, packed []byte) error {
	if w.err != nil {
		return w.err
	}
	p := &w.parts[part]
	first, _ := p.BlockLines(i)
	p.offsets[i] = w.at + int64(len(w.buf))
	p.done++
	if w.multi {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(part))
	}
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(p.Data.MinY)+uint32(first))
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(packed)))
	w.buf = append(w.buf, packed...)
	if len(w.buf) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.WriteAt(w.buf, w.at)
		w.at += int64(len(w.buf))
		w.buf = w.buf[:0]
	}
	return w.err
}

// Close writes the table of offsets, which makes the file whole; what it was written to stays open. It fails if blocks
// are missing.
func (w *Writer) Close() error {
	var table []byte
	for n := range w.parts {
		p := &w.parts[n]
		if w.err == nil && p.done < p.Chunks {
			w.err = fmt.Errorf("only %d of %d blocks of the OpenEXR file were written", p.done, p.Chunks)
		}
		for _, o := range p.offsets {
			table = binary.LittleEndian.AppendUint64(table, uint64(o))
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	if _, w.err = w.w.WriteAt(table, w.table); w.err != nil {
		return w.err
	}
	w.err = errors.New("the OpenEXR file was closed already")
	return nil
}
