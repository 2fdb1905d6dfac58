package wire

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
)

// ArchiveParts say what an archive of a job holds besides its settings and what became of its frames.
type ArchiveParts struct {
	Files, Results, Logs bool
	AllowMissing         bool // what is not whole on the master is left out and named; else that is an error
}

// Archive writes a job to w, packed by zstd. On an error w holds bytes of which the last entries may say why.
func (c *Client) Archive(ctx context.Context, id farm.JobID, p ArchiveParts, w io.Writer) error {
	q := url.Values{}
	for name, is := range map[string]bool{"files": p.Files, "results": p.Results, "logs": p.Logs} {
		if !is {
			q.Set(name, "0")
		}
	}
	if p.AllowMissing {
		q.Set("allow_missing", "1")
	}
	path := jobPath(id, "/archive")
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return c.pour(ctx, path, w)
}

// Archive is the archive of a job on its way to the master.
type Archive struct {
	Size     int64                             // of the file
	Unpacked int64                             // bytes, as far as it is known
	Key      string                            // importing twice under the same one makes one job
	Start    bool                              // frames that are not done are rendered
	Open     func() (io.ReadSeekCloser, error) // for each try anew
	Progress func(bytes int64)                 // may be nil
}

// Import has a job made of an archive. With a Key a patient client tries again when the connection breaks.
func (c *Client) Import(ctx context.Context, a Archive) (ImportReply, error) {
	if a.Key == "" {
		return c.importOnce(ctx, &a)
	}
	var reply ImportReply
	err := c.repeat(ctx, func() (err error) {
		reply, err = c.importOnce(ctx, &a)
		return err
	})
	return reply, err
}

func (c *Client) importOnce(ctx context.Context, a *Archive) (reply ImportReply, err error) {
	file, err := a.Open()
	if err != nil {
		return reply, err
	}
	in := &source{r: file, close: file.Close, want: a.Size, seen: a.Progress}
	defer in.Close()
	guard, ctx := c.guard(ctx)
	defer guard.stop()
	in.guard = guard
	q := url.Values{}
	set(q, "key", a.Key)
	setInt(q, "bytes", a.Unpacked)
	if a.Start {
		q.Set("start", "1")
	}
	r, err := http.NewRequest(http.MethodPost, c.base+Root+"/import?"+q.Encode(), in)
	if err != nil {
		return reply, farm.Errorf(farm.Invalid, "the request cannot be made: %w", err)
	}
	if r.ContentLength = a.Size; a.Size == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Content-Type", "application/zstd")
	r.Header.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	expect(r, a.Size)
	resp, err := c.request(ctx, r)
	if failed := in.failure(); err != nil && failed != nil && !errors.Is(failed, context.Canceled) {
		return reply, failed
	}
	if err != nil {
		return reply, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxBody)).Decode(&reply); err != nil {
		return reply, &Unreachable{Address: c.Address(), Err: err}
	}
	return reply, nil
}
