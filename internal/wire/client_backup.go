package wire

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// BackupWait is how long a master may take to copy its database before the first byte of a backup comes.
const BackupWait = 15 * time.Minute

// Backup writes a backup of the farm to w, with files also the scenes' files and the results. It is not gone on with
// when the connection breaks; on an error w holds bytes that are worth nothing.
func (c *Client) Backup(ctx context.Context, files bool, w io.Writer) error {
	path := Root + "/backup"
	if files {
		path += "?files=1"
	}
	return c.pour(ctx, path, w)
}

// pour writes an answer to w that may take BackupWait to begin.
func (c *Client) pour(ctx context.Context, path string, w io.Writer) error {
	r, err := http.NewRequest(http.MethodGet, c.base+path, nil)
	if err != nil {
		return farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	guard, ctx := c.guard(ctx)
	defer guard.stop()
	guard.timer.Reset(BackupWait)
	resp, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer guard.cancel(nil) // first, so that closing does not read the rest
	guard.moved()
	in := &movingBody{r: resp.Body, guard: guard}
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, in, make([]byte, 128<<10))
	if in.err != nil {
		return c.broken(ctx, in.err)
	}
	return err
}

// movingBody feeds the guard and remembers how the connection failed, which is not the writer's fault.
type movingBody struct {
	r     io.Reader
	guard *guard
	err   error
}

func (b *movingBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.guard.moved()
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
