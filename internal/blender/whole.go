package blender

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// Blender from 5.0 on says "Saved" when the disk was full and half a file was written (seen on 5.2; 3.4 reports it). These
// checks read a few bytes of each kind of file that Blender's results are mostly made of.

var errHalf = errors.New("the file is not whole")

// checkWhole says whether a picture file ends where its format says. Formats it does not know pass.
func checkWhole(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return checkPicture(file, info.Size())
}

func checkPicture(r io.ReaderAt, size int64) error {
	head := make([]byte, 8)
	if _, err := r.ReadAt(head, 0); err != nil {
		return errHalf
	}
	end := func(want string) error {
		tail := make([]byte, len(want))
		if _, err := r.ReadAt(tail, size-int64(len(want))); err != nil && err != io.EOF || string(tail) != want {
			return errHalf
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG")): // w3.org/TR/png: the IEND chunk is the last
		return end("\x00\x00\x00\x00IEND\xaeB`\x82")
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")): // ITU T.81: EOI is the last marker
		return end("\xff\xd9")
	case bytes.HasPrefix(head, []byte("\x76\x2f\x31\x01")):
		return checkEXR(r, size)
	}
	return nil
}

// exrLines are the scan lines in a chunk by compression: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB.
var exrLines = []int64{1, 1, 1, 16, 32, 16, 32, 32, 32, 256}

// checkEXR follows the table of chunks, which is written last (openexr.com, "OpenEXR File Layout"). Tiled single parts pass.
func checkEXR(r io.ReaderAt, size int64) error {
	header := make([]byte, min(size, 1<<20))
	if _, err := r.ReadAt(header, 0); err != nil && err != io.EOF {
		return errHalf
	}
	if len(header) < 9 {
		return errHalf
	}
	flags := binary.LittleEndian.Uint32(header[4:])
	multipart := flags&0x1000 != 0
	if flags&0x200 != 0 && !multipart {
		return nil
	}
	at, chunks := 8, int64(0)
	for {
		attributes, next, ok := exrHeader(header, at)
		if !ok {
			return errHalf
		}
		at = next
		if len(attributes) == 0 { // the empty header behind the last part
			break
		}
		count, ok := exrChunks(attributes, multipart)
		if !ok {
			return errHalf
		}
		chunks += count
		if !multipart {
			break
		}
	}
	if chunks < 1 || int64(at)+8*chunks > size || chunks > 1<<20 {
		return errHalf
	}
	table := make([]byte, 8*chunks)
	if _, err := r.ReadAt(table, int64(at)); err != nil && err != io.EOF {
		return errHalf
	}
	last := int64(0)
	for i := range chunks {
		offset := int64(binary.LittleEndian.Uint64(table[8*i:]))
		if offset < int64(at)+8*chunks || offset >= size {
			return errHalf
		}
		last = max(last, offset)
	}
	lead := int64(8) // line, length
	if multipart {
		lead = 12 // part, line, length
	}
	chunk := make([]byte, lead)
	if _, err := r.ReadAt(chunk, last); err != nil && err != io.EOF {
		return errHalf
	}
	length := int64(binary.LittleEndian.Uint32(chunk[lead-4:]))
	if !multipart && last+lead+length > size { // deep and tiled parts of a multi-part file lead with more
		return errHalf
	}
	return nil
}

// exrHeader reads the attributes of one part; next is behind its terminating zero.
func exrHeader(data []byte, at int) (attributes map[string][]byte, next int, ok bool) {
	attributes = map[string][]byte{}
	word := func() (string, bool) {
		end := bytes.IndexByte(data[at:], 0)
		if end < 0 {
			return "", false
		}
		text := string(data[at : at+end])
		at += end + 1
		return text, true
	}
	for at < len(data) {
		name, ok := word()
		if !ok {
			return nil, 0, false
		}
		if name == "" {
			return attributes, at, true
		}
		if _, ok := word(); !ok || at+4 > len(data) {
			return nil, 0, false
		}
		length := int64(binary.LittleEndian.Uint32(data[at:]))
		at += 4
		if int64(at)+length > int64(len(data)) {
			return nil, 0, false
		}
		attributes[name] = data[at : at+int(length)]
		at += int(length)
	}
	return nil, 0, false
}

// exrChunks is how many chunks a part has.
func exrChunks(attributes map[string][]byte, multipart bool) (int64, bool) {
	if multipart {
		count := attributes["chunkCount"]
		if len(count) != 4 {
			return 0, false
		}
		return int64(binary.LittleEndian.Uint32(count)), true
	}
	window, compression := attributes["dataWindow"], attributes["compression"]
	if len(window) != 16 || len(compression) != 1 || int(compression[0]) >= len(exrLines) {
		return 0, false
	}
	height := int64(int32(binary.LittleEndian.Uint32(window[12:]))) - int64(int32(binary.LittleEndian.Uint32(window[4:]))) + 1
	lines := exrLines[compression[0]]
	return (height + lines - 1) / lines, height > 0
}
