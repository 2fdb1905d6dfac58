package classic

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/exr"
	"github.com/netrender/netrender/internal/farm"
)

// number is a frame as Blender writes it in names of files.
func number(frame int) string {
	if frame < 0 {
		return fmt.Sprintf("-%04d", -frame)
	}
	return fmt.Sprintf("%04d", frame)
}

// exrName and previewName are what workers call these results.
func exrName(frame int) string     { return "exr/" + number(frame) + ".exr" }
func previewName(frame int) string { return "preview/" + number(frame) + ".jpg" }

// outputName is where a file lies that a slave sends under a name of its own. The frame keeps those of frames apart.
func outputName(frame int, name string) (string, error) {
	if clean, err := blob.CleanPath(name); err != nil || clean != path.Base(clean) || strings.HasPrefix(clean, ".") {
		return "", farm.Errorf(farm.Invalid, "the result has a name that cannot be used")
	}
	return "files/" + number(frame) + "/" + name, nil
}

// lease finds what a slave holds of a job, where the frame is part of it; errUnknown when nobody leased it to that slave.
func (d *Door) lease(ctx context.Context, slaveID, job string, frame int) (*held, error) {
	s, err := d.slave(ctx, slaveID)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := s.held; h != nil && h.job == job && slices.Contains(h.lease.Frames, frame) {
		return h, nil
	}
	return nil, errUnknown
}

// put hands a result of a frame that is leased to the engine, where it waits for the report.
func (d *Door) put(ctx context.Context, h *held, r farm.Result, body io.Reader, ip string) error {
	_, whole, err := d.m.PutResult(ctx, speaker(ip), h.lease.ID, h.slave.worker, r, -1, body)
	if err == nil && !whole {
		err = farm.Errorf(farm.Mismatch, "%s did not come whole", clip(r.Name, 100))
	}
	if farm.KindOf(err) == farm.Conflict { // the lease is over
		return errUnknown
	}
	if err != nil {
		return ofBlob(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h.results[r.Frame] = append(slices.DeleteFunc(h.results[r.Frame], func(o farm.Result) bool { return o.Name == r.Name }), r)
	return nil
}

// picture takes the EXR of a frame. One that cannot be read whole is none.
func (d *Door) picture(ctx context.Context, h *held, frame int, a *arrived, ip string) error {
	if err := exr.Verify(a.file, a.size); err != nil {
		return farm.Errorf(farm.Invalid, "the picture that came is no whole EXR: %s", clip(err.Error(), 300))
	}
	r, err := a.rewind()
	if err != nil {
		return err
	}
	return d.put(ctx, h, farm.Result{Kind: farm.KindEXR, Name: exrName(frame), Size: a.size, Ref: a.ref.String(), Frame: frame}, r, ip)
}

// file takes a file that a slave names; with the ending of an EXR it is the frame's picture.
func (d *Door) file(ctx context.Context, h *held, frame int, name string, a *arrived, ip string) error {
	place, err := outputName(frame, name)
	if err != nil {
		return err
	}
	if strings.EqualFold(path.Ext(name), ".exr") {
		return d.picture(ctx, h, frame, a, ip)
	}
	r, err := a.rewind()
	if err != nil {
		return err
	}
	return d.put(ctx, h, farm.Result{Kind: farm.KindOutput, Name: place, Size: a.size, Ref: a.ref.String(), Frame: frame}, r, ip)
}

// thumb takes the small picture of a frame, which is one where it can be decoded.
func (d *Door) thumb(ctx context.Context, h *held, frame int, text []byte, ip string) error {
	if _, err := jpeg.DecodeConfig(bytes.NewReader(text)); err != nil {
		return farm.Errorf(farm.Invalid, "the preview that came is no JPEG")
	}
	r := farm.Result{Kind: farm.KindPreview, Name: previewName(frame), Size: int64(len(text)), Ref: blob.RefOf(text).String(), Frame: frame}
	return d.put(ctx, h, r, bytes.NewReader(text), ip)
}

// settle reports what became of a frame. why is empty for one that was rendered.
func (d *Door) settle(ctx context.Context, h *held, frame int, why string, seconds float64, ip string) error {
	r := farm.Report{
		Lease: h.lease.ID, Worker: h.slave.worker, Job: h.lease.Job, Frame: frame, Attempt: h.lease.Attempt, Outcome: farm.Rendered, Seconds: seconds,
	}
	if why != "" {
		r.Outcome, r.Error = farm.Errored, why
	} else {
		d.mu.Lock()
		r.Results = slices.Clone(h.results[frame])
		d.mu.Unlock()
	}
	verdicts, _, err := d.m.Report(ctx, speaker(ip), []farm.Report{r}, nil)
	if err != nil {
		return err
	}
	if len(verdicts) == 1 && len(verdicts[0].Missing) > 0 {
		return farm.Errorf(farm.Conflict, "results of the frame are missing")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.left[frame] && verdicts[0].Accepted {
		if why == "" {
			h.slave.done++
		} else {
			h.slave.erred++
		}
	}
	delete(h.left, frame)
	delete(h.results, frame)
	return nil
}

// logged adds a piece to the log of the frames that it is of.
func (d *Door) logged(ctx context.Context, h *held, frame int, text []byte, ip string) error {
	d.mu.Lock()
	frames := h.of
	if len(frames) == 0 {
		frames = h.lease.Frames
	}
	if !slices.Contains(frames, frame) {
		frames = []int{frame}
	}
	frames = slices.Clone(frames)
	fresh := h.logs == nil
	d.mu.Unlock()
	if fresh {
		if err := d.readLogs(ctx, h); err != nil {
			return err
		}
	}
	for _, f := range frames {
		d.mu.Lock()
		at := h.logs[f]
		h.logs[f] = at + int64(len(text)) // pieces of one slave come one after the other
		d.mu.Unlock()
		err := d.m.AppendLog(ctx, speaker(ip), h.lease.ID, h.slave.worker, f, at, bytes.NewReader(text))
		if farm.KindOf(err) == farm.Conflict {
			return errUnknown
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readLogs finds how much is there of the logs of a lease from before the master was started.
func (d *Door) readLogs(ctx context.Context, h *held) error {
	logs := make(map[int]int64)
	for _, f := range h.lease.Frames {
		l, err := d.m.OpenLog(ctx, h.lease.Job, f, h.lease.ID)
		if farm.KindOf(err) == farm.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, l)
		if cerr := l.Close(); err != nil || cerr != nil {
			return farm.Errorf(farm.Internal, "the log cannot be read")
		}
		logs[f] = n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.logs == nil {
		h.logs = logs
	}
	return nil
}

// logsOf notes of which frames the next pieces of log are.
func (d *Door) logsOf(h *held, frames []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h.of = slices.DeleteFunc(slices.Clone(frames), func(f int) bool { return !slices.Contains(h.lease.Frames, f) })
}
