package wire

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Info asks who the master is; no token is needed.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/info", out: &out, again: true})
	return out, err
}

// Submit announces a job. It is repeated by a patient client only when the spec has a Key.
func (c *Client) Submit(ctx context.Context, spec farm.JobSpec, files []farm.File) (SubmitReply, error) {
	var out SubmitReply
	err := c.do(ctx, call{
		method: http.MethodPost, path: Root + "/jobs", in: SubmitRequest{Spec: spec, Files: files},
		out: &out, again: spec.Key != "",
	})
	return out, err
}

// Jobs returns a page of jobs, newest first when the filter names no other order.
func (c *Client) Jobs(ctx context.Context, f farm.JobFilter) (JobList, error) {
	q := url.Values{}
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	set(q, "state", strings.Join(states, ","))
	set(q, "owner", f.Owner)
	set(q, "q", f.Text)
	set(q, "scene", f.Scene)
	if f.Inspect {
		q.Set("inspect", "true")
	}
	setInt(q, "before", int64(f.Before))
	setInt(q, "limit", int64(f.Limit))
	if f.Sort != "" {
		q.Set("sort", string(f.Sort))
		q.Set("order", "desc")
		if f.Rising {
			q.Set("order", "asc")
		}
	}
	set(q, "after", f.Behind.String())
	var out JobList
	err := c.do(ctx, call{method: http.MethodGet, path: Root + "/jobs", query: q, out: &out, again: true})
	return out, err
}

// Job returns one job.
func (c *Client) Job(ctx context.Context, id farm.JobID) (farm.Job, error) {
	var out farm.Job
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id), out: &out, again: true})
	return out, err
}

// Inspection reads what a worker found in a scene; NotFound while it did not.
func (c *Client) Inspection(ctx context.Context, id farm.JobID) (*farm.Inspection, error) {
	var out farm.Inspection
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "/inspection"), out: &out, again: true})
	return &out, err
}

// ChangeJob changes settings of a job.
func (c *Client) ChangeJob(ctx context.Context, id farm.JobID, change JobChange) (farm.Job, error) {
	var out farm.Job
	err := c.do(ctx, call{method: http.MethodPatch, path: jobPath(id), in: change, out: &out, again: true})
	return out, err
}

// DeleteJob removes a job with its results.
func (c *Client) DeleteJob(ctx context.Context, id farm.JobID) error {
	return c.do(ctx, call{method: http.MethodDelete, path: jobPath(id)})
}

// CancelJob stops a job.
func (c *Client) CancelJob(ctx context.Context, id farm.JobID) (farm.Job, error) {
	return c.steer(ctx, id, "/cancel", nil)
}

// PauseJob holds a job.
func (c *Client) PauseJob(ctx context.Context, id farm.JobID) (farm.Job, error) {
	return c.steer(ctx, id, "/pause", nil)
}

// ResumeJob lets a held job go on.
func (c *Client) ResumeJob(ctx context.Context, id farm.JobID) (farm.Job, error) {
	return c.steer(ctx, id, "/resume", nil)
}

// RetryJob renders frames again.
func (c *Client) RetryJob(ctx context.Context, id farm.JobID, which RetryRequest) (farm.Job, error) {
	return c.steer(ctx, id, "/retry", which)
}

// Act does something to many jobs. What is refused for some is in the reply, and no error.
func (c *Client) Act(ctx context.Context, in ActionRequest) (ActionReply, error) {
	var out ActionReply
	err := c.do(ctx, call{method: http.MethodPost, path: Root + "/jobs/actions", in: in, out: &out, wait: MaxWaitMS * time.Millisecond})
	return out, err
}

func (c *Client) steer(ctx context.Context, id farm.JobID, verb string, in any) (farm.Job, error) {
	var out farm.Job
	err := c.do(ctx, call{method: http.MethodPost, path: jobPath(id, verb), in: in, out: &out})
	return out, err
}

// Files yields the manifest of a job in the order of its paths.
func (c *Client) Files(ctx context.Context, id farm.JobID) iter.Seq2[farm.File, error] {
	return c.files(ctx, id, "/files")
}

// Missing yields the files of a job whose bytes the master lacks.
func (c *Client) Missing(ctx context.Context, id farm.JobID) iter.Seq2[farm.File, error] {
	return c.files(ctx, id, "/missing")
}

func (c *Client) files(ctx context.Context, id farm.JobID, which string) iter.Seq2[farm.File, error] {
	return func(yield func(farm.File, error) bool) {
		for after := ""; ; {
			q := url.Values{}
			set(q, "after", after)
			var page FileList
			err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, which), query: q, out: &page, again: true})
			if err != nil {
				yield(farm.File{}, err)
				return
			}
			for _, f := range page.Files {
				if !yield(f, nil) {
					return
				}
			}
			if page.Next == "" || page.Next == after {
				return
			}
			after = page.Next
		}
	}
}

// Frames returns what became of every frame of a job.
func (c *Client) Frames(ctx context.Context, id farm.JobID) (farm.FrameStates, error) {
	var out farm.FrameStates
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "/frames"), out: &out, again: true})
	return out, err
}

// SomeRunning returns the first leases of a job, at most limit.
func (c *Client) SomeRunning(ctx context.Context, id farm.JobID, limit int) (RunningList, error) {
	q := url.Values{}
	setInt(q, "limit", int64(limit))
	var out RunningList
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "/running"), query: q, out: &out, again: true})
	return out, err
}

// Running returns the leases of a job.
func (c *Client) Running(ctx context.Context, id farm.JobID) ([]farm.Running, error) {
	var all []farm.Running
	err := pages(ctx, c, jobPath(id, "/running"), func(page *RunningList) string {
		all = append(all, page.Running...)
		if page.Next == 0 {
			return ""
		}
		return strconv.FormatInt(int64(page.Next), 10)
	})
	return all, err
}

// Grid returns a page of what became of a job's frames: those after a frame, or from the first on with nil; at most
// limit, or as many as the master likes with 0.
func (c *Client) Grid(ctx context.Context, id farm.JobID, after *int, limit int) (farm.Grid, error) {
	q := url.Values{}
	if after != nil {
		q.Set("after", strconv.Itoa(*after))
	}
	setInt(q, "limit", int64(limit))
	var out farm.Grid
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "/grid"), query: q, out: &out, again: true})
	return out, err
}

// Warnings returns what may be wrong with a job's pictures, each sentence once.
func (c *Client) Warnings(ctx context.Context, id farm.JobID) ([]farm.Warning, error) {
	var out []farm.Warning
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "/warnings"), out: &out, again: true})
	return out, err
}

// Why explains why a job does or does not get workers.
func (c *Client) Why(ctx context.Context, id farm.JobID) ([]farm.Reason, error) {
	var all []farm.Reason
	err := pages(ctx, c, jobPath(id, "/why"), func(page *ReasonList) string {
		all = append(all, page.Reasons...)
		return page.Next
	})
	return all, err
}

// Attempts returns a page of attempts, in the order they ended. When there is none yet, the answer is held for up to
// wait until there is one or the job ends.
func (c *Client) Attempts(ctx context.Context, f farm.AttemptFilter, wait time.Duration) (AttemptList, error) {
	q := url.Values{}
	setInt(q, "after", f.After)
	setInt(q, "limit", int64(f.Limit))
	set(q, "frames", f.Frames.String())
	if f.Accepted {
		q.Set("accepted", "1")
	}
	if f.Failed {
		q.Set("failed", "1")
	}
	wait = min(wait, MaxWaitMS*time.Millisecond)
	setInt(q, "wait_ms", wait.Milliseconds())
	var out AttemptList
	err := c.do(ctx, call{method: http.MethodGet, path: jobPath(f.Job, "/attempts"), query: q, out: &out, wait: wait, again: true})
	return out, err
}

// FollowAttempts yields the attempts of a job from f.After on as they end, and returns when the job has ended and
// all were yielded. It asks again while the master is away as long as the client is patient; an error is yielded last.
func (c *Client) FollowAttempts(ctx context.Context, f farm.AttemptFilter) iter.Seq2[farm.Attempt, error] {
	return func(yield func(farm.Attempt, error) bool) {
		for {
			page, err := c.Attempts(ctx, f, MaxWaitMS/2*time.Millisecond)
			if err != nil {
				yield(farm.Attempt{}, err)
				return
			}
			for _, a := range page.Attempts {
				if !yield(a, nil) {
					return
				}
				f.After = max(f.After, a.Seq)
			}
			if page.Ended && page.Next == 0 {
				return
			}
		}
	}
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

func setInt(q url.Values, key string, value int64) {
	if value != 0 {
		q.Set(key, strconv.FormatInt(value, 10))
	}
}
