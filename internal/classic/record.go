package classic

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// record is a job that a client announced. It is on the disk before the client hears of it, for the engine learns of the job
// when all its files are there.
type record struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Category   string        `json:"category,omitempty"`
	Tags       []string      `json:"tags,omitempty"`
	Chunk      int           `json:"chunk"`
	Priority   int           `json:"priority"`
	Blacklist  []string      `json:"blacklist,omitempty"` // ids of slaves
	Resolution []int         `json:"resolution,omitempty"`
	Render     string        `json:"render,omitempty"` // the engine
	Files      []recordFile  `json:"files"`
	Frames     farm.FrameSet `json:"frames,omitzero"`  // of all jobs, and Pending
	Pending    farm.FrameSet `json:"pending,omitzero"` // of which no job was made yet
	Created    time.Time     `json:"created"`
	Serial     string        `json:"serial"`         // that no other record has or had; ids of scenes come again
	Jobs       []farm.JobID  `json:"jobs,omitempty"` // of the engine; V18 has one at most
	Paused     bool          `json:"paused,omitempty"`

	mu    sync.Mutex         // held while the record is changed
	unpin []func(named bool) // guarded by mu: of files that no job names yet
	gone  bool               // guarded by mu
}

// recordFile is a file of a record. Ref is empty until its bytes are here.
type recordFile struct {
	Path  string `json:"path"`            // on the client
	Local string `json:"local,omitempty"` // on this machine, where it was read below an allowed root
	Start int    `json:"start"`
	End   int    `json:"end"`
	MD5   string `json:"md5,omitempty"`
	Force bool   `json:"force,omitempty"`
	storedFile
}

// storedFile names bytes that the farm keeps.
type storedFile struct {
	Ref     string       `json:"sha256,omitempty"`
	Size    int64        `json:"size,omitempty"`
	Blender farm.Version `json:"blender,omitzero"` // that wrote it, where it is a scene
}

// all tells whether the bytes of all files are here.
func (rec *record) all() bool {
	for i := range rec.Files {
		if rec.Files[i].Ref == "" {
			return false
		}
	}
	return true
}

// release lets go of files that no job will name: the record became nothing.
func (rec *record) release() {
	for _, unpin := range rec.unpin {
		unpin(false)
	}
	rec.unpin = nil
}

// needed tells whether one of the frames needs the file.
func (f *recordFile) needed(frames []int) bool {
	if f.Start == -1 && f.End == -1 {
		return true
	}
	for _, n := range frames {
		if n >= f.Start && n <= f.End {
			return true
		}
	}
	return false
}

const (
	recordSuffix = ".json"
	markFile     = "mark"
	nextFile     = "next"
)

func (d *Door) recordFile(id string) string { return filepath.Join(d.opt.Dir, id+recordSuffix) }

// load reads what was kept, and removes what was on its way in.
func (d *Door) load() error {
	if err := os.RemoveAll(d.arrivals()); err != nil {
		return farm.Errorf(farm.Internal, "the data folder cannot be written: %w", err)
	}
	if err := os.MkdirAll(d.arrivals(), 0o700); err != nil {
		return farm.Errorf(farm.Internal, "the data folder cannot be written: %w", err)
	}
	mark, err := os.ReadFile(filepath.Join(d.opt.Dir, markFile))
	if d.mark = strings.TrimSpace(string(mark)); err != nil || d.mark == "" {
		if d.mark, err = d.token(8); err != nil {
			return err
		}
		if err := writeWhole(filepath.Join(d.opt.Dir, markFile), []byte(d.mark+"\n")); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(d.opt.Dir, nextFile))
	if err == nil {
		d.next, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	}
	entries, err := os.ReadDir(d.opt.Dir)
	if err != nil {
		return farm.Errorf(farm.Internal, "the data folder cannot be read: %w", err)
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), recordSuffix)
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		rec := &record{}
		text, err := os.ReadFile(d.recordFile(id))
		if err == nil {
			err = json.Unmarshal(text, rec)
		}
		if err != nil || rec.ID != id {
			d.log.Error("the record of a job of the classic door cannot be read and is left alone", "file", d.recordFile(id), "err", err)
			continue
		}
		d.enter(rec)
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && d.opt.Dialect == V18 {
			d.next = max(d.next, n)
		}
	}
	return nil
}

// enter has the door know the record.
func (d *Door) enter(rec *record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[rec.ID] = rec
	for _, id := range rec.Jobs {
		d.byJob[id] = rec
	}
}

// find is the record of an id, or nil.
func (d *Door) find(id string) *record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.records[id]
}

// all lists the records in the order they were announced.
func (d *Door) all() []*record {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*record, 0, len(d.records))
	for _, rec := range d.records {
		list = append(list, rec)
	}
	sortRecords(list)
	return list
}

// number gives the next announced job of V18 its id. None is given twice, also when the master is killed.
func (d *Door) number() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	id := strconv.FormatInt(d.next, 10)
	return id, writeWhole(filepath.Join(d.opt.Dir, nextFile), []byte(id+"\n"))
}

// save makes the record durable; rec.mu is held.
func (d *Door) save(rec *record) error {
	if rec.gone {
		return errUnknown
	}
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if err := writeWhole(d.recordFile(rec.ID), text); err != nil {
		return err
	}
	d.enter(rec)
	return nil
}

// forget has the door know the record no more; rec.mu is held.
func (d *Door) forget(rec *record) error {
	rec.gone = true
	for _, unpin := range rec.unpin {
		unpin(len(rec.Jobs) > 0)
	}
	rec.unpin = nil
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records[rec.ID] == rec {
		delete(d.records, rec.ID)
	}
	for _, id := range rec.Jobs {
		delete(d.byJob, id)
	}
	if err := os.Remove(d.recordFile(rec.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return farm.Errorf(farm.Internal, "the data folder cannot be written: %w", err)
	}
	return nil
}

// writeWhole writes a file that is either there as a whole and durable, or as it was.
func writeWhole(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err == nil {
		_, werr := tmp.Write(text)
		err = errors.Join(werr, tmp.Sync(), tmp.Close())
		if err == nil {
			err = os.Rename(tmp.Name(), path)
		}
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}
	if err != nil {
		return farm.Errorf(farm.Internal, "the data folder cannot be written: %w", err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // not supported on every platform
		_ = dir.Close()
	}
	return nil
}
