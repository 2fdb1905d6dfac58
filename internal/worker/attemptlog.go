package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unicode/utf8"
)

// attemptLog takes Blender's output of one attempt. Its beginning and its end are kept, what is too much in the middle
// is counted. Write only copies memory: neither the disk nor the network can slow a render. A pump writes the
// beginning to a file and sends it to the master about once a second; seal adds the end to the file.
type attemptLog struct {
	heard func() // told of every write; may be nil

	mu      sync.Mutex
	head    []byte // valid UTF-8, at most half of the limit
	tail    ring   // valid UTF-8 but for its cut beginning
	part    []byte // a last character of which bytes are missing
	half    int
	full    bool  // head takes no more
	sealed  bool  // nothing more is taken
	dropped int64 // bytes that fell out of the tail

	file    *os.File // of the pump
	written int      // bytes of head in file
	sent    int      // bytes of head that the master has
	stop    context.CancelFunc
	stopped chan struct{}
}

var errShortLog = errors.New("the log could not be written whole")

// pumpEvery is how often a growing log is written and sent.
const pumpEvery = time.Second

// newAttemptLog starts a log of at most limit bytes in a new file. send, called by one goroutine, gives the master a
// piece at its offset; an error means to try again later.
func newAttemptLog(path string, limit int, heard func(), send func(ctx context.Context, offset int64, text []byte) error) (*attemptLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := &attemptLog{heard: heard, half: max(limit/2, 256), file: f, stopped: make(chan struct{})}
	l.tail.limit = l.half
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.pump(ctx, send)
	return l, nil
}

// Heard is told of every sign of life from Blender, also of output that is no whole line.
func (l *attemptLog) Heard() {
	if l.heard != nil {
		l.heard()
	}
}

// Write never fails.
func (l *attemptLog) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.Heard()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	if l.sealed {
		return n, nil
	}
	if len(l.part) > 0 {
		p = append(l.part, p...)
		l.part = nil
	}
	if cut := cutRune(p); cut < len(p) {
		l.part = append([]byte(nil), p[cut:]...)
		p = p[:cut]
	}
	l.add(p)
	return n, nil
}

// add keeps bytes that end with a whole character. The caller holds mu.
func (l *attemptLog) add(p []byte) {
	p = bytes.ToValidUTF8(p, []byte("?"))
	if !l.full {
		n := min(len(p), l.half-len(l.head))
		n = cutRune(p[:n])
		l.full = n < len(p)
		l.head = append(l.head, p[:n]...)
		p = p[n:]
	}
	l.dropped += l.tail.write(p)
}

// cutRune is the length of p without a character at its end of which bytes are missing.
func cutRune(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return len(p)
			}
			return i
		}
	}
	return len(p)
}

func (l *attemptLog) pump(ctx context.Context, send func(context.Context, int64, []byte) error) {
	defer close(l.stopped)
	tick := time.NewTicker(pumpEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.flush()
		for ctx.Err() == nil {
			l.mu.Lock()
			piece := l.head[l.sent:]
			l.mu.Unlock()
			piece = piece[:cutRune(piece[:min(len(piece), logPiece)])]
			if len(piece) == 0 || send(ctx, int64(l.sent), piece) != nil {
				break
			}
			l.sent += len(piece)
		}
	}
}

// flush writes what is new of the beginning. A full disk costs the file, not the render.
func (l *attemptLog) flush() {
	l.mu.Lock()
	piece := l.head[l.written:]
	l.mu.Unlock()
	if len(piece) == 0 {
		return
	}
	n, _ := l.file.Write(piece)
	l.written += n
}

// seal ends the log: the file holds all that is kept. It returns the bytes that the master has, the length of the
// whole and the bytes left out.
func (l *attemptLog) seal() (sent, size, dropped int64, err error) {
	l.stop()
	<-l.stopped
	l.mu.Lock()
	l.sealed = true
	if len(l.part) > 0 {
		p := l.part
		l.part = nil
		l.add(p)
	}
	end := l.tail.text()
	if l.dropped > 0 {
		l.dropped += int64(len(end))
		end = wholeLines(end)
		l.dropped -= int64(len(end))
		end = append(fmt.Appendf(nil, "\n[... %d bytes left out ...]\n", l.dropped), end...)
	}
	dropped = l.dropped
	l.mu.Unlock()
	l.flush()
	if l.written < len(l.head) {
		err = errShortLog
	}
	if _, e := l.file.Write(end); err == nil {
		err = e
	}
	if e := l.file.Close(); err == nil {
		err = e
	}
	return int64(l.sent), int64(len(l.head) + len(end)), dropped, err
}

// discard ends a log that nobody wants.
func (l *attemptLog) discard() {
	l.stop()
	<-l.stopped
	l.file.Close()
}

// lastLines is the end of what was written, at most n bytes, for finding the line that matters.
func (l *attemptLog) lastLines(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.tail.text()
	if len(text) < n {
		text = append(append([]byte(nil), l.head[max(0, len(l.head)-n+len(text)):]...), text...)
	}
	return bytes.ToValidUTF8(text[max(0, len(text)-n):], nil)
}

// ring keeps the last bytes written to it. It takes memory as it is filled.
type ring struct {
	limit int
	buf   []byte
	at    int // where the oldest byte is, once buf is full
}

// write returns how many old bytes fell out.
func (r *ring) write(p []byte) (fell int64) {
	if over := len(p) - r.limit; over > 0 {
		fell += int64(over)
		p = p[over:]
	}
	if room := r.limit - len(r.buf); room > 0 {
		n := min(room, len(p))
		r.buf = append(r.buf, p[:n]...)
		p = p[n:]
	}
	for len(p) > 0 {
		n := copy(r.buf[r.at:], p)
		r.at = (r.at + n) % r.limit
		p = p[n:]
		fell += int64(n)
	}
	return fell
}

// text is the content, oldest byte first.
func (r *ring) text() []byte {
	return append(append(make([]byte, 0, len(r.buf)), r.buf[r.at:]...), r.buf[:r.at]...)
}

// wholeLines cuts off the beginning of a text that was cut: up to the next line, or at least to the next character.
func wholeLines(text []byte) []byte {
	if i := bytes.IndexByte(text[:min(len(text), 4<<10)], '\n'); i >= 0 {
		return text[i+1:]
	}
	for len(text) > 0 && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return text
}
