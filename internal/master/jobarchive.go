package master

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// The archive of a job is an archive of the kind JobArchiveKind, packed by zstd, with these entries in this order. What
// is asked for decides which of them are there; docs/archive.md tells users. Lists are pages of JSON lines, so that
// neither side holds more than one.
const (
	JobArchiveKind  = "job"
	archiveJob      = "job.json"    // ArchivedJob
	archiveManifest = "manifest/"   // NNNNNN.jsonl: farm.File, by path
	archiveFiles    = "files/"      // and a path of the manifest: the first of each ref
	archiveFrames   = "frames/"     // NNNNNN.jsonl: ArchivedFrame; what follows until the next page is of these
	archiveOutputs  = "outputs/"    // and the name of a result of a frame that is done
	archiveLogs     = "logs/"       // what the frame's Log says
	archiveMissing  = "missing/"    // NNNNNN.jsonl: ArchiveLack; at the end
	archiveBroken   = "broken.json" // ArchiveBroken; nothing follows

	archivePage = 1 << 20 // bytes of a page, after which the next one begins
	maxPage     = 8 << 20 // bytes of a page that is read
	maxLists    = 1 << 29 // bytes of the pages of files, and of what is missing, that are read
	maxHistory  = 1 << 31 // bytes of those of frames: a million with four results each have half of it
	mostLacking = 1 << 20 // entries that may be missing
	maxLog      = logHead + 2*logTail + 1<<10
)

// ArchiveAbout is what the archive of a job says of itself.
type ArchiveAbout struct {
	Farm    string     `json:"farm"` // the farm's id
	Machine string     `json:"machine"`
	Job     farm.JobID `json:"job"` // its number there
	Name    string     `json:"name"`
	Files   bool       `json:"files"`
	Results bool       `json:"results"`
	Logs    bool       `json:"logs"`
	Done    int        `json:"done"`  // frames, when the archive was begun
	Bytes   int64      `json:"bytes"` // of files and results, at that time
}

// ArchivedJob is a job's settings and how far it was.
type ArchivedJob struct {
	Spec    farm.JobSpec  `json:"spec"`
	State   farm.JobState `json:"state"`
	Reason  string        `json:"reason,omitempty"`
	Owner   string        `json:"owner"`
	Created time.Time     `json:"created"`
	Started time.Time     `json:"started,omitzero"`
	Ended   time.Time     `json:"ended,omitzero"`
	Total   int           `json:"total"`
	Done    int           `json:"done"`
	Failed  int           `json:"failed"`
}

// ArchivedFrame is what became of a frame: it is done, or was given up.
type ArchivedFrame struct {
	Frame    int           `json:"frame"`
	Attempt  int           `json:"attempt"`
	Outcome  farm.Outcome  `json:"outcome"`
	Worker   string        `json:"worker,omitempty"` // its name
	Blender  string        `json:"blender,omitempty"`
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
	Seconds  float64       `json:"seconds"`
	MemoryMB int           `json:"memory_mb,omitempty"`
	Error    string        `json:"error,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
	Results  []farm.Result `json:"results,omitempty"`
	Log      string        `json:"log,omitempty"` // its entry

	lacks bool // a result of it could not be put in
}

// ArchiveLack is a file or a result that the archive lacks.
type ArchiveLack struct {
	Name string `json:"name"` // of the entry
	Why  string `json:"why"`
}

// ArchiveBroken says why the writing of an archive was given up.
type ArchiveBroken struct {
	Kind farm.Kind `json:"kind"`
	Text string    `json:"text"`
	Hint string    `json:"hint,omitempty"`
}

// ArchiveOptions say what is put into the archive of a job.
type ArchiveOptions struct {
	Farm, Machine        string
	Files, Results, Logs bool
	AllowMissing         bool // what is not whole on the master is left out and named; else that is an error
}

// Archive writes a job as it is now. Of a job that goes on it holds what was done when it was begun. Until the first
// byte is written an error changes nothing; after it the archive lacks its end.
func (m *Master) Archive(ctx context.Context, who Identity, id farm.JobID, o ArchiveOptions, w io.Writer) error {
	j, err := m.Job(ctx, id)
	if err != nil {
		return err
	}
	if o.Files {
		if err := mine(who, &j); err != nil {
			return farm.Errorf(farm.Denied, "the scene's files are its owner's: %w", err).WithHint("--no-files leaves them out")
		}
	}
	a := &jobWriter{m: m, ctx: ctx, job: &j, o: o}
	if a.load, err = m.opt.Store.LoadJob(ctx, id); err != nil {
		return err
	}
	if err := a.survey(); err != nil {
		return err
	}
	what := "settings"
	for _, part := range []struct {
		is   bool
		name string
	}{{o.Files, "files"}, {o.Results, "results"}, {o.Logs, "logs"}} {
		if part.is {
			what += ", " + part.name
		}
	}
	if err := m.Note(ctx, who, farm.DidArchive, id.String(), j.Name+": "+what); err != nil {
		return err
	}
	if a.names, err = m.workerNames(ctx); err != nil {
		return err
	}
	m.step("surveyed")
	z := blob.CompressTo(w)
	err = a.write(z)
	if end := z.Close(); err == nil {
		err = end
	}
	return err
}

// workerNames are the names of the farm's workers.
func (m *Master) workerNames(ctx context.Context) (map[farm.WorkerID]string, error) {
	return ask(ctx, m, func(e *engine) (map[farm.WorkerID]string, error) {
		names := make(map[farm.WorkerID]string, len(e.workers))
		for id, w := range e.workers {
			names[id] = w.Name
		}
		return names, nil
	})
}

// jobWriter writes the archive of a job.
type jobWriter struct {
	m     *Master
	ctx   context.Context
	job   *farm.Job
	load  farm.JobLoad
	o     ArchiveOptions
	names map[farm.WorkerID]string

	about ArchiveAbout
	last  int64 // Seq of the last accepted attempt that is put in
	lacks []ArchiveLack
	out   *archive.Writer
	pages int // of the kind that is being written

	seed    maphash.Seed
	results map[uint64]struct{} // names of those that are in it
	frames  farm.Spans          // positions that are in it
}

// accepted goes through the accepted frames, each once: at first all, then those up to last.
func (a *jobWriter) accepted(each func(page []farm.Attempt) error) error {
	a.frames = farm.Spans{}
	for after := int64(0); ; {
		page, err := a.m.opt.Store.Attempts(a.ctx, farm.AttemptFilter{Job: a.job.ID, Accepted: true, After: after, Limit: 200})
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].Seq
		fresh := page[:0]
		for i := range page {
			if (a.last == 0 || page[i].Seq <= a.last) && a.frames.Add(page[i].Position) { // a retry may bring another meanwhile
				fresh = append(fresh, page[i])
			}
		}
		if err := each(fresh); err != nil {
			return err
		}
		if a.last > 0 && after >= a.last {
			return nil
		}
	}
}

// refs goes through the manifest and tells which entries are the first of their bytes.
func (a *jobWriter) manifest(each func(f *farm.File, first bool) error) error {
	seen := make(map[string]struct{})
	for after := ""; ; {
		page, err := a.m.opt.Store.Manifest(a.ctx, a.job.ID, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			_, twice := seen[page[i].Ref]
			seen[page[i].Ref] = struct{}{}
			if err := each(&page[i], !twice); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Path
	}
}

// survey counts, and finds what is not there before a byte is sent.
func (a *jobWriter) survey() error {
	a.about = ArchiveAbout{
		Farm: a.o.Farm, Machine: a.o.Machine, Job: a.job.ID, Name: a.job.Name, Files: a.o.Files, Results: a.o.Results, Logs: a.o.Logs,
	}
	if a.o.Files {
		err := a.manifest(func(f *farm.File, first bool) error {
			if !first {
				return nil
			}
			ref, err := blob.ParseRef(f.Ref)
			if err != nil {
				return err
			}
			info, err := a.m.opt.Blobs.Stat(a.ctx, ref)
			a.surveyed(archiveFiles+f.Path, f.Size, info.Size, err)
			return a.ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	last := int64(0)
	err := a.accepted(func(page []farm.Attempt) error {
		for i := range page {
			last = page[i].Seq
			a.about.Done++
			if !a.o.Results {
				continue
			}
			for k := range page[i].Results {
				r := &page[i].Results[k]
				if r.Kind == farm.KindPart {
					continue
				}
				size, err := a.m.outputSize(a.job.Folder, r.Name)
				a.surveyed(archiveOutputs+r.Name, r.Size, size, err)
			}
		}
		return a.ctx.Err()
	})
	if err != nil {
		return err
	}
	a.last = last
	if len(a.lacks) == 0 || a.o.AllowMissing {
		a.lacks = nil // they are found again
		return nil
	}
	return a.lacking()
}

func (a *jobWriter) surveyed(name string, should, is int64, err error) {
	a.about.Bytes += should
	switch {
	case errors.Is(err, fs.ErrNotExist), isNotFound(err):
		a.lack(name, "it is not there")
	case err != nil:
		a.lack(name, cause(err))
	case is != should:
		a.lack(name, fmt.Sprintf("it has %d bytes, not %d", is, should))
	}
}

func (a *jobWriter) lack(name, why string) {
	a.lacks = append(a.lacks, ArchiveLack{name, why})
	a.m.opt.Log.Warn("a file is not in the archive of a job", "job", a.job.ID, "name", name, "why", why)
}

// outputSize is the size of a result.
func (m *Master) outputSize(folder, name string) (int64, error) {
	f, err := m.openOutput(folder, name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// lacking says what is not whole.
func (a *jobWriter) lacking() error {
	for _, part := range []struct {
		kind farm.Part
		name string
	}{{farm.Outputs, "results"}, {farm.Inputs, "files"}} {
		if lost := a.job.Lost(part.kind); lost != nil && (part.name == "results" && a.o.Results || part.name == "files" && a.o.Files) {
			return farm.Errorf(farm.NotFound, "the %s of job %d are not whole on the master: %s", part.name, a.job.ID, lost.Sentence()).
				WithHint("--no-%s leaves them out; --allow-missing puts in what is there", part.name)
		}
	}
	return lackError(a.job.ID, a.lacks)
}

// lackError says which files and results of a job an archive cannot have.
func lackError(id farm.JobID, lacks []ArchiveLack) error {
	names := make([]string, 0, 3)
	for i := range lacks[:min(len(lacks), 3)] {
		names = append(names, clip(lacks[i].Name, 200)+" ("+clip(lacks[i].Why, 200)+")")
	}
	text := strings.Join(names, ", ")
	if more := len(lacks) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return farm.Errorf(farm.NotFound, "%s of job %d cannot be archived: %s", plural(len(lacks), "file"), id, text).
		WithHint("netrender verify --repair has results rendered again; --allow-missing archives the job without them")
}

func (a *jobWriter) write(w io.Writer) error {
	about, err := json.Marshal(a.about)
	if err != nil {
		return err
	}
	a.out, err = archive.NewWriter(w, archive.Head{Kind: JobArchiveKind, Made: a.m.opt.Now().UTC(), Program: a.m.opt.Program, About: about})
	if err != nil {
		return err
	}
	a.seed, a.results = maphash.MakeSeed(), make(map[uint64]struct{})
	for _, step := range []func() error{a.writeJob, a.writeManifest, a.writeFiles, a.writeDone, a.writeFailed, a.writeLacks} {
		if err := step(); err != nil {
			return a.breakOff(err)
		}
	}
	return a.out.Close()
}

// breakOff lets whoever reads know why there is no more.
func (a *jobWriter) breakOff(err error) error {
	if gone := a.deleted(); gone != nil {
		err = gone
	}
	var said *farm.Error
	if a.ctx.Err() != nil || !errors.As(err, &said) {
		return err
	}
	text, bad := json.Marshal(ArchiveBroken{said.Kind, clip(said.Error(), maxErrorText), clip(said.Hint, maxErrorText)})
	if bad == nil {
		_ = a.out.Add(archive.Entry{Name: archiveBroken, Size: int64(len(text))}, bytes.NewReader(text))
	}
	return err
}

// deleted is an error when the job is not there any more.
func (a *jobWriter) deleted() error {
	if _, err := a.m.Job(a.ctx, a.job.ID); farm.KindOf(err) == farm.NotFound {
		return farm.Errorf(farm.NotFound, "job %d was deleted while it was archived", a.job.ID)
	}
	return nil
}

func (a *jobWriter) writeJob() error {
	j := ArchivedJob{
		Spec: a.job.JobSpec, State: a.job.State, Reason: a.job.Reason, Owner: a.job.Owner, Created: a.job.Created, Started: a.job.Started,
		Ended: a.job.Ended, Total: a.job.Total, Done: a.about.Done, Failed: a.job.Failed,
	}
	j.Spec.Key = ""
	text, err := json.Marshal(&j)
	if err != nil {
		return err
	}
	return a.out.Add(archive.Entry{Name: archiveJob, Size: int64(len(text))}, bytes.NewReader(text))
}

// page gathers lines of a list.
type page struct {
	text bytes.Buffer
	n    int
}

func (p *page) add(v any) error {
	enc := json.NewEncoder(&p.text)
	enc.SetEscapeHTML(false)
	p.n++
	return enc.Encode(v)
}

func (p *page) full() bool { return p.text.Len() >= archivePage }

// flush writes the page as the next one of its list.
func (a *jobWriter) flush(list string, p *page) error {
	if p.n == 0 {
		return nil
	}
	a.pages++
	err := a.out.Add(archive.Entry{Name: pageName(list, a.pages), Size: int64(p.text.Len())}, &p.text)
	p.text.Reset()
	p.n = 0
	return err
}

func pageName(list string, n int) string { return fmt.Sprintf("%s%06d.jsonl", list, n) }

func (a *jobWriter) writeManifest() error {
	var p page
	err := a.manifest(func(f *farm.File, _ bool) error {
		if err := p.add(f); err != nil || !p.full() {
			return err
		}
		return a.flush(archiveManifest, &p)
	})
	if err == nil {
		err = a.flush(archiveManifest, &p)
	}
	a.pages = 0
	return err
}

func (a *jobWriter) writeFiles() error {
	if !a.o.Files {
		return nil
	}
	return a.manifest(func(f *farm.File, first bool) error {
		if !first {
			return nil
		}
		return a.stored(archiveFiles+f.Path, f.Size, f.Ref, func() (io.ReadCloser, int64, error) { return a.m.openBlob(a.ctx, f.Ref) })
	})
}

// stored puts in a file or a result.
func (a *jobWriter) stored(name string, size int64, ref string, open func() (io.ReadCloser, int64, error)) error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	why, _, err := addStored(a.ctx, a.out, archive.Entry{Name: name, Size: size}, ref, open)
	if err != nil || why == "" {
		return err
	}
	if err := a.deleted(); err != nil {
		return err
	}
	a.lack(name, why)
	if a.o.AllowMissing {
		return nil
	}
	return lackError(a.job.ID, a.lacks)
}

func (a *jobWriter) writeDone() error {
	if a.about.Done > 0 {
		if err := a.accepted(a.writeFrames); err != nil {
			return err
		}
	}
	if n := a.frames.Count(); n != a.about.Done {
		return farm.Errorf(farm.Conflict, "job %d was changed while it was archived: %s of %d are to be rendered again", a.job.ID, plural(a.about.Done-n, "frame"), a.about.Done).
			WithHint("archive it again")
	}
	return nil
}

func (a *jobWriter) writeFailed() error {
	var final []farm.Attempt
	for i := range a.load.Tried {
		if t := &a.load.Tried[i]; t.Final && !a.frames.Contains(t.Position) {
			final = append(final, *t)
		}
	}
	err := a.writeFrames(final)
	a.pages = 0
	return err
}

// writeFrames writes frames with their results and logs.
func (a *jobWriter) writeFrames(list []farm.Attempt) error {
	var p page
	begun := 0
	end := func(n int) error {
		if err := a.flush(archiveFrames, &p); err != nil {
			return err
		}
		for i := range list[begun:n] {
			if err := a.writeParts(&list[begun+i]); err != nil {
				return err
			}
		}
		begun = n
		return nil
	}
	for i := range list {
		f := a.frame(&list[i])
		if err := p.add(&f); err != nil {
			return err
		}
		if p.full() {
			if err := end(i + 1); err != nil {
				return err
			}
		}
	}
	return end(len(list))
}

func (a *jobWriter) frame(t *farm.Attempt) ArchivedFrame {
	f := ArchivedFrame{
		Frame: t.Frame, Attempt: t.Number, Outcome: t.Outcome, Worker: string(t.Worker), Blender: t.Install, Started: t.Started, Ended: t.Ended,
		Seconds: t.Seconds, MemoryMB: t.MemoryMB, Error: t.Error, Warnings: t.Warnings, Results: t.Results,
	}
	if farm.IsPart(t.Frame) {
		f.Results = nil // it went when the frame was finished, or is made anew
	}
	if name, known := a.names[t.Worker]; known {
		f.Worker = name
	}
	if a.o.Logs {
		if log, err := a.m.readLog(a.job.ID, t.Frame, t.Lease); err == nil {
			log.Close()
			f.Log = logEntry(t.Frame, t.Outcome)
		}
	}
	return f
}

// logEntry is the entry of a frame's log.
func logEntry(frame int, o farm.Outcome) string {
	if o == farm.Rendered {
		return fmt.Sprintf("%s%d.log", archiveLogs, frame)
	}
	return fmt.Sprintf("%s%d-%s.log", archiveLogs, frame, o)
}

// writeParts writes the results and the log of a frame.
func (a *jobWriter) writeParts(t *farm.Attempt) error {
	if a.o.Results && t.Outcome == farm.Rendered {
		for i := range t.Results {
			r := &t.Results[i]
			if r.Kind == farm.KindPart {
				continue
			}
			key := maphash.String(a.seed, blob.FoldPath(r.Name))
			open := func() (io.ReadCloser, int64, error) {
				if _, twice := a.results[key]; twice {
					return nil, 0, errOverwritten
				}
				a.results[key] = struct{}{}
				return a.m.openResult(a.job.Folder, r.Name)
			}
			if err := a.stored(archiveOutputs+r.Name, r.Size, r.Ref, open); err != nil {
				return err
			}
		}
	}
	if !a.o.Logs {
		return nil
	}
	log, err := a.m.readLog(a.job.ID, t.Frame, t.Lease)
	if err != nil {
		return nil //nolint:nilerr // it was removed meanwhile; a log is a convenience
	}
	defer log.Close()
	text, err := io.ReadAll(io.LimitReader(log, maxLog))
	if err != nil {
		a.m.opt.Log.Warn("a log is not whole in the archive of a job", "job", a.job.ID, "frame", t.Frame, "err", err)
	}
	return a.out.Add(archive.Entry{Name: logEntry(t.Frame, t.Outcome), Size: int64(len(text))}, bytes.NewReader(text))
}

var errOverwritten = errors.New("another frame wrote a file of the same name")

func (m *Master) openResult(folder, name string) (io.ReadCloser, int64, error) {
	f, err := m.openOutput(folder, name)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

func (a *jobWriter) writeLacks() error {
	a.pages = 0
	var p page
	for i := range a.lacks {
		if err := p.add(&a.lacks[i]); err != nil {
			return err
		}
		if p.full() {
			if err := a.flush(archiveMissing, &p); err != nil {
				return err
			}
		}
	}
	return a.flush(archiveMissing, &p)
}
