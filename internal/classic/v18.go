package classic

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// v18 answers in the dialect of the add-on's last years.
func (c *call) v18() error {
	p := c.r.URL.Path
	switch c.r.Method {
	case http.MethodHead:
		if p == "/status" {
			return c.headStatus()
		}
	case http.MethodGet:
		return c.getV18(p)
	case http.MethodPost:
		return c.postV18(p)
	case http.MethodPut:
		return c.putV18(p)
	}
	return errUnknown
}

// headStatus tells a slave whether its frame is still wanted.
func (c *call) headStatus() error {
	frame, err := c.number("job-frame")
	if err != nil {
		return err
	}
	if err := c.wanted(c.ctx, c.r.Header.Get("job-id"), frame, c.ip); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

func (c *call) getV18(p string) error {
	switch p {
	case "/version":
		return answer(c.w, http.StatusOK, "text/plain", []byte(c.opt.Version))
	case "/status":
		return c.getStatus()
	case "/slaves":
		return writeJSON(c.w, c.known())
	case "/job":
		return c.getJob()
	}
	if job, index, ok := named(p, "/file_", ""); ok {
		return c.getFile(job, index)
	}
	if job, frame, ok := named(p, "/render_", ".exr"); ok {
		return c.result(job, frame, farm.KindEXR, "image/x-exr", answersV18)
	}
	if job, frame, ok := named(p, "/thumb_", ".jpg"); ok {
		return c.result(job, frame, farm.KindPreview, "image/jpeg", answersV18)
	}
	if job, frame, ok := named(p, "/log_", ".log"); ok {
		return c.frameLog(job, frame, answersV18, false)
	}
	if rest, ok := strings.CutPrefix(p, "/result_"); ok {
		if job, ok := strings.CutSuffix(rest, ".zip"); ok {
			return c.bundle(job)
		}
	}
	return errUnknown
}

// named reads what a path as /render_3_12.exr names.
func named(p, prefix, suffix string) (job string, n int, ok bool) {
	rest, ok := strings.CutPrefix(p, prefix)
	if !ok {
		return "", 0, false
	}
	if rest, ok = strings.CutSuffix(rest, suffix); !ok {
		return "", 0, false
	}
	job, number, ok := strings.Cut(rest, "_")
	n, err := strconv.Atoi(number)
	return job, n, ok && err == nil && n >= -farm.MaxFrame && n <= farm.MaxFrame
}

func (c *call) postV18(p string) error {
	switch p {
	case "/slave":
		return c.postSlave()
	case "/job":
		return c.postJob()
	case "/log":
		return c.postLog()
	case "/clear":
		return c.postClear()
	}
	if id, ok := strings.CutPrefix(p, "/cancel_"); ok {
		return c.postCancel(id)
	}
	if id, ok := strings.CutPrefix(p, "/pause_"); ok {
		return c.postPause(id)
	}
	if id, ok := strings.CutPrefix(p, "/edit_"); ok {
		return c.postEdit(id)
	}
	for prefix, all := range map[string]bool{"/reset_": false, "/resetall_": true} {
		if job, frame, ok := named(p, prefix, ""); ok {
			if err := c.reset(c.ctx, job, frame, all); err != nil {
				return err
			}
			return c.none(http.StatusOK)
		}
	}
	return errUnknown
}

func (c *call) putV18(p string) error {
	switch p {
	case "/render":
		return c.putRender()
	case "/result":
		return c.putResult()
	case "/thumb":
		return c.putThumb()
	}
	if job, index, ok := named(p, "/file_", ""); ok {
		return c.putFile(job, index)
	}
	if job, frame, ok := named(p, "/log_", ".log"); ok {
		return c.putLog(job, frame)
	}
	return errUnknown
}

func (c *call) getStatus() error {
	id := c.r.Header.Get("job-id")
	usage, err := c.usage(c.ctx)
	if err != nil {
		return err
	}
	if id != "" {
		rec := c.find(id)
		if rec == nil {
			return errUnknown
		}
		view, err := c.view(c.ctx, rec, usage)
		if err != nil {
			return err
		}
		return writeJSON(c.w, view)
	}
	list := []*renderJob{}
	for _, rec := range c.all() {
		view, err := c.view(c.ctx, rec, usage)
		if farm.KindOf(err) == farm.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		list = append(list, view)
	}
	return writeJSON(c.w, list)
}

// getJob gives a slave its next frames.
func (c *call) getJob() error {
	s, err := c.slave(c.ctx, c.r.Header.Get("slave-id"))
	if err != nil {
		return err
	}
	h, grant, err := c.work(c.ctx, s)
	if err != nil {
		return err
	}
	if h == nil {
		return c.none(http.StatusAccepted)
	}
	view, err := c.task(c.ctx, h, grant)
	if err != nil {
		return err
	}
	c.w.Header().Set("job-id", h.job)
	return writeJSON(c.w, view)
}

// getFile sends a file of a job: of its own jobs to everybody, of modern ones to slaves that hold frames of them.
func (c *call) getFile(job string, index int) error {
	beat, holds := c.beats(job)
	if rec := c.find(job); rec != nil {
		rec.mu.Lock()
		ref := ""
		if index >= 0 && index < len(rec.Files) {
			ref = rec.Files[index].Ref
		}
		rec.mu.Unlock()
		return c.storedBlob(ref, beat)
	}
	if !holds || index != 0 {
		return errUnknown
	}
	file, err := c.modernFile(c.ctx, c.holders(job, c.ip))
	if err != nil {
		return err
	}
	return c.storedBlob(file.Ref, beat)
}

// modernFile is the one file of a modern job.
func (d *Door) modernFile(ctx context.Context, list []*held) (farm.File, error) {
	if len(list) == 0 {
		return farm.File{}, errUnknown
	}
	files, err := d.m.Files(ctx, list[0].lease.Job, "", 2)
	if err != nil || len(files) != 1 {
		return farm.File{}, errUnknown
	}
	return files[0], nil
}

func (c *call) postSlave() error {
	var in struct {
		Name  string `json:"name"`
		Stats string `json:"stats"`
	}
	if err := readJSON(c.body, maxSmall, &in); err != nil {
		return err
	}
	s, err := c.register(c.ctx, in.Name, in.Stats, c.r.RemoteAddr)
	if err != nil {
		return err
	}
	c.w.Header().Set("slave-id", s.id)
	return c.none(http.StatusOK)
}

func (c *call) postJob() error {
	rec, err := readJob(c.body)
	if err != nil {
		return err
	}
	whole, err := c.announce(c.ctx, rec)
	if err != nil {
		return err
	}
	c.w.Header().Set("job-id", rec.ID)
	if whole {
		return c.none(http.StatusOK)
	}
	return c.none(http.StatusAccepted)
}

func (c *call) putFile(job string, index int) error {
	rec := c.find(job)
	if rec == nil || index < 0 || index >= len(rec.Files) {
		return errUnknown
	}
	a, err := c.receive(c.opt.MaxFile)
	if err != nil {
		return err
	}
	defer a.close()
	whole, err := c.upload(c.ctx, rec, index, a)
	if err != nil {
		return err
	}
	c.w.Header().Set("job-id", rec.ID)
	if whole {
		return c.none(http.StatusOK)
	}
	return c.none(http.StatusAccepted)
}

func (c *call) postLog() error {
	var in logFile
	if err := readJSON(c.body, maxJSON, &in); err != nil {
		return err
	}
	if len(in.Frames) == 0 {
		return farm.Errorf(farm.Invalid, "the log is of no frames")
	}
	h, err := c.lease(c.ctx, in.Slave, in.Job, in.Frames[0])
	if err != nil {
		return err
	}
	c.logsOf(h, in.Frames)
	return c.none(http.StatusOK)
}

func (c *call) putLog(job string, frame int) error {
	h, err := c.lease(c.ctx, c.r.Header.Get("slave-id"), job, frame)
	if err != nil {
		return err
	}
	text, err := c.text(maxLog)
	if err != nil {
		return err
	}
	if err := c.logged(c.ctx, h, frame, text, c.ip); err != nil {
		return err
	}
	if c.quiet(h) {
		if _, err := c.beat(c.ctx, h, speaker(c.ip)); err != nil {
			return err
		}
	}
	return c.none(http.StatusOK)
}

// theFrame is the frame that the headers name, in the hands of the slave that they name.
func (c *call) theFrame() (*held, int, error) {
	frame, err := c.number("job-frame")
	if err != nil {
		return nil, 0, err
	}
	h, err := c.lease(c.ctx, c.r.Header.Get("slave-id"), c.r.Header.Get("job-id"), frame)
	return h, frame, err
}

// outcome reads the header of what became of a frame.
func (c *call) outcome() (done bool, err error) {
	n, err := c.number("job-result")
	if err == nil && n != frameDone && n != frameError {
		err = farm.Errorf(farm.Invalid, "the header job-result is 2 for a frame that is done or 3 for one that failed")
	}
	return n == frameDone, err
}

// putRender takes a frame, or that it failed.
func (c *call) putRender() error {
	h, frame, err := c.theFrame()
	if err != nil {
		return err
	}
	done, err := c.outcome()
	if err != nil {
		return err
	}
	if !done {
		c.late()
		return c.settled(h, frame, slaveFailed)
	}
	a, err := c.receive(c.opt.MaxFile)
	if err != nil {
		return err
	}
	defer a.close()
	if err := c.picture(c.ctx, h, frame, a, c.ip); err != nil {
		return c.spoiled(h, frame, err)
	}
	return c.settled(h, frame, "")
}

// slaveFailed is all that a slave says of a frame that failed.
const slaveFailed = "the slave says that the frame failed; its log may say why"

// settled reports a frame and answers.
func (c *call) settled(h *held, frame int, why string) error {
	if err := c.settle(c.ctx, h, frame, why, c.seconds(), c.ip); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

// spoiled reports a frame whose result came and is none, and answers with why.
func (c *call) spoiled(h *held, frame int, why error) error {
	if farm.KindOf(why) == farm.Invalid {
		if err := c.settle(c.ctx, h, frame, why.Error(), c.seconds(), c.ip); err != nil {
			return err
		}
	}
	return why
}

// putResult takes one of the files that a frame leaves, or that it failed.
func (c *call) putResult() error {
	h, frame, err := c.theFrame()
	if err != nil {
		return err
	}
	done, err := c.outcome()
	if err != nil {
		return err
	}
	if !done {
		c.late()
		return c.settled(h, frame, slaveFailed)
	}
	if name := c.r.Header.Get("result-filename"); name != "" {
		a, err := c.receive(c.opt.MaxFile)
		if err != nil {
			return err
		}
		defer a.close()
		if err := c.file(c.ctx, h, frame, name, a, c.ip); err != nil {
			return c.spoiled(h, frame, err)
		}
	}
	if !strings.EqualFold(c.r.Header.Get("job-finished"), "true") {
		return c.none(http.StatusOK)
	}
	return c.settled(h, frame, "")
}

func (c *call) putThumb() error {
	h, frame, err := c.theFrame()
	if err != nil {
		return err
	}
	text, err := c.text(maxThumb)
	if err != nil {
		return err
	}
	if err := c.thumb(c.ctx, h, frame, text, c.ip); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

func (c *call) postCancel(id string) error {
	var in struct {
		Clear bool `json:"clear"`
	}
	if err := readJSON(c.body, maxSmall, &in); err != nil {
		return err
	}
	rec := c.find(id)
	if rec == nil {
		return errUnknown
	}
	if err := c.cancel(c.ctx, rec, in.Clear); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

func (c *call) postClear() error {
	var in struct {
		Clear bool `json:"clear"`
	}
	if err := readJSON(c.body, maxSmall, &in); err != nil {
		return err
	}
	return c.cancelAll(in.Clear)
}

// cancelAll forgets all jobs of the door.
func (c *call) cancelAll(clear bool) error {
	for _, rec := range c.all() {
		if err := c.cancel(c.ctx, rec, clear); err != nil && farm.KindOf(err) != farm.NotFound {
			return err
		}
	}
	return c.none(http.StatusOK)
}

func (c *call) postPause(id string) error {
	var in struct {
		Status *bool `json:"status"`
	}
	if err := readJSON(c.body, maxSmall, &in); err != nil {
		return err
	}
	rec := c.find(id)
	if rec == nil {
		return errUnknown
	}
	if err := c.pause(c.ctx, rec, in.Status); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

func (c *call) postEdit(id string) error {
	var in struct {
		Status   *int `json:"status"`
		Priority *int `json:"priority"`
		Chunks   *int `json:"chunks"`
	}
	if err := readJSON(c.body, maxSmall, &in); err != nil {
		return err
	}
	rec := c.find(id)
	if rec == nil {
		return errUnknown
	}
	if err := c.edit(c.ctx, rec, in.Priority, in.Chunks); err != nil {
		return err
	}
	if in.Status != nil && (*in.Status == jobPaused || *in.Status == jobQueued) {
		run := *in.Status == jobQueued
		if err := c.pause(c.ctx, rec, &run); err != nil {
			return err
		}
	}
	return c.none(http.StatusOK)
}

// flat names the file of a job as slaves keep it in the job's folder: without folders, which they do not make.
func flat(files []renderFile, name string) string {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	for n := 1; ; n++ {
		as := base
		if n > 1 {
			as = strconv.Itoa(n) + "_" + base
		}
		if !slices.ContainsFunc(files, func(f renderFile) bool { return strings.EqualFold(f.Filepath, as) }) {
			return as
		}
	}
}
