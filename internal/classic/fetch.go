package classic

import (
	"io"
	"net/http"
	"slices"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// answers are what a dialect says of a result that is not there.
type answers struct{ notYet, failed int }

var (
	answersV18  = answers{notYet: http.StatusAccepted, failed: http.StatusPartialContent}
	answersPage = answers{notYet: http.StatusNoContent, failed: http.StatusExpectationFailed}
)

// result answers with a result of a frame, or with what keeps it.
func (c *call) result(job string, frame int, kind farm.ResultKind, media string, a answers) error {
	at, err := c.seek(c.ctx, job, frame)
	if err != nil {
		return err
	}
	state, accepted, err := c.state(c.ctx, &at)
	switch {
	case err != nil:
		return err
	case state == frameError:
		return c.none(a.failed)
	case accepted == nil:
		return c.none(a.notYet)
	}
	i := slices.IndexFunc(accepted.Results, func(r farm.Result) bool { return r.Kind == kind })
	if i < 0 {
		return errUnknown
	}
	f, err := c.m.OpenResult(c.ctx, at.job.ID, accepted.Results[i].Name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return c.send(media, st.Size(), f, nil)
}

// frameLog answers with the log of a frame, also while it is rendered.
// A log is sent with the status of its frame where the dialect has it so.
func (c *call) frameLog(job string, frame int, a answers, failed bool) error {
	at, err := c.seek(c.ctx, job, frame)
	if err != nil {
		return err
	}
	if at.job.ID == 0 {
		return c.none(a.notYet)
	}
	status := http.StatusOK
	if failed {
		state, _, err := c.state(c.ctx, &at)
		if err != nil {
			return err
		}
		if state == frameError {
			status = a.failed
		}
	}
	none := a.notYet
	if status != http.StatusOK {
		none = status
	}
	l, err := c.m.OpenLog(c.ctx, at.job.ID, frame, 0)
	if farm.KindOf(err) == farm.NotFound {
		return c.none(none)
	}
	if err != nil {
		return err
	}
	defer l.Close()
	if !l.There() {
		return c.none(none)
	}
	text, err := io.ReadAll(io.LimitReader(l, maxLog))
	if err != nil {
		return farm.Errorf(farm.Internal, "the log cannot be read: %w", err)
	}
	return answer(c.w, status, "text/plain; charset=utf-8", text)
}

// bundle answers with a zip of the pictures of a job's frames that are done.
func (c *call) bundle(job string) error {
	rec := c.find(job)
	if rec == nil {
		return errUnknown
	}
	jobs, err := c.jobsOf(c.ctx, rec)
	if err != nil {
		return err
	}
	for i := range jobs {
		b, err := c.m.Bundle(c.ctx, jobs[i].ID, master.BundleOptions{Kinds: []farm.ResultKind{farm.KindEXR, farm.KindOutput}, AllowMissing: true})
		if farm.KindOf(err) == farm.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		defer b.Close()
		out, in := io.Pipe()
		go func() { _ = in.CloseWithError(b.Send(c.ctx, in)) }()
		defer out.Close()
		return c.send("application/zip", b.Size, out, nil)
	}
	return errUnknown
}

// storedBlob answers with a file of a job. beat renews the leases of who reads it, for that may take long.
func (c *call) storedBlob(ref string, beat func()) error {
	r, err := blob.ParseRef(ref)
	if err != nil {
		return errUnknown
	}
	in, err := c.opt.Blobs.Open(c.ctx, r)
	if err != nil {
		if _, serr := c.m.BlobSuspect(c.ctx, r); serr != nil {
			c.log.Error("a stored file cannot be looked at", "ref", ref, "err", serr)
		}
		return errUnknown
	}
	defer in.Close()
	return c.send("application/octet-stream", in.Size(), in, beat)
}

// beats renews the leases that slaves of the asker's address have of a job.
func (c *call) beats(job string) (beat func(), any bool) {
	list := c.holders(job, c.ip)
	if len(list) == 0 {
		return nil, false
	}
	return func() {
		for _, h := range list {
			_, _ = c.beat(c.ctx, h, speaker(c.ip))
		}
	}, true
}
