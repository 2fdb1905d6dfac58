package blob

import (
	"errors"
	"io"
	"sync"
)

// room sees to it that blobs which arrive at once do not all count on the same free bytes.
type room struct {
	dir     string
	reserve int64
	free    func(dir string) (int64, error)

	mu   sync.Mutex
	held int64 // guarded by mu: promised, not yet written
}

// hold promises n bytes, or says ErrNoRoom.
func (r *room) hold(n int64) (*held, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, err := r.free(r.dir)
	if err != nil {
		return nil, err
	}
	if left := max(0, free-r.reserve-r.held); n > left {
		return nil, &NoRoomError{Need: n, Free: left}
	}
	n = max(0, n)
	r.held += n
	return &held{room: r, left: n}, nil
}

// held is the part of a promise that is not yet written.
type held struct {
	room *room
	left int64 // guarded by room.mu
}

func (h *held) take(n int64) {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	n = min(n, h.left)
	h.left -= n
	h.room.held -= n
}

func (h *held) release() { h.take(1<<63 - 1) }

// writing makes what is written to w come off the promise: the file system counts it from then on.
func (h *held) writing(w io.Writer) io.Writer { return heldWriter{h, w} }

type heldWriter struct {
	h *held
	w io.Writer
}

func (w heldWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.h.take(int64(n))
	return n, err
}

// noRoom turns the errors that systems give for a full disk or quota into ErrNoRoom.
func noRoom(err error, need int64) error {
	for _, full := range diskFull {
		if errors.Is(err, full) {
			return &NoRoomError{Need: need, Free: -1}
		}
	}
	return err
}
