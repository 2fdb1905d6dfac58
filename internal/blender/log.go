package blender

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Bounds of what is kept of a talkative Blender. Of one task's log the first headBytes and the last tailBytes are written.
const (
	headBytes = 4 << 20
	tailBytes = 256 << 10
	lineBytes = 8 << 10 // longer lines are cut
	lastLines = 40      // kept for errors
)

// journal reads Blender's stdout and stderr from a pipe, line by line, and passes them to the sink of the running task.
// Reading never waits for a writer.
type journal struct {
	mark  []byte        // begins the line that ends a request's log
	marks chan string   // what followed mark
	ended chan struct{} // closed at the end of the pipe

	status func(string) // is told every line that speaks of a frame being rendered; set before read

	mu   sync.Mutex
	sink *sink    // nil drops everything
	last []string // the last lines, twice lastLines at most
}

func newJournal(mark string, w io.Writer, status func(string)) *journal {
	j := &journal{mark: []byte(mark), marks: make(chan string, 16), ended: make(chan struct{}), status: status}
	j.change(w)
	return j
}

// read copies from r to its end, cutting it into lines of bounded length. A carriage return alone ends a line, too:
// what counts up in place would have no end.
func (j *journal) read(r io.Reader) {
	defer close(j.ended)
	buf := make([]byte, 64<<10)
	var line []byte
	cut := 0          // bytes of this line that were dropped
	returned := false // the last line ended with a carriage return
	for {
		n, err := r.Read(buf)
		if n > 0 {
			j.heard()
		}
		data := buf[:n]
		for len(data) > 0 {
			if returned && data[0] == '\n' {
				data = data[1:]
			}
			returned = false
			end := bytes.IndexAny(data, "\r\n")
			part := data
			if end >= 0 {
				part = data[:end]
			}
			room := min(len(part), lineBytes-len(line))
			line = append(line, part[:room]...)
			cut += len(part) - room
			if end < 0 {
				break
			}
			returned = data[end] == '\r'
			j.line(line, cut)
			line, cut = line[:0], 0
			data = data[end+1:]
		}
		if err != nil {
			if len(line) > 0 {
				j.line(line, cut)
			}
			return
		}
	}
}

// Heard is a log's writer that is told of every sign of life, also when no line has ended.
type Heard interface{ Heard() }

func (j *journal) heard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sink != nil && j.sink.heard != nil {
		j.sink.heard()
	}
}

// line takes one line without its end. A line that holds the mark ends a request and is not part of the log.
func (j *journal) line(line []byte, cut int) {
	at := -1
	if len(j.mark) > 0 {
		at = bytes.Index(line, j.mark)
	}
	if at != 0 {
		text := line
		if at > 0 {
			text = line[:at]
		}
		said := tidy(text, cut)
		if strings.HasPrefix(said, "Fra:") {
			j.status(said)
		}
		j.keep(said)
	}
	if at >= 0 {
		select {
		case j.marks <- string(line[at+len(j.mark):]):
		default: // nobody listens
		}
	}
}

// tidy makes a line valid UTF-8 and says what was cut from it.
func tidy(line []byte, cut int) string {
	text := string(line)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if cut > 0 {
		text += fmt.Sprintf(" ... (%d bytes of this line were cut)", cut)
	}
	return text
}

func (j *journal) keep(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.last) == 2*lastLines {
		j.last = append(j.last[:0], j.last[lastLines:]...)
	}
	j.last = append(j.last, line)
	if j.sink != nil {
		j.sink.keep(line)
	}
}

// change sends what comes from now on to w (nil drops it). The result is closed when the writer before has everything.
func (j *journal) change(w io.Writer) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := j.sink
	j.sink = nil
	if w != nil {
		j.sink = newSink(w)
	}
	if before == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	before.finish()
	return before.done
}

// words are the last lines that say something, oldest first.
func (j *journal) words() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var said []string
	for _, line := range j.last {
		if strings.TrimSpace(line) != "" {
			said = append(said, line)
		}
	}
	return said[max(0, len(said)-lastLines):]
}

// sink is one writer with the lines it has not taken yet. When the writer blocks, or has had headBytes, only the last
// tailBytes are kept, and they are written at the end behind a line that says how much is missing.
type sink struct {
	w     io.Writer
	heard func()        // must return at once; nil: nobody wants to know
	done  chan struct{} // closed when finished and all is written

	mu       sync.Mutex
	wake     *sync.Cond
	spent    int    // bytes ever taken into queue
	queue    []byte // to be written
	tail     []byte // the last bytes, once the head is full
	lost     int64  // bytes dropped between queue and tail
	finished bool   // nothing more comes
	broken   bool   // the writer failed; it is not called again
}

func newSink(w io.Writer) *sink {
	s := &sink{w: w, done: make(chan struct{})}
	if h, ok := w.(Heard); ok {
		s.heard = h.Heard
	}
	s.wake = sync.NewCond(&s.mu)
	go s.write()
	return s
}

func (s *sink) keep(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return
	}
	if s.spent+len(line) < headBytes && len(s.tail) == 0 {
		s.spent += len(line) + 1
		s.queue = append(append(s.queue, line...), '\n')
		s.wake.Signal()
		return
	}
	s.tail = append(append(s.tail, line...), '\n')
	if len(s.tail) > 2*tailBytes {
		drop := len(s.tail) - tailBytes
		if end := bytes.IndexByte(s.tail[drop:], '\n'); end >= 0 {
			drop += end + 1
		}
		s.lost += int64(drop)
		s.tail = append(s.tail[:0], s.tail[drop:]...)
	}
}

// finish queues the tail and lets write end after it.
func (s *sink) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost > 0 {
		s.queue = append(s.queue, fmt.Sprintf("... %d bytes of the log were dropped here ...\n", s.lost)...)
	}
	s.queue = append(s.queue, s.tail...)
	s.tail, s.finished = nil, true
	s.wake.Signal()
}

// write is the only one that calls the writer.
func (s *sink) write() {
	defer close(s.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 {
			if s.finished {
				return
			}
			s.wake.Wait()
		}
		data := s.queue
		s.queue = nil
		s.mu.Unlock()
		_, err := s.w.Write(data)
		s.mu.Lock()
		if err != nil {
			s.broken = true
			s.queue, s.tail = nil, nil
		}
	}
}
