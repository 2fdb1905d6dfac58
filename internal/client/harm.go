package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// harmError is a frame whose results the master does not have as they should be, and has rendered again.
type harmError struct{ frame int }

func (e *harmError) Error() string { return fmt.Sprintf("frame %d is rendered again", e.frame) }

// suspect has the master look at a result that did not come as it should. It returns nil when it came after all.
func suspect(ctx context.Context, c *wire.Client, id farm.JobID, frame int, r farm.Result, target string, cause error) error {
	if kind := farm.KindOf(cause); kind != farm.Mismatch && kind != farm.NotFound {
		return cause
	}
	s, err := c.SuspectResult(ctx, id, frame, r.Name)
	switch {
	case err != nil: // an older master, or the way there
		return cause
	case s.Again:
		return &harmError{frame}
	case s.Fine: // it was replaced while it came, or the way is bad
		return c.FetchVerified(ctx, id, r, target, nil)
	}
	return farm.Errorf(farm.NotFound, "frame %d cannot be fetched: %s", frame, s.Text)
}

// harmed tells of frames that will come later.
func harmed(id farm.JobID, frames []int) error {
	slices.Sort(frames)
	what := fmt.Sprintf("frame %d was", frames[0])
	if len(frames) > 1 {
		what = fmt.Sprintf("frames %s were", farm.Frames(frames...))
	}
	return farm.Errorf(farm.Mismatch, "%s damaged or lost on the master's disk and will be rendered again", what).
		WithHint("netrender fetch %d --follow waits for that", id)
}
