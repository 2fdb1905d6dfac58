package blender

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// maxMessage bounds a line from the agent, in bytes; the longest honest one lists the missing files of a scene.
const maxMessage = 16 << 20

// message is what the agent sends: an event, or the answer to the request with the same ID.
type message struct {
	Event   string          `json:"event"` // hello, progress, baked
	Version string          `json:"version"`
	PID     int             `json:"pid"`
	Device  string          `json:"device"`
	Frame   int             `json:"frame"`
	Text    string          `json:"text"`
	Memory  int64           `json:"memory"`
	Peak    int64           `json:"peak"`
	Secret  string          `json:"secret"`
	Files   []CacheFile     `json:"files"`
	ID      int             `json:"id"`
	OK      json.RawMessage `json:"ok"`
	Error   *struct {
		Kind    ErrorKind `json:"kind"`
		Message string    `json:"message"`
	} `json:"error"`
}

// handover is the private file that tells the agent how to reach us; see agent.py.
type handover struct {
	FD      int    `json:"fd,omitempty"`
	Port    int    `json:"port,omitempty"`
	Secret  string `json:"secret,omitempty"`
	Mark    string `json:"mark"`
	Device  string `json:"device"`
	Scripts bool   `json:"scripts"`
	Threads int    `json:"threads"`

	Addons  []Addon `json:"addons"`
	Scratch string  `json:"scratch"` // folder for what is unpacked
}

// endpoint is our side of the channel before the agent is there.
type endpoint struct {
	child  *os.File     // to be inherited, or nil
	ours   net.Conn     // connected already, or nil
	listen net.Listener // to be called, or nil
	secret string
}

func newEndpoint(kind Channel) (*endpoint, error) {
	if kind == ChannelAuto || kind == ChannelSocket {
		ours, child, err := socketPair()
		if err == nil {
			return &endpoint{child: child, ours: ours}, nil
		}
		if kind == ChannelSocket {
			return nil, err
		}
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no port can be opened for Blender to call: %w", err)
	}
	return &endpoint{listen: listen, secret: rand.Text()}, nil
}

// fill writes the way to this endpoint into the handover; the inherited socket is the runner's first extra descriptor.
func (e *endpoint) fill(h *handover) {
	if e.child != nil {
		h.FD = 3
		return
	}
	h.Port, h.Secret = e.listen.Addr().(*net.TCPAddr).Port, e.secret
}

// connect waits for the agent. Callers without the secret are hung up on.
func (e *endpoint) connect(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	if e.ours != nil {
		return e.ours, bufio.NewReader(e.ours), nil
	}
	stop := context.AfterFunc(ctx, func() { e.listen.Close() })
	defer stop()
	for {
		conn, err := e.listen.Accept()
		if err != nil {
			return nil, nil, err
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		r := bufio.NewReader(conn)
		first, err := readMessage(r)
		if err == nil && subtle.ConstantTimeCompare([]byte(first.Secret), []byte(e.secret)) == 1 {
			e.listen.Close()
			conn.SetReadDeadline(time.Time{})
			return conn, r, nil
		}
		conn.Close()
	}
}

// closeChild lets the inherited end belong to the child alone.
func (e *endpoint) closeChild() {
	if e.child != nil {
		e.child.Close()
	}
}

func (e *endpoint) close() {
	e.closeChild()
	if e.ours != nil {
		e.ours.Close()
	}
	if e.listen != nil {
		e.listen.Close()
	}
}

// readMessage reads one line; io.EOF means that the agent hung up between two messages.
func readMessage(r *bufio.Reader) (message, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxMessage {
			return message{}, fmt.Errorf("a message is longer than %d bytes", maxMessage)
		}
		if err == nil {
			break
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return message{}, err
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return message{}, fmt.Errorf("a message is no JSON object as agreed: %w", err)
	}
	return m, nil
}
