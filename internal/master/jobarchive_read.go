package master

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/archive"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
)

// JobArchive is the archive of a job that was read: whole, when ReadJobArchive says so.
type JobArchive struct {
	Head     archive.Head
	About    ArchiveAbout
	Job      ArchivedJob
	Manifest []farm.File
	Lacks    []ArchiveLack
	Unpacked int64          // bytes
	Broken   *ArchiveBroken // why it ends too early, where whoever wrote it says so

	// What is in it and right.
	Files, Results, Logs int
	Done, Failed         int   // frames; those that lack a result are not done
	Bytes                int64 // of files and results
}

// ArchiveParts takes what comes out of the archive of a job, in the order it lies there. Nothing is sure of it before
// ReadJobArchive returns nil. A body that is not read to its end is passed over.
type ArchiveParts interface {
	Begin(a *JobArchive) error // all that is known before the first file
	File(f *farm.File, body io.Reader) error
	Result(f *ArchivedFrame, r *farm.Result, body io.Reader) error
	Log(f *ArchivedFrame, size int64, body io.Reader) error
	Wrong() error // what was given last has other bytes than it should
	Frame(f *ArchivedFrame, lacks bool) error
}

// ReadJobArchive reads the archive of a job through and checks all that it says. parts may be nil.
func ReadJobArchive(r io.Reader, parts ArchiveParts) (*JobArchive, error) {
	src := &readError{r: r}
	packed := bufio.NewReaderSize(src, 256<<10)
	begin, _ := packed.Peek(len(zstdMagic))
	magic := string(begin)
	z := blob.Decompress(packed, math.MaxInt64)
	defer z.Close()
	a := &jobReader{parts: parts, in: &countingReader{r: z}}
	_, err := archive.ReadAfter(bufio.NewReaderSize(a.in, 256<<10), JobArchiveKind, a.head, a.entry)
	if err == nil {
		err = a.end()
	}
	a.Unpacked = a.in.n
	switch unpacking := a.in.err; {
	case err == nil:
	case src.err != nil:
		err = src.err
	case magic != zstdMagic:
		err = archive.ErrOther
	case errors.Is(unpacking, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: %w", archive.ErrCut, unpacking)
	case unpacking != nil && unpacking != io.EOF:
		err = fmt.Errorf("%w: %w", archive.ErrDamaged, unpacking)
	}
	return &a.JobArchive, err
}

// zstdMagic begins a zstd frame (RFC 8878, 3.1.1).
const zstdMagic = "\x28\xb5\x2f\xfd"

// JobArchiveError says what is wrong with the archive of a job; an error that is no fault of it stays what it is.
func JobArchiveError(name string, err error) error {
	var said *farm.Error
	switch {
	case err == nil, errors.As(err, &said), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, archive.ErrOther):
		return farm.Errorf(farm.Invalid, "%s is not the archive of a job", name).WithHint("netrender archive ID -o FILE makes one")
	case errors.Is(err, archive.ErrNewer):
		return farm.Errorf(farm.Outdated, "%s was made by a newer version of Netrender", name).WithHint("update this one")
	case errors.Is(err, archive.ErrCut):
		return farm.Errorf(farm.Mismatch, "%s ends too early: it was not written, or not copied, to its end", name).WithHint("use another copy")
	case errors.Is(err, archive.ErrDamaged):
		return &farm.Error{Kind: farm.Mismatch, Text: name + " is damaged", Hint: "use another copy", Err: err}
	}
	return err
}

type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// jobReader goes through the entries. Each must be one that may come next.
type jobReader struct {
	JobArchive
	parts ArchiveParts
	in    *countingReader

	part  int                  // of the order
	pages int                  // of the list that is being read
	lists [atMissing + 1]int64 // bytes of the pages of each list

	begun   bool
	sources []*farm.File // the first of each ref, not yet come
	baked   map[int]bool // bakes that have files in the manifest
	plan    *farm.Plan
	frames  farm.Spans // positions that came

	waiting []part          // of the frames of the page, not yet come
	page    []ArchivedFrame // of the page
	outputs *names
	lacking map[string]int // entries that did not come, or are wrong, and are not yet said to
}

// part is a result or the log of a frame, that may come.
type part struct {
	name   string
	frame  int // index in page
	result int // index; -1: the log
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", archive.ErrDamaged, fmt.Sprintf(format, args...))
}

// The order of the entries.
const (
	atStart = iota
	atJob
	atManifest
	atFiles
	atFrames
	atMissing
)

func (a *jobReader) head(h archive.Head) error {
	a.Head = h
	if json.Unmarshal(h.About, &a.About) != nil {
		return damaged("its head cannot be read")
	}
	return nil
}

func (a *jobReader) entry(e archive.Entry, body io.Reader) error {
	switch {
	case e.Name == archiveJob:
		return a.readJob(e, body)
	case strings.HasPrefix(e.Name, archiveManifest):
		return readPage(a, e, body, archiveManifest, atManifest, func(f farm.File) error {
			if len(a.Manifest) == farm.MaxFiles {
				return damaged("it has over %d files", farm.MaxFiles)
			}
			a.Manifest = append(a.Manifest, f)
			return nil
		})
	}
	if e.Name == archiveBroken {
		return a.readBroken(e, body)
	}
	if err := a.begin(); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(e.Name, archiveFiles) && a.part <= atFiles && a.About.Files:
		a.part = atFiles
		return a.readFile(e, body)
	case strings.HasPrefix(e.Name, archiveFrames):
		if err := a.endPage(); err != nil {
			return err
		}
		if err := readPage(a, e, body, archiveFrames, atFrames, a.readFrame); err != nil {
			return err
		}
		a.expect()
		return nil
	case strings.HasPrefix(e.Name, archiveOutputs) && a.part == atFrames, strings.HasPrefix(e.Name, archiveLogs) && a.part == atFrames:
		return a.readPart(e, body)
	case strings.HasPrefix(e.Name, archiveMissing):
		if err := a.endParts(); err != nil {
			return err
		}
		return readPage(a, e, body, archiveMissing, atMissing, a.readLack)
	}
	return damaged("%.80q is not where it should be", e.Name)
}

func (a *jobReader) readBroken(e archive.Entry, body io.Reader) error {
	var b ArchiveBroken
	if e.Size > maxPage || json.NewDecoder(body).Decode(&b) != nil {
		return damaged("%s cannot be read", e.Name)
	}
	b.Text, b.Hint = clip(b.Text, maxErrorText), clip(b.Hint, maxErrorText)
	a.Broken = &b
	return fmt.Errorf("%w: %s", archive.ErrCut, b.Text)
}

// at moves on in the order; pages of a list are numbered.
func (a *jobReader) at(to int) error {
	if to < a.part || a.part == atStart && to != atJob {
		return damaged("its entries are not in their order")
	}
	if to > a.part {
		a.part, a.pages = to, 0
	}
	return nil
}

func (a *jobReader) readJob(e archive.Entry, body io.Reader) error {
	if a.part != atStart {
		return damaged("it describes two jobs")
	}
	a.part = atJob
	if e.Size > maxPage {
		return damaged("%s has %d bytes", e.Name, e.Size)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &a.Job); err != nil {
		return damaged("%s cannot be read: %s", e.Name, err)
	}
	return nil
}

// readPage reads a page of a list, line by line.
func readPage[T any](a *jobReader, e archive.Entry, body io.Reader, list string, at int, each func(T) error) error {
	if err := a.at(at); err != nil {
		return err
	}
	a.pages++
	if e.Name != pageName(list, a.pages) {
		return damaged("%.80q is not the page that comes next", e.Name)
	}
	most := int64(maxLists)
	if at == atFrames {
		most = maxHistory
	}
	if e.Size > maxPage || a.lists[at]+e.Size > most {
		return farm.Errorf(farm.TooLarge, "the lists of the archive have over %s", farm.Bytes(most))
	}
	a.lists[at] += e.Size
	text := make([]byte, e.Size)
	if _, err := io.ReadFull(body, text); err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return damaged("%s cannot be read: %s", e.Name, err)
		}
		if err := each(v); err != nil {
			return err
		}
	}
	return nil
}

// begin is called when the settings and the manifest are known, before what follows.
func (a *jobReader) begin() error {
	if a.begun {
		return nil
	}
	a.begun = true
	if a.part == atStart {
		return damaged("it does not describe its job")
	}
	spec := &a.Job.Spec
	spec.Key = ""
	spec.Defaults()
	if err := spec.Check(); err != nil {
		return err
	}
	if err := checkManifest(spec, a.Manifest); err != nil {
		return err
	}
	if !slices.Contains(farm.JobStates(), a.Job.State) {
		return damaged("its job is in no state")
	}
	sizes := make(map[string]int64, len(a.Manifest))
	a.baked = make(map[int]bool)
	for i := range a.Manifest {
		f := &a.Manifest[i]
		if _, is := spec.CacheName(f.Path); f.Bake < 0 || f.Bake > len(spec.Bakes) || f.Bake > 0 && !is {
			return damaged("%.80q is no cache of its job", f.Path)
		}
		a.baked[f.Bake] = true
		switch size, twice := sizes[f.Ref]; {
		case twice && size != f.Size:
			return damaged("the same bytes have two sizes")
		case !twice:
			sizes[f.Ref] = f.Size
			a.sources = append(a.sources, f)
		}
	}
	a.plan, a.outputs, a.lacking = spec.Plan(), newNames(0), make(map[string]int)
	if a.parts == nil {
		return nil
	}
	return a.parts.Begin(&a.JobArchive)
}

func (a *jobReader) readFile(e archive.Entry, body io.Reader) error {
	for len(a.sources) > 0 {
		f := a.sources[0]
		a.sources = a.sources[1:]
		if archiveFiles+f.Path != e.Name {
			a.lacking[archiveFiles+f.Path]++
			continue
		}
		right, err := a.take(e, f.Size, f.Ref, body, func(body io.Reader) error { return a.parts.File(f, body) })
		if right {
			a.Files++
		}
		return err
	}
	return damaged("%.80q is not in its manifest", e.Name)
}

// take hands out bytes and compares them with what they should be.
func (a *jobReader) take(e archive.Entry, size int64, ref string, body io.Reader, give func(io.Reader) error) (right bool, err error) {
	if e.Size != size {
		return false, damaged("%.80q has %d bytes, not %d", e.Name, e.Size, size)
	}
	sum := sha256.New()
	body = io.TeeReader(body, sum)
	if a.parts != nil {
		if err := give(body); err != nil {
			return false, err
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return false, err
	}
	if hex.EncodeToString(sum.Sum(nil)) == ref {
		a.Bytes += size
		return true, nil
	}
	a.lacking[e.Name]++
	if a.parts != nil {
		err = a.parts.Wrong()
	}
	return false, err
}

// readFrame takes in a line of a page of frames.
func (a *jobReader) readFrame(f ArchivedFrame) error {
	p, ok := a.plan.Position(f.Frame)
	if !ok || !a.frames.Add(p) {
		return damaged("frame %d is in it twice, or not of its job", f.Frame)
	}
	switch f.Outcome {
	case farm.Rendered:
	case farm.Errored, farm.Expired:
		f.Results = nil
	default:
		return damaged("frame %d is neither done nor failed", f.Frame)
	}
	if len(f.Results) > maxResultsPerFrame {
		return damaged("frame %d has over %d results", f.Frame, maxResultsPerFrame)
	}
	for i := range f.Results {
		r := &f.Results[i]
		r.Frame = f.Frame
		if err := checkResult(r); err != nil {
			return err
		}
	}
	if isBake(f.Frame) { // what it made is in the manifest
		if t, _ := farm.TaskOf(f.Frame); len(f.Results) > 0 || f.Outcome == farm.Rendered && !a.baked[t.Part] {
			return damaged("%s is said to be done without its caches", farm.TaskName(f.Frame))
		}
	} else if f.Outcome == farm.Rendered && !farm.IsPart(f.Frame) {
		if lack := a.Job.Spec.LacksOf(f.Frame, f.Results); lack != "" {
			return damaged("frame %d is said to be done without %s", f.Frame, lack)
		}
	}
	if f.Log != "" && f.Log != logEntry(f.Frame, f.Outcome) {
		return damaged("the log of frame %d is somewhere else", f.Frame)
	}
	f.Error, f.Worker, f.Blender = clip(f.Error, maxErrorText), clip(f.Worker, farm.MaxName), clip(f.Blender, farm.MaxName)
	f.Warnings = farm.Sentences(f.Warnings)
	f.Attempt, f.MemoryMB = min(max(f.Attempt, 1), math.MaxInt32), min(max(f.MemoryMB, 0), math.MaxInt32)
	f.Seconds = min(max(f.Seconds, 0), 1e6)
	a.page = append(a.page, f)
	return nil
}

func isBake(no int) bool {
	t, ok := farm.TaskOf(no)
	return ok && t.Stage == farm.StageBake
}

// expect lists what may follow a page of frames.
func (a *jobReader) expect() {
	for i := range a.page {
		f := &a.page[i]
		if a.About.Results {
			for k := range f.Results {
				a.waiting = append(a.waiting, part{archiveOutputs + f.Results[k].Name, i, k})
			}
		}
		if a.About.Logs && f.Log != "" {
			a.waiting = append(a.waiting, part{f.Log, i, -1})
		}
	}
}

func (a *jobReader) readPart(e archive.Entry, body io.Reader) error {
	for len(a.waiting) > 0 {
		p := a.waiting[0]
		a.waiting = a.waiting[1:]
		if p.name != e.Name {
			a.skip(&p)
			continue
		}
		f := &a.page[p.frame]
		if p.result < 0 {
			return a.readLog(f, e, body)
		}
		r := &f.Results[p.result]
		if why := a.outputs.add(r.Name); why != "" {
			return damaged("its results get into each other's way: %s", why)
		}
		right, err := a.take(e, r.Size, r.Ref, body, func(body io.Reader) error { return a.parts.Result(f, r, body) })
		if right {
			a.Results++
		} else {
			f.lacks = true
		}
		return err
	}
	return damaged("%.80q is not where it should be", e.Name)
}

func (a *jobReader) readLog(f *ArchivedFrame, e archive.Entry, body io.Reader) error {
	if e.Size > maxLog {
		return damaged("%s has %d bytes", e.Name, e.Size)
	}
	a.Logs++
	if a.parts == nil {
		return nil
	}
	return a.parts.Log(f, e.Size, body)
}

// skip is told of a part that did not come. A log may have been removed while the archive was written.
func (a *jobReader) skip(p *part) {
	if p.result < 0 {
		return
	}
	a.page[p.frame].lacks = true
	a.lacking[p.name]++
}

// endPage is called when the frames of a page have all that they get.
func (a *jobReader) endPage() error {
	for i := range a.waiting {
		a.skip(&a.waiting[i])
	}
	a.waiting = a.waiting[:0]
	for i := range a.page {
		f := &a.page[i]
		lacks := f.lacks || f.Outcome == farm.Rendered && !a.About.Results && !isBake(f.Frame)
		switch {
		case f.Outcome != farm.Rendered:
			a.Failed++
		case !lacks:
			a.Done++
		}
		if a.parts == nil {
			continue
		}
		if err := a.parts.Frame(f, lacks); err != nil {
			return err
		}
	}
	a.page = a.page[:0]
	if len(a.lacking) > mostLacking {
		return farm.Errorf(farm.TooLarge, "the archive lacks over %s", plural(mostLacking, "file"))
	}
	return nil
}

// endParts is called when no more files and results come.
func (a *jobReader) endParts() error {
	if a.About.Files {
		for _, f := range a.sources {
			a.lacking[archiveFiles+f.Path]++
		}
	}
	a.sources = nil
	return a.endPage()
}

// readLack takes in a line about what is missing, of which there is one for each.
func (a *jobReader) readLack(l ArchiveLack) error {
	if a.lacking[l.Name] == 0 {
		return damaged("%.80q is said to be missing, but is there", l.Name)
	}
	if a.lacking[l.Name]--; a.lacking[l.Name] == 0 {
		delete(a.lacking, l.Name)
	}
	l.Why = clip(l.Why, maxErrorText)
	a.Lacks = append(a.Lacks, l)
	return nil
}

// end sees to it that what is not there is just what the archive says is missing.
func (a *jobReader) end() error {
	if err := a.begin(); err != nil {
		return err
	}
	if err := a.endParts(); err != nil {
		return err
	}
	for name := range a.lacking {
		return damaged("%.80q is not there, or not what it should be", name)
	}
	return a.rest()
}

// rest sees to it that nothing follows.
func (a *jobReader) rest() error {
	b := make([]byte, 4096)
	for n := 0; n < 1<<20; { // other programs fill a tar up with zeros
		k, err := a.in.Read(b)
		if slices.ContainsFunc(b[:k], func(c byte) bool { return c != 0 }) {
			break
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n += k
	}
	return damaged("it goes on after its end")
}
