package blob

import (
	"errors"
	"io"
	"slices"
	"sync"
)

// Room is the room of one file system. Those who write to it share one, so that files which arrive at once do not all
// count on the same free bytes; each leaves a reserve of its own.
type Room struct {
	dir  string
	free func(dir string) (int64, error)

	mu   sync.Mutex
	held int64 // guarded by mu: promised, not yet written
}

// NewRoom is the room of dir's file system. free tells the bytes of it that this user may still take; nil asks the
// system.
func NewRoom(dir string, free func(dir string) (int64, error)) *Room {
	if free == nil {
		free = freeBytes
	}
	return &Room{dir: dir, free: free}
}

// Left is how many bytes are free and promised to nobody.
func (r *Room) Left() (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, err := r.free(r.dir)
	return max(0, free-r.held), err
}

// Total is how many bytes the file system holds, free or not.
func (r *Room) Total() (int64, error) { return totalBytes(r.dir) }

// hold promises n bytes that leave the reserve alone, or says ErrNoRoom.
func (r *Room) hold(n, reserve int64) (*held, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, err := r.free(r.dir)
	if err != nil {
		return nil, err
	}
	if left := max(0, free-reserve-r.held); n > left {
		return nil, &NoRoomError{Need: n, Free: left}
	}
	n = max(0, n)
	r.held += n
	return &held{room: r, left: n}, nil
}

// held is the part of a promise that is not yet written.
type held struct {
	room *Room
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
	if err != nil && IsFull(err) {
		return &NoRoomError{Need: need, Free: -1}
	}
	return err
}

// IsFull tells whether a disk or a quota has no room, as this package says it or the system does.
func IsFull(err error) bool {
	return errors.Is(err, ErrNoRoom) || slices.ContainsFunc(diskFull, func(full error) bool { return errors.Is(err, full) })
}
