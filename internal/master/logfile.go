package master

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The bounds of logs, in bytes. Workers keep less of an attempt; these are for those that do not.
const (
	logHead = 12 << 20 // of an attempt: so much of its beginning,
	logTail = 2 << 20  // and at least so much of its end, at most twice that
	// An attempt that begins when its job has jobLogs already is kept short; one that begins at twice that, not at all.
	jobLogs   = 1 << 30
	shortHead = 8 << 10
	shortTail = 4 << 10
)

// logFile is the log of one attempt on the disk: its beginning in one file and, when it is longer than that, its end in
// another beside it. What is between them is left out.
type logFile struct {
	path       string
	head, tail int64
}

// The names of a log end in one of these; that of its end has tailSuffix too.
const (
	longLog    = ".log"
	shortLog   = ".short"
	tailSuffix = ".tail"
)

func logFileOf(path, suffix string) logFile {
	if suffix == shortLog {
		return logFile{path + shortLog, shortHead, shortTail}
	}
	return logFile{path + longLog, logHead, logTail}
}

// The end's file begins with tailMagic and the place of its first byte in the log, 8 bytes, big endian.
const (
	tailMagic  = "nr-tail1"
	tailHeader = int64(len(tailMagic) + 8)
)

// openTail gives the end's file and where it begins and ends in the log. Without one both are where it would begin.
func (l logFile) openTail(flag int) (f *os.File, start, end int64, err error) {
	f, err = os.OpenFile(l.path+tailSuffix, flag, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, l.head, l.head, nil
	}
	if err != nil {
		return nil, 0, 0, err
	}
	header := make([]byte, tailHeader)
	st, err := f.Stat()
	if err == nil {
		_, err = f.ReadAt(header, 0)
	}
	if err != nil || string(header[:len(tailMagic)]) != tailMagic {
		f.Close() // torn by a crash; the sender finds a gap and sends it again
		return nil, l.head, l.head, nil
	}
	start = int64(binary.BigEndian.Uint64(header[len(tailMagic):]))
	return f, start, start + st.Size() - tailHeader, nil
}

// gapError tells that a log ends before the place at which somebody wants to go on.
type gapError struct{ size int64 }

func (e *gapError) Error() string {
	return fmt.Sprintf("the log has %d bytes, there would be a gap", e.size)
}

// write puts text at its place and returns by how many bytes the files have grown. What is there already is equal, so
// that writing it again changes nothing.
func (l logFile) write(offset int64, text []byte) (grown int64, err error) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if size := st.Size(); offset > size && size < l.head {
		return 0, &gapError{size}
	}
	if offset < l.head {
		n := min(int64(len(text)), l.head-offset)
		if _, err := f.WriteAt(text[:n], offset); err != nil {
			return 0, err
		}
		grown = max(0, offset+n-st.Size())
		offset, text = offset+n, text[n:]
	}
	if len(text) == 0 {
		return grown, nil
	}
	more, err := l.writeTail(offset, text)
	return grown + more, err
}

func (l logFile) writeTail(offset int64, text []byte) (grown int64, err error) {
	f, start, end, err := l.openTail(os.O_RDWR)
	if err != nil {
		return 0, err
	}
	if offset > end {
		if f != nil {
			f.Close()
		}
		return 0, &gapError{end}
	}
	if f == nil {
		if err := l.newTail(start, nil); err != nil {
			return 0, err
		}
		grown = tailHeader
		if f, start, end, err = l.openTail(os.O_RDWR); err != nil {
			return 0, err
		}
	}
	defer f.Close()
	if fresh := end - offset; fresh < int64(len(text)) {
		text = text[fresh:]
		if _, err := f.WriteAt(text, tailHeader+end-start); err != nil {
			return grown, err
		}
		end += int64(len(text))
		grown += int64(len(text))
	}
	if end-start <= 2*l.tail {
		return grown, nil
	}
	keep := make([]byte, l.tail)
	if _, err := f.ReadAt(keep, tailHeader+end-start-l.tail); err != nil {
		return grown, err
	}
	return grown - (end - start - l.tail), l.newTail(end-l.tail, keep)
}

// newTail replaces the end's file in one step.
func (l logFile) newTail(start int64, text []byte) error {
	b := binary.BigEndian.AppendUint64([]byte(tailMagic), uint64(start))
	temp := l.path + tailSuffix + ".new"
	if err := os.WriteFile(temp, append(b, text...), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, l.path+tailSuffix)
}

// openLogFile opens what there is of a log for reading; fs.ErrNotExist when there is nothing.
func (l logFile) open() (*logReader, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	r := &logReader{head: f}
	st, err := f.Stat()
	if err == nil {
		r.split = st.Size()
		if r.split >= l.head { // of older masters a log may be longer in one piece
			r.tail, r.start, r.end, err = l.openTail(os.O_RDONLY)
		}
	}
	if r.tail == nil {
		r.start, r.end = r.split, r.split
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// logReader reads a log as it was when it was opened.
type logReader struct {
	head, tail *os.File // tail is nil where there is none
	split      int64    // bytes of head
	start, end int64    // of what tail holds
	at         int64    // of Read
	line       []byte   // read, but not given out by Read
}

// piece reads at most max bytes from a place in the log on. next is where to go on; what was left out is skipped, and
// told of by a line.
func (r *logReader) piece(offset int64, max int) (text []byte, next int64, err error) {
	if offset < r.split {
		text = make([]byte, min(int64(max), r.split-offset))
		n, err := r.head.ReadAt(text, offset)
		if err == io.EOF {
			err = nil
		}
		return text[:n], offset + int64(n), err
	}
	if offset < r.start {
		return fmt.Appendf(nil, "\n[... %d bytes left out ...]\n", r.start-offset), r.start, nil
	}
	if r.tail == nil || offset >= r.end {
		return nil, offset, nil
	}
	text = make([]byte, min(int64(max), r.end-offset))
	n, err := r.tail.ReadAt(text, tailHeader+offset-r.start)
	if err == io.EOF {
		err = nil
	}
	return text[:n], offset + int64(n), err
}

// Read reads it from its beginning.
func (r *logReader) Read(p []byte) (int, error) {
	if len(r.line) == 0 {
		text, next, err := r.piece(r.at, max(len(p), 1))
		if len(text) == 0 && err == nil {
			err = io.EOF
		}
		if err != nil {
			return 0, err
		}
		r.line, r.at = text, next
	}
	n := copy(p, r.line)
	r.line = r.line[n:]
	return n, nil
}

func (r *logReader) Close() error {
	err := r.head.Close()
	if r.tail != nil {
		err = errors.Join(err, r.tail.Close())
	}
	return err
}
