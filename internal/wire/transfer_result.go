package wire

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
)

// askFrom is the size from which the master is asked how much of a result it has before it is sent: a smaller one is
// sent from its beginning, and the master says where to go on if it has a part.
const askFrom = 4 << 20

// maxStands is how many answers in a row may bring a result no further.
const maxStands = 3

// sending is a result on its way to the master.
type sending struct {
	c      *Client
	path   string // with its query
	worker farm.WorkerID
	result farm.Result
	open   func() (io.ReadSeekCloser, error)
}

// PutResult sends a file that a leased frame produced. What the master has of it already is not sent again, also when
// another process sent it. open is called for each try and the reader closed; result gives size and hash. The call is
// repeated only by a patient client.
func (c *Client) PutResult(ctx context.Context, lease farm.LeaseID, worker farm.WorkerID, result farm.Result, open func() (io.ReadSeekCloser, error)) error {
	q := url.Values{"frame": {strconv.Itoa(result.Frame)}, "kind": {string(result.Kind)}, "name": {result.Name}}
	s := &sending{c: c, path: leasePath(lease) + "/results?" + q.Encode(), worker: worker, result: result, open: open}
	return c.repeat(ctx, func() error { return s.send(ctx) })
}

// send sends what the master lacks, piece by piece where it takes no more at once.
func (s *sending) send(ctx context.Context) error {
	var at int64
	if s.result.Size >= askFrom {
		whole, have, err := s.offset(ctx)
		if err != nil || whole {
			return err
		}
		at = have
	}
	for stands := 0; ; {
		next, done, err := s.from(ctx, at)
		if err != nil || done {
			return err
		}
		if stands++; next > at {
			stands = 0
		}
		if at = next; stands == maxStands {
			return &Unreachable{Address: s.c.Address(), Err: io.ErrUnexpectedEOF}
		}
	}
}

func (s *sending) request(method string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequest(method, s.c.base+s.path, body)
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	r.Header.Set(HeaderWorker, string(s.worker))
	r.Header.Set(HeaderSize, strconv.FormatInt(s.result.Size, 10))
	r.Header.Set(HeaderRef, s.result.Ref)
	return r, nil
}

// offset asks how much of the result the master has.
func (s *sending) offset(ctx context.Context) (whole bool, have int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errSilent)
	defer cancel()
	r, err := s.request(http.MethodHead, nil)
	if err != nil {
		return false, 0, err
	}
	resp, err := s.c.request(ctx, r, http.StatusNotFound, http.StatusMethodNotAllowed)
	if err != nil {
		return false, 0, err
	}
	resp.Body.Close()
	have, known := number(resp.Header, HeaderOffset)
	if !known || have > s.result.Size { // a master that takes results from their beginning only
		return false, 0, nil
	}
	return resp.StatusCode < 300, have, nil
}

// from sends the bytes from an offset on. next is where to go on when it is not done.
func (s *sending) from(ctx context.Context, at int64) (next int64, done bool, err error) {
	file, err := s.open()
	if err != nil {
		return 0, false, err
	}
	guard, ctx := s.c.guard(ctx)
	defer guard.stop()
	left := s.result.Size - at
	in := &source{r: io.LimitReader(file, left), want: left, guard: guard, close: file.Close}
	defer in.Close()
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		return 0, false, err
	}
	r, err := s.request(http.MethodPut, in)
	if err != nil {
		return 0, false, err
	}
	if r.ContentLength = left; left == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set(HeaderOffset, strconv.FormatInt(at, 10))
	expect(r, left)
	resp, err := s.c.request(ctx, r, http.StatusConflict)
	if failed := in.failure(); failed != nil && err != nil {
		return 0, false, failed
	}
	if err != nil {
		return 0, false, err
	}
	defer resp.Body.Close()
	have, known := number(resp.Header, HeaderOffset)
	switch {
	case resp.StatusCode == http.StatusConflict && !known, have > s.result.Size:
		return 0, false, readProblem(resp)
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusAccepted:
		return have, false, nil
	}
	return 0, true, nil
}
