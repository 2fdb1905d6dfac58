package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A zip here holds files as they are, without packing, and says the size and the sum of each before its bytes: every
// program that reads zips can read it while it arrives, and its own size is known before it begins. Large ones are of the
// form zip64. (APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3.)

// ZipEntry is a file of a zip.
type ZipEntry struct {
	Name     string // with slashes, UTF-8, below 65536 bytes
	Size     int64
	Modified time.Time // to two seconds
	Sum      uint32    // CRC-32 (IEEE); set by who adds it
	at       int64     // where its head is
}

// large is what the fields of 32 bits cannot hold, or mean something else; tests lower it.
var large int64 = 0xffffffff

// manyEntries is as many as the fields of 16 bits cannot hold.
const manyEntries = 0xffff

// ErrChanged is returned when a file is not as its entry says.
var ErrChanged = errors.New("the file changed while it was read")

// Zip writes a zip. It belongs to one goroutine.
type Zip struct {
	w       io.Writer
	at      int64
	entries []ZipEntry
}

// NewZip writes to w.
func NewZip(w io.Writer) *Zip { return &Zip{w: w} }

// ZipSize is the bytes of a zip of the entries.
func ZipSize(entries []ZipEntry) int64 {
	z := &Zip{w: io.Discard}
	for i := range entries {
		e := entries[i]
		e.at = z.at
		z.at += int64(len(e.head())) + e.Size
		z.entries = append(z.entries, e)
	}
	_ = z.Close() // nothing can fail
	return z.at
}

// Add writes a file. When r does not give the bytes of the entry, that is ErrChanged, and what was written is no zip.
func (z *Zip) Add(e ZipEntry, r io.Reader) error {
	if len(e.Name) == 0 || len(e.Name) >= 1<<16 || e.Size < 0 {
		return fmt.Errorf("a file of a zip cannot be named %.100q, of %d bytes", e.Name, e.Size)
	}
	e.at = z.at
	if err := z.write(e.head()); err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(z.w, sum), io.LimitReader(r, e.Size))
	z.at += n
	if err == nil && (n != e.Size || sum.Sum32() != e.Sum) {
		err = ErrChanged
	}
	z.entries = append(z.entries, e)
	return err
}

func (z *Zip) write(b []byte) error {
	n, err := z.w.Write(b)
	z.at += int64(n)
	return err
}

// Close writes the list of the files, which ends the zip.
func (z *Zip) Close() error {
	list, le := z.at, binary.LittleEndian
	for i := range z.entries {
		if err := z.write(z.entries[i].record()); err != nil {
			return err
		}
	}
	size, n := z.at-list, len(z.entries)
	var b []byte
	if n >= manyEntries || size >= large || list >= large {
		b = append(b, "PK\x06\x06"...)
		b = le.AppendUint64(b, 44) // bytes that follow
		b = le.AppendUint16(le.AppendUint16(b, unix|zip64), zip64)
		b = le.AppendUint64(b, 0) // numbers of volumes
		b = le.AppendUint64(le.AppendUint64(b, uint64(n)), uint64(n))
		b = le.AppendUint64(le.AppendUint64(b, uint64(size)), uint64(list))
		b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
		b = le.AppendUint64(b, uint64(z.at))
		b = le.AppendUint32(b, 1) // volumes
	}
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	few := uint16(min(n, manyEntries))
	b = le.AppendUint16(le.AppendUint16(b, few), few)
	b = le.AppendUint32(le.AppendUint32(b, field(size)), field(list))
	return z.write(le.AppendUint16(b, 0)) // no comment
}

const (
	plain = 20      // version of the form that is needed
	zip64 = 45      // as well
	unix  = 3 << 8  // file modes are Unix's
	utf8  = 1 << 11 // names are UTF-8
)

// field is a size as it stands in 32 bits.
func field(n int64) uint32 {
	if n >= large {
		return 0xffffffff
	}
	return uint32(n)
}

// common are the fields that a file's head and its record share.
func (e *ZipEntry) common(b []byte, version uint16, extra int) []byte {
	le, t := binary.LittleEndian, e.Modified
	if t.Year() < 1980 || t.Year() > 2107 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, utf8)
	b = le.AppendUint16(b, 0) // stored
	b = le.AppendUint16(b, uint16(t.Hour()<<11|t.Minute()<<5|t.Second()/2))
	b = le.AppendUint16(b, uint16((t.Year()-1980)<<9|int(t.Month())<<5|t.Day()))
	b = le.AppendUint32(b, e.Sum)
	b = le.AppendUint32(le.AppendUint32(b, field(e.Size)), field(e.Size))
	return le.AppendUint16(le.AppendUint16(b, uint16(len(e.Name))), uint16(extra))
}

// head is what precedes a file's bytes.
func (e *ZipEntry) head() []byte {
	var extra []byte
	version := uint16(plain)
	if e.Size >= large {
		version, extra = zip64, wide(e.Size, e.Size)
	}
	b := e.common([]byte("PK\x03\x04"), version, len(extra))
	return append(append(b, e.Name...), extra...)
}

// record is a file's line in the list at the end.
func (e *ZipEntry) record() []byte {
	var extra []byte
	switch {
	case e.Size >= large && e.at >= large:
		extra = wide(e.Size, e.Size, e.at)
	case e.Size >= large:
		extra = wide(e.Size, e.Size)
	case e.at >= large:
		extra = wide(e.at)
	}
	version, le := uint16(plain), binary.LittleEndian
	if extra != nil {
		version = zip64
	}
	b := le.AppendUint16([]byte("PK\x01\x02"), unix|zip64)
	b = e.common(b, version, len(extra))
	b = append(b, 0, 0, 0, 0, 0, 0)      // no comment, the first volume, nothing inside
	b = le.AppendUint32(b, 0o100644<<16) // a file that all may read
	b = le.AppendUint32(b, field(e.at))
	return append(append(b, e.Name...), extra...)
}

// wide is an extra field of sizes of 64 bits.
func wide(sizes ...int64) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, 1), uint16(8*len(sizes)))
	for _, n := range sizes {
		b = le.AppendUint64(b, uint64(n))
	}
	return b
}
