package wire

import (
	"context"
	"net/http"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
)

func partPath(lease farm.LeaseID, task int) string {
	return leasePath(lease) + "/parts/" + strconv.Itoa(task)
}

// Parts lists the results that a lease's task is made of.
func (c *Client) Parts(ctx context.Context, lease farm.LeaseID) ([]farm.Result, error) {
	var out PartList
	err := c.do(ctx, call{method: http.MethodGet, path: leasePath(lease) + "/parts", out: &out, again: true})
	return out.Parts, err
}

// CachesReady hands over complete files of a bake that goes on. A Conflict means that no more are wanted.
func (c *Client) CachesReady(ctx context.Context, lease farm.LeaseID, in CacheRequest) (CacheReply, error) {
	var out CacheReply
	err := c.do(ctx, call{method: http.MethodPost, path: leasePath(lease) + "/caches", in: &in, out: &out, again: true})
	return out, err
}

// FetchPart writes one of them to a file, as FetchVerified does.
func (c *Client) FetchPart(ctx context.Context, lease farm.LeaseID, r farm.Result, path string, progress func(bytes, size int64)) error {
	return c.fetchVerified(ctx, partPath(lease, r.Frame), r, path, progress)
}

// SuspectPart tells the master that one of them is not what it should be; it is looked at, and rendered again where that is so.
func (c *Client) SuspectPart(ctx context.Context, lease farm.LeaseID, task int) (farm.Suspicion, error) {
	var out farm.Suspicion
	err := c.do(ctx, call{method: http.MethodPost, path: partPath(lease, task) + "/suspect", out: &out, again: true})
	return out, err
}
