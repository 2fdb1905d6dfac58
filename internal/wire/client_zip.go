package wire

import (
	"context"
	"io"
	"net/url"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// PreviewFilm writes a film of a job's previews to w, as they are now: Motion JPEG in AVI. It is not gone on with when the
// connection breaks; on an error w holds bytes that are worth nothing.
func (c *Client) PreviewFilm(ctx context.Context, id farm.JobID, w io.Writer) error {
	return c.pour(ctx, Root+"/jobs/"+id.String()+"/film/preview", w)
}

// ResultsZip writes results of a job to w as one zip, with the names that they have on the master's disk: of the frames (of
// all, when there are none) those of some kinds (of all). It is not gone on with when the connection breaks; on an error w
// holds bytes that are worth nothing.
func (c *Client) ResultsZip(ctx context.Context, id farm.JobID, frames farm.FrameSet, kinds []farm.ResultKind, w io.Writer) error {
	q := url.Values{}
	if frames.Count() > 0 {
		q.Set("frames", frames.String())
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	if len(names) > 0 {
		q.Set("kinds", strings.Join(names, ","))
	}
	return c.pour(ctx, Root+"/jobs/"+id.String()+"/results.zip?"+q.Encode(), w)
}
