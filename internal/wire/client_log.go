package wire

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// HeaderLease says of a log whose it is: the number of the lease.
const HeaderLease = "Netrender-Lease"

// LogRange names a log and a place in it.
type LogRange struct {
	Job    farm.JobID
	Frame  int
	Lease  farm.LeaseID // 0: the newest attempt at the frame
	Offset int64
}

// Log reads a piece of a log, at most MaxLogChunk bytes, from l.Offset on. next is where to go on, in the log of the
// same attempt. more says that there may be more: there is already, or the frame is still being rendered. When there is
// nothing yet and the frame is being rendered, the answer is held for up to wait.
func (c *Client) Log(ctx context.Context, l LogRange, wait time.Duration) (text []byte, next LogRange, more bool, err error) {
	p, err := c.log(ctx, l, 0, wait)
	l.Lease, l.Offset = p.lease, p.next
	return p.text, l, p.more, err
}

// piece is an answer to a question for a log.
type piece struct {
	text  []byte
	lease farm.LeaseID // whose; 0: there is none yet
	next  int64        // where its text ends
	more  bool
}

// log asks for a piece. When the newest attempt is asked for, of says whose l.Offset is: the text of another begins
// at its beginning.
func (c *Client) log(ctx context.Context, l LogRange, of farm.LeaseID, wait time.Duration) (p piece, err error) {
	wait = min(wait, MaxWaitMS*time.Millisecond)
	q := url.Values{"frame": {strconv.Itoa(l.Frame)}}
	setInt(q, "lease", int64(l.Lease))
	setInt(q, "of", int64(of))
	setInt(q, "offset", l.Offset)
	setInt(q, "wait_ms", wait.Milliseconds())
	err = c.repeat(ctx, func() error {
		ctx, cancel := context.WithTimeoutCause(ctx, wait+answerTime, errSilent)
		defer cancel()
		r, err := http.NewRequest(http.MethodGet, c.base+jobPath(l.Job, "/log")+"?"+q.Encode(), nil)
		if err != nil {
			return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
		}
		resp, err := c.request(ctx, r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if p.text, err = io.ReadAll(io.LimitReader(resp.Body, MaxLogChunk)); err != nil {
			return c.broken(ctx, err)
		}
		p.lease, p.next = l.Lease, l.Offset+int64(len(p.text))
		if n, ok := number(resp.Header, HeaderLease); ok { // older masters do not say
			p.lease = farm.LeaseID(n)
		}
		if n, ok := number(resp.Header, HeaderOffset); ok {
			p.next = n
		}
		p.more = resp.Header.Get(HeaderMore) != ""
		return nil
	})
	return p, err
}

// FollowLog yields a log from l.Offset on, as it grows, until the frame is no longer rendered. When the newest attempt
// is followed and another begins, a line says so and the text of that one follows from its beginning. An error is
// yielded last.
func (c *Client) FollowLog(ctx context.Context, l LogRange) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var of, last farm.LeaseID // whose l.Offset is; whose text was yielded last
		broken := false           // that text ends within a line
		for {
			p, err := c.log(ctx, l, of, MaxWaitMS/2*time.Millisecond)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(p.text) > 0 {
				if last != 0 && last != p.lease {
					line := fmt.Sprintf("--- another attempt at frame %d ---\n", l.Frame)
					if broken {
						line = "\n" + line
					}
					if !yield([]byte(line), nil) {
						return
					}
				}
				if !yield(p.text, nil) {
					return
				}
				last, broken = p.lease, p.text[len(p.text)-1] != '\n'
			}
			if !p.more {
				return
			}
			if l.Offset = p.next; l.Lease == 0 {
				of = p.lease
			}
		}
	}
}
