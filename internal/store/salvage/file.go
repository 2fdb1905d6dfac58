// Package salvage reads rows out of an SQLite database that SQLite itself refuses, page by page, and believes nothing
// it reads: a wrong page costs the rows on it and no others. It writes nothing.
//
// The format is that of https://sqlite.org/fileformat2.html. Nouns: a tree is a table's or an index's B-tree, named by
// its root page; a cell is a row in it; an orphan is a page that no tree leads to; the log is the -wal file, whose
// committed pages stand in for those of the file.
package salvage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/bits"
	"os"
)

const (
	magic     = "SQLite format 3\x00"
	headSize  = 100  // bytes of the file's header, on the first page
	usualPage = 4096 // bytes of a page where the header does not tell
	maxPages  = 1<<32 - 2
)

// File is a damaged database. It belongs to one goroutine.
type File struct {
	db, log  *os.File // log: nil when there is none
	size     int      // bytes of a page
	bytes    int64    // of the file
	count    uint32   // pages
	newer    map[uint32]int64
	headGood bool
	logLost  bool

	claimed map[uint32]bool // pages that belong to a tree, or to the list of free ones
	buf     []byte
}

// Open reads what the file says of itself, or makes guesses.
func Open(path string) (_ *File, err error) {
	f := &File{newer: map[uint32]int64{}, claimed: map[uint32]bool{}}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.db, err = os.Open(path); err != nil {
		return nil, err
	}
	info, err := f.db.Stat()
	if err != nil {
		return nil, err
	}
	f.bytes = info.Size()
	head := make([]byte, headSize)
	if _, err := io.ReadFull(f.db, head); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	f.pageSize(usualPage)
	size := int(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 1 << 16
	}
	if string(head[:16]) == magic && size >= 512 && bits.OnesCount(uint(size)) == 1 {
		f.pageSize(size)
		if _, f.headGood = f.node(1); !f.headGood { // it may be the header that is wrong
			f.pageSize(usualPage)
		}
	}
	if f.log, err = os.Open(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		f.log, err = nil, nil
	} else if err == nil {
		err = f.readLog()
	}
	return f, err
}

func (f *File) pageSize(size int) {
	f.size, f.count, f.buf = size, uint32(min(f.bytes/int64(size), maxPages)), make([]byte, size)
}

// Close closes the files.
func (f *File) Close() {
	for _, c := range []*os.File{f.db, f.log} {
		if c != nil {
			c.Close()
		}
	}
}

// Pages is how many pages there are.
func (f *File) Pages() int { return int(f.count) }

// LogLost tells that there is a log and nothing of it can be read: the last changes are missing.
func (f *File) LogLost() bool { return f.logLost }

// page reads a page as it was last committed. It is good until the next call.
func (f *File) page(n uint32) ([]byte, bool) {
	if n == 0 || n > f.count {
		return nil, false
	}
	from, at := f.db, int64(n-1)*int64(f.size)
	if logged, ok := f.newer[n]; ok {
		from, at = f.log, logged
	}
	_, err := from.ReadAt(f.buf, at)
	return f.buf, err == nil
}

// readLog finds the committed pages of the log: frames are good as far as their running checksum goes.
func (f *File) readLog() error {
	head := make([]byte, 32)
	if _, err := f.log.ReadAt(head, 0); err == io.EOF {
		return nil // empty, or too short to hold anything
	} else if err != nil {
		return err
	}
	be := binary.BigEndian
	kind, size := be.Uint32(head), int(be.Uint32(head[8:]))
	sum := checksum{order: binary.LittleEndian}
	if kind&1 == 1 {
		sum.order = be
	}
	sum.add(head[:24])
	if kind&^1 != 0x377f0682 || sum.a != be.Uint32(head[24:]) || sum.b != be.Uint32(head[28:]) || f.headGood && size != f.size || size < 512 || size > 1<<16 {
		f.logLost = true
		return nil
	}
	f.pageSize(size) // the log knows better than a guess
	open := map[uint32]int64{}
	frame := make([]byte, 24+size)
	for at := int64(32); ; at += int64(len(frame)) {
		if _, err := f.log.ReadAt(frame, at); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		sum.add(frame[:8])
		sum.add(frame[24:])
		if !bytes.Equal(frame[8:16], head[16:24]) || sum.a != be.Uint32(frame[16:]) || sum.b != be.Uint32(frame[20:]) {
			return nil // of an earlier round of the log, or never written whole
		}
		open[be.Uint32(frame)] = at + 24
		if pages := be.Uint32(frame[4:]); pages > 0 { // the last of a transaction
			for n, place := range open {
				f.newer[n] = place
				f.count = max(f.count, min(n, pages, maxPages))
			}
			clear(open)
		}
	}
}

// checksum is that of the log.
type checksum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (c *checksum) add(p []byte) {
	for ; len(p) >= 8; p = p[8:] {
		c.a += c.order.Uint32(p) + c.b
		c.b += c.order.Uint32(p[4:]) + c.a
	}
}
