package classic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// page answers in the dialect of 2009.
func (c *call) page() error {
	switch c.r.Method + " " + c.r.URL.Path {
	case "HEAD /status":
		return c.headStatus()
	case "GET /version":
		return answer(c.w, http.StatusOK, "text/plain", []byte(c.opt.Version))
	case "GET /status":
		return c.getStatus()
	case "GET /slave":
		return writeJSON(c.w, c.known())
	case "GET /job":
		return c.pageGetJob()
	case "GET /file":
		return c.pageGetFile()
	case "GET /render":
		return c.pageGet(func(job string, frame int) error {
			return c.result(job, frame, farm.KindEXR, "image/x-exr", answersPage)
		})
	case "GET /log":
		return c.pageGet(func(job string, frame int) error { return c.frameLog(job, frame, answersPage, true) })
	case "POST /job":
		return c.pagePostJob()
	case "POST /slave":
		return c.pagePostSlave()
	case "POST /cancel":
		return c.pageCancel()
	case "PUT /file":
		return c.pagePutFile()
	case "PUT /render":
		return c.putRender()
	case "PUT /log":
		frame, err := c.number("job-frame")
		if err != nil {
			return err
		}
		return c.putLog(c.r.Header.Get("job-id"), frame)
	}
	return errUnknown
}

// pageGet reads which frame the headers name.
func (c *call) pageGet(get func(job string, frame int) error) error {
	frame, err := c.number("job-frame")
	if err != nil {
		return err
	}
	return get(c.r.Header.Get("job-id"), frame)
}

// pageGetJob gives a slave its next frames.
func (c *call) pageGetJob() error {
	s, err := c.slave(c.ctx, c.r.Header.Get("slave-id"))
	if err != nil {
		return err
	}
	h, _, err := c.work(c.ctx, s)
	if err != nil {
		return err
	}
	if h == nil {
		return c.none(http.StatusNoContent)
	}
	var paths []string
	if rec := c.find(h.job); rec != nil {
		rec.mu.Lock()
		for i := range rec.Files {
			name := rec.Files[i].Local // which slaves may see for themselves
			if name == "" {
				name = flat(nil, rec.Files[i].Path)
			}
			paths = append(paths, name)
		}
		rec.mu.Unlock()
	} else {
		file, err := c.modernFile(c.ctx, []*held{h})
		if err != nil {
			return err
		}
		paths = []string{path.Base(file.Path)}
	}
	c.w.Header().Set("job-id", h.job)
	c.w.Header().Set("job-frame", rangeOf(h.lease.Frames))
	return answer(c.w, http.StatusOK, "text/plain; charset=utf-8", []byte(strings.Join(paths, "\n")+"\n"))
}

// rangeOf writes frames that follow one another as n or a:b.
func rangeOf(frames []int) string {
	if len(frames) == 1 {
		return strconv.Itoa(frames[0])
	}
	return fmt.Sprintf("%d:%d", frames[0], frames[len(frames)-1])
}

// readRange reads n or a:b.
func readRange(text string) (farm.FrameSet, error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(text), ":")
	if !isRange {
		last = first
	}
	a, aerr := strconv.Atoi(first)
	b, berr := strconv.Atoi(last)
	if aerr != nil || berr != nil || a > b || a < -farm.MaxFrame || b > farm.MaxFrame {
		return farm.FrameSet{}, farm.Errorf(farm.Invalid, "the header job-frame is a frame or FIRST:LAST")
	}
	if b-a >= maxFrames {
		return farm.FrameSet{}, farm.Errorf(farm.TooLarge, "the job has over %d frames", maxFrames)
	}
	return farm.FrameRange(a, b, 1), nil
}

func (c *call) pageGetFile() error {
	job := c.r.Header.Get("job-id")
	beat, holds := c.beats(job)
	if rec := c.find(job); rec != nil {
		rec.mu.Lock()
		ref := rec.Files[0].Ref
		rec.mu.Unlock()
		return c.storedBlob(ref, beat)
	}
	if !holds {
		return errUnknown
	}
	file, err := c.modernFile(c.ctx, c.holders(job, c.ip))
	if err != nil {
		return err
	}
	return c.storedBlob(file.Ref, beat)
}

// pageJob reads what the headers say of a job. frames is empty when they name none.
func (c *call) pageJob() (id string, wish *record, err error) {
	h := c.r.Header
	if id = strings.ToLower(strings.TrimSpace(h.Get("job-id"))); !isMD5(id) {
		return "", nil, farm.Errorf(farm.Invalid, "the header job-id is the MD5 of the scene, as 32 hex digits")
	}
	wish = &record{ID: id, Chunk: 1, Priority: 1, Blacklist: strings.Fields(h.Get("slave-blacklist")), Name: plain(path.Base(strings.ReplaceAll(h.Get("job-name"), `\`, "/")), farm.MaxName)}
	if len(wish.Blacklist) > 1000 {
		return "", nil, farm.Errorf(farm.TooLarge, "the job denies over 1000 slaves")
	}
	if h.Get("job-frame") != "" {
		if wish.Frames, err = readRange(h.Get("job-frame")); err != nil {
			return "", nil, err
		}
	}
	if h.Get("job-chunks") != "" {
		if wish.Chunk, err = c.number("job-chunks"); err != nil {
			return "", nil, err
		}
	}
	if wish.Name == "." || wish.Name == "/" {
		wish.Name = ""
	}
	return id, wish, nil
}

// pagePostJob takes a job whose files are read here. One of whose scene the bytes are here already gets more frames.
func (c *call) pagePostJob() error {
	id, wish, err := c.pageJob()
	if err != nil {
		return err
	}
	if wish.Frames.Count() == 0 {
		return farm.Errorf(farm.Invalid, "the job has no frames")
	}
	text, err := c.text(maxJSON)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			wish.Files = append(wish.Files, recordFile{Path: line, Start: -1, End: -1})
		}
	}
	switch {
	case len(wish.Files) == 0:
		return farm.Errorf(farm.Invalid, "the job has no files")
	case len(wish.Files) > maxFiles:
		return farm.Errorf(farm.TooLarge, "the job has over %d files", maxFiles)
	}
	wish.Files[0].MD5 = id
	if err := wish.check(); err != nil {
		return err
	}
	if c.find(id) == nil {
		for i := range wish.Files {
			unpin, err := c.take(c.ctx, &wish.Files[i])
			if err != nil {
				wish.release()
				return err
			}
			wish.unpin = append(wish.unpin, unpin)
		}
	}
	if err := c.add(c.ctx, wish); err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

// pagePutFile takes a scene, and with frames makes a job of it.
func (c *call) pagePutFile() error {
	id, wish, err := c.pageJob()
	if err != nil {
		return err
	}
	a, err := c.receive(c.opt.MaxFile)
	if err != nil {
		return err
	}
	defer a.close()
	if a.md5 != id {
		return farm.Errorf(farm.Mismatch, "the bytes have another MD5 than the job's id")
	}
	name := wish.Name
	if name == "" {
		name = id
	}
	if !strings.HasSuffix(strings.ToLower(name), ".blend") {
		name += ".blend"
	}
	file := recordFile{Path: name, Start: -1, End: -1, MD5: id}
	var unpin func(bool)
	if file.storedFile, unpin, err = c.store(c.ctx, a); err != nil {
		return err
	}
	wish.Files, wish.unpin = []recordFile{file}, []func(bool){unpin}
	err = wish.check()
	if err == nil {
		err = c.add(c.ctx, wish)
	}
	if err != nil {
		return err
	}
	return c.none(http.StatusOK)
}

// add gives the job of a scene more frames, or makes it. Frames that it has already are left as they are, but those that
// failed are rendered again.
func (d *Door) add(ctx context.Context, wish *record) error {
	rec, err := d.scene(wish)
	if err != nil {
		wish.release()
		return err
	}
	jobs, err := d.jobsOf(ctx, rec)
	if errors.Is(err, errUnknown) && rec != wish { // it was canceled meanwhile, or just now
		if rec, err = d.scene(wish); err == nil {
			jobs, err = d.jobsOf(ctx, rec)
		}
	}
	if err != nil {
		return err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.gone {
		return errUnknown
	}
	if rec != wish {
		for _, unpin := range wish.unpin {
			unpin(true)
		}
		rec.Chunk, rec.Blacklist = wish.Chunk, wish.Blacklist
	}
	var fresh, again []int
	for f := range wish.Frames.All() {
		if rec.Frames.Contains(f) && rec != wish {
			again = append(again, f)
		} else {
			fresh = append(fresh, f)
		}
	}
	if rec != wish && len(fresh) > 0 {
		if rec.Frames.Count()+len(fresh) > maxFrames {
			return farm.Errorf(farm.TooLarge, "the job has over %d frames", maxFrames)
		}
		rec.Frames = farm.Frames(slices.AppendSeq(slices.Clone(fresh), rec.Frames.All())...)
	}
	if len(fresh) > 0 {
		rec.Pending = farm.Frames(slices.AppendSeq(fresh, rec.Pending.All())...)
	}
	if err := d.save(rec); err != nil {
		return err
	}
	if rec.Pending.Count() > 0 {
		if err := d.submit(ctx, rec); err != nil {
			return err
		}
	}
	return d.again(ctx, jobs, again)
}

// again has those of the frames rendered again that failed.
func (d *Door) again(ctx context.Context, jobs []farm.Job, frames []int) error {
	for i := range jobs {
		if jobs[i].Failed == 0 {
			continue
		}
		states, err := d.m.Frames(ctx, jobs[i].ID)
		if err != nil {
			return err
		}
		failed := slices.DeleteFunc(slices.Clone(frames), func(f int) bool { return !states.Failed.Contains(f) })
		if len(failed) == 0 {
			continue
		}
		if err := d.retry(ctx, jobs[i].ID, failed); err != nil {
			return err
		}
	}
	return nil
}

// scene is the record of a scene's job; the wish becomes it when there is none.
func (d *Door) scene(wish *record) (*record, error) {
	if rec := d.find(wish.ID); rec != nil {
		return rec, nil
	}
	if wish.Files[0].Ref == "" { // it was forgotten while this was announced
		return nil, errUnknown
	}
	if err := d.room(); err != nil {
		return nil, err
	}
	serial, err := d.token(16)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if rec := d.records[wish.ID]; rec != nil {
		return rec, nil
	}
	wish.Created, wish.Serial = d.opt.Now(), serial
	d.records[wish.ID] = wish
	return wish, nil
}

func (c *call) pagePostSlave() error {
	text, err := c.text(maxSmall)
	if err != nil {
		return err
	}
	name, stats, _ := strings.Cut(string(text), "\n")
	s, err := c.register(c.ctx, name, stats, c.r.RemoteAddr)
	if err != nil {
		return err
	}
	c.w.Header().Set("slave-id", s.id)
	return c.none(http.StatusOK)
}

// pageCancel forgets a job, or all.
func (c *call) pageCancel() error {
	id := c.r.Header.Get("job-id")
	if id == "" {
		return c.cancelAll(false)
	}
	if rec := c.find(id); rec != nil {
		if err := c.cancel(c.ctx, rec, false); err != nil {
			return err
		}
	}
	return c.none(http.StatusOK)
}
