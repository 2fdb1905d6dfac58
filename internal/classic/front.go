package classic

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// The first clients sent request targets without a slash: "GET version HTTP/1.1". Package net/http refuses those, so a front
// on each connection follows the requests that come over it and puts the slash there. It looks at the first lines of requests
// only; what it cannot follow goes through as it is.

// maxHead is how long the head of a request may be, in bytes.
const maxHead = 64 << 10

// Listener puts the front before each connection of l.
func Listener(l net.Listener) net.Listener { return &frontListener{l} }

type frontListener struct{ net.Listener }

// Accept waits for the next connection.
func (l *frontListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &front{Conn: c}, nil
}

// front is a connection with its requests followed. One goroutine at a time reads from it, as net/http does.
type front struct {
	net.Conn
	raw   []byte // came and was not looked at yet
	ready []byte // to be read
	err   error  // what reading ended with, behind raw

	state  frontState
	left   int64 // of the body, or of its chunk
	head   int   // bytes of the head so far
	length int64 // of the body that the head announces; -1: chunked

	empty atomic.Bool // the next answer is a 204 that says how long it is
}

type frontState int

const (
	atLine    frontState = iota // the first line of a request
	atHead                      // its headers
	atBody                      // bytes of a body of known length
	atSize                      // the line with the size of a chunk
	atChunk                     // bytes of a chunk
	atEnd                       // the line end behind a chunk
	atTrailer                   // lines behind the last chunk
	passing                     // it cannot be followed
)

// Read reads what came, with slashes put in.
func (f *front) Read(p []byte) (int, error) {
	for len(f.ready) == 0 {
		if f.step() {
			continue
		}
		if f.err != nil {
			f.ready, f.raw = f.raw, nil
			if len(f.ready) == 0 {
				return 0, f.err
			}
			break
		}
		if len(f.raw) == 0 && (f.state == atBody || f.state == atChunk) {
			n, err := f.Conn.Read(p[:min(int64(len(p)), f.left)])
			f.took(n)
			return n, err
		}
		buf := make([]byte, 4<<10)
		n, err := f.Conn.Read(buf)
		f.raw = append(f.raw, buf[:n]...)
		if err != nil {
			if n == 0 && err != io.EOF { // a deadline may be moved, and then reading goes on
				return 0, err
			}
			f.err = err
		}
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	return n, nil
}

// step moves some of what came to what is ready; false when more must come.
func (f *front) step() bool {
	if len(f.raw) == 0 {
		return false
	}
	switch f.state {
	case passing:
		f.give(len(f.raw))
		return true
	case atBody, atChunk:
		n := int(min(f.left, int64(len(f.raw))))
		f.give(n)
		f.took(n)
		return true
	default:
	}
	end := bytes.IndexByte(f.raw, '\n')
	if end < 0 {
		if len(f.raw) > maxHead {
			f.state = passing
			return true
		}
		return false
	}
	line := strings.TrimRight(string(f.raw[:end]), "\r")
	switch f.state {
	case atLine:
		f.head, f.length = 0, 0
		if line != "" { // empty ones before a request are allowed
			f.state = atHead
			if fixed, bare := slashed(line); bare {
				f.ready = append([]byte(fixed), f.raw[len(line):end+1]...)
				f.raw = f.raw[end+1:]
				return true
			}
		}
	case atHead:
		f.follow(line)
	case atSize:
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 64)
		switch {
		case err != nil || n < 0:
			f.state = passing
		case n == 0:
			f.state = atTrailer
		default:
			f.state, f.left = atChunk, n
		}
	case atEnd:
		if f.state = atSize; line != "" {
			f.state = passing
		}
	case atTrailer:
		if line == "" {
			f.state = atLine
		}
	case atBody, atChunk, passing:
	}
	f.give(end + 1)
	return true
}

// took counts bytes of a body.
func (f *front) took(n int) {
	if f.left -= int64(n); f.left > 0 {
		return
	}
	if f.state == atChunk {
		f.state = atEnd
	} else {
		f.state = atLine
	}
}

// give makes the next n bytes ready.
func (f *front) give(n int) {
	f.ready, f.raw = f.raw[:n:n], f.raw[n:]
}

// follow learns from a header how long the body is, and from the empty line that it begins.
func (f *front) follow(line string) {
	if f.head += len(line); f.head > maxHead {
		f.state = passing
		return
	}
	if line == "" {
		switch {
		case f.length < 0:
			f.state = atSize
		case f.length > 0:
			f.state, f.left = atBody, f.length
		default:
			f.state = atLine
		}
		return
	}
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch strings.ToLower(name) {
	case "content-length":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || f.length != 0 {
			f.state = passing
			return
		}
		f.length = n
	case "transfer-encoding":
		if !strings.EqualFold(value, "chunked") || f.length != 0 {
			f.state = passing
			return
		}
		f.length = -1
	case "upgrade":
		f.state = passing
	}
}

// slashed puts the slash before the target of a request's first line that has none.
func slashed(line string) (fixed string, bare bool) {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	switch method {
	case "GET", "HEAD", "POST", "PUT":
	default:
		return line, false
	}
	if !ok || !ok2 || !strings.HasPrefix(version, "HTTP/1.") || target == "" || target[0] == '/' || target == "*" || strings.Contains(target, "://") {
		return line, false
	}
	return method + " /" + target + " " + version, true
}

// noContent begins an answer to which net/http adds no length. HTTP has it so; the original always sent one.
var noContent = []byte("HTTP/1.1 204 No Content\r\n")

// Write sends. An answer begins with a call of its own.
func (f *front) Write(p []byte) (int, error) {
	if !f.empty.Load() || !bytes.HasPrefix(p, noContent) {
		return f.Conn.Write(p)
	}
	f.empty.Store(false)
	long := make([]byte, 0, len(p)+20)
	long = append(append(append(long, noContent...), "Content-Length: 0\r\n"...), p[len(noContent):]...)
	n, err := f.Conn.Write(long)
	return min(n, len(p)), err
}
