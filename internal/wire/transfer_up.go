package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// Upload is a blob on its way to the master.
type Upload struct {
	Ref  string // SHA-256 of the bytes, hex
	Size int64
	// Open opens the bytes, for each try anew; the client seeks to where the master goes on.
	Open func() (io.ReadSeekCloser, error)
	// Changed tells, after the bytes were read, whether they are no longer those that were hashed; nil: never.
	Changed func() bool
	// Full is told that the master's disk has no room for the file, and why; it is tried again. nil: nobody is told.
	Full func(err error)
	// Progress is told how many bytes of the whole the master has or is being sent; it may fall back after a break.
	Progress func(bytes int64)

	plain bool // do not compress
	whole bool // do not send in chunks
}

// blobState is what the master says of a blob.
type blobState struct {
	there  bool
	offset int64 // bytes of it that came so far
	cut    bool  // the master knows chunks, cut as we cut
}

// HasBlob tells whether the master has a blob; if not, how many of its bytes came so far.
func (c *Client) HasBlob(ctx context.Context, ref string) (there bool, offset int64, err error) {
	s, err := c.askBlob(ctx, ref)
	return s.there, s.offset, err
}

func (c *Client) askBlob(ctx context.Context, ref string) (s blobState, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	r, err := http.NewRequest(http.MethodHead, c.base+BlobPath(ref), nil)
	if err != nil {
		return s, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	resp, err := c.request(ctx, r, http.StatusNotFound)
	if err != nil {
		return s, err
	}
	resp.Body.Close()
	if resp.StatusCode < 300 {
		return blobState{there: true}, nil
	}
	offset, ok := number(resp.Header, HeaderOffset)
	if !ok {
		return s, farm.Errorf(farm.Outdated, "the master does not take files this way").
			WithHint("check that %s is the address of a Netrender master of a version that fits", c.Address())
	}
	return blobState{offset: offset, cut: resp.Header.Get(HeaderChunks) == blob.CutName}, nil
}

// UploadFile sends a file that hashed to ref. Like PutBlob it goes on after breaks until ctx ends.
func (c *Client) UploadFile(ctx context.Context, path, ref string, progress func(bytes int64)) error {
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	return c.PutBlob(ctx, Upload{
		Ref:      ref,
		Size:     before.Size(),
		Open:     func() (io.ReadSeekCloser, error) { return os.Open(path) },
		Progress: progress,
		Changed: func() bool {
			after, err := os.Stat(path)
			return err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())
		},
	})
}

// PutBlob sends a blob unless the master has it. When the connection breaks, the master goes away or its disk is full,
// it waits, asks how far it came, and goes on there, until ctx ends. Bytes that are not those of the Ref are
// farm.Mismatch.
func (c *Client) PutBlob(ctx context.Context, u Upload) error {
	back := backoff{first: c.first}
	best, again, barren := int64(-1), false, 0
	for {
		state, err := c.askBlob(ctx, u.Ref)
		if err == nil && state.there {
			u.tell(u.Size)
			return nil
		}
		inChunks := false
		if err == nil {
			if state.offset > best {
				best, barren = state.offset, 0
				back.reset()
			}
			var done bool
			if done, inChunks, err = c.putFrom(ctx, u, state); done {
				u.tell(u.Size)
				return nil
			}
		}
		if inChunks {
			barren++
		}
		switch {
		case err == nil: // the master took a part; go on
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case farm.KindOf(err) == farm.Mismatch && u.Changed != nil && u.Changed():
			return farm.Errorf(farm.Mismatch, "the file changed while it was sent").WithHint("submit it again when nobody writes to it")
		case inChunks && (barren == barrenMost || refused(err)): // the plain way may do
			u.whole, best = true, -1
			continue
		case farm.KindOf(err) == farm.Mismatch:
			if again { // once more from the start: the part that was there before may have been another's
				return err
			}
			again, best = true, -1
		case farm.KindOf(err) == farm.TooLarge && !u.plain: // it packs too well to be trusted
			u.plain = true
		case farm.KindOf(err) == farm.NoRoom:
			if u.Full != nil {
				u.Full(err)
			}
		case farm.KindOf(err) == farm.Conflict, Again(err):
		default:
			return err
		}
		if back.wait(ctx) != nil {
			return err
		}
	}
}

func (u Upload) tell(n int64) {
	if u.Progress != nil {
		u.Progress(n)
	}
}

// refused tells whether the master does not take bytes as they came.
func refused(err error) bool {
	kind := farm.KindOf(err)
	return kind == farm.Mismatch || kind == farm.Invalid || kind == farm.TooLarge
}

// putFrom sends the bytes that the master lacks. done: the master has the whole; inChunks: they were not all sent.
func (c *Client) putFrom(ctx context.Context, u Upload, state blobState) (done, inChunks bool, err error) {
	offset := state.offset
	if offset > u.Size {
		return false, false, farm.Errorf(farm.Mismatch, "the master holds more bytes of this file than it has")
	}
	file, err := u.Open()
	if err != nil {
		return false, inChunks, err
	}
	in := &source{close: file.Close, want: u.Size - offset}
	defer in.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return false, inChunks, err
	}
	guard, ctx := c.guard(ctx)
	defer guard.stop()
	in.guard = guard
	in.seen = func(n int64) { u.tell(offset + n) }
	left := u.Size - offset
	failure := in.failure
	var body io.ReadCloser
	var length int64
	var encoding string
	cut, ok := file.(io.ReaderAt)
	if inChunks = ok && state.cut && !u.whole && c.worthCutting(ctx, cut, offset, u.Size); inChunks {
		guard.moved()
		d := c.inChunks(ctx, cut, offset, u.Size, guard, u.tell)
		defer d.Close()
		body, encoding = c.packChunks(d, cut, offset, u.plain)
		length, failure = -1, d.failure
	} else {
		body, length, encoding, err = c.packed(file, offset, left, in, u.plain)
	}
	if err != nil {
		return false, inChunks, err
	}
	defer body.Close()
	r, err := http.NewRequest(http.MethodPut, c.base+BlobPath(u.Ref), body)
	if err != nil {
		return false, inChunks, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	if r.ContentLength = length; length == 0 {
		r.Body = http.NoBody
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set(HeaderOffset, strconv.FormatInt(offset, 10))
	r.Header.Set(HeaderSize, strconv.FormatInt(u.Size, 10))
	expect(r, left)
	resp, err := c.request(ctx, r)
	if failed := failure(); err != nil && failed != nil && !errors.Is(failed, context.Canceled) {
		return false, inChunks, failed
	}
	if err != nil {
		return false, inChunks, err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusAccepted {
		if at, ok := number(resp.Header, HeaderOffset); !ok || at <= offset {
			return false, inChunks, &Unreachable{Address: c.Address(), Err: io.ErrUnexpectedEOF} // wait before the next try
		}
		return false, inChunks, nil
	}
	return true, inChunks, nil
}
