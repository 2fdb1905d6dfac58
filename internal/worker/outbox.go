package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Names within a parcel's folder.
const (
	recordFile = "report.json" // written last: a folder without it is no parcel
	filesDir   = "files"       // where Blender writes the frame's results
	logFile    = "log.txt"
)

// record is what a parcel's folder says of itself.
type record struct {
	Seq     uint64        `json:"seq"` // order in which parcels are sent
	Slot    int           `json:"slot"`
	Reports []farm.Report `json:"reports"`         // one frame, or many that are handed back
	Paths   []string      `json:"paths,omitempty"` // of the first report's results, below the folder, with slashes
	Log     bool          `json:"log,omitempty"`   // there is a logFile
	Copies  []copied      `json:"copies,omitempty"`
}

// parcel is what became of a frame, until the master has answered. The sender alone changes one that was pushed.
type parcel struct {
	record
	dir    string   // its folder; "" when there was nothing to keep or no room to keep it
	old    bool     // of an earlier process: the master may have taken it
	ask    bool     // report first: the master may have the results already, or not want them
	wanted []string // names of results to upload; nil: all
	rounds int      // times that the master missed results
	unread int      // times that a result could not be read

	logSent   int64 // bytes of the log that the master has
	logAgain  bool  // it was sent from its beginning once more
	logDone   bool
	logFailed time.Time // since when it could not be sent, while the master answers

	refusals  int       // times that the master could not take it
	refusedAt time.Time // the first of them
	rejected  bool      // the report was replaced by a short one
}

// outbox keeps the parcels on disk and in order.
type outbox struct {
	dir  string
	log  *slog.Logger
	step steps

	mu      sync.Mutex
	queue   []*parcel
	seq     uint64
	serial  uint64
	begun   map[int]int // frames of a slot that finished rendering and are not pushed
	waiting map[int]int // parcels of a slot that are not settled
	changed chan struct{}
}

// openOutbox reads what an earlier process left. Folders of frames that were not finished are removed: nothing was
// said of them.
func openOutbox(dir string, log *slog.Logger) (*outbox, error) {
	o := &outbox{dir: dir, log: log, step: noSteps, begun: make(map[int]int), waiting: make(map[int]int), changed: make(chan struct{})}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, farm.Errorf(farm.Internal, "the outbox cannot be read: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		serial, ok := strings.CutPrefix(e.Name(), "p")
		n, err := strconv.ParseUint(serial, 10, 64)
		if !ok || err != nil || !e.IsDir() {
			continue // not ours
		}
		o.serial = max(o.serial, n)
		text, err := os.ReadFile(filepath.Join(path, recordFile))
		if errors.Is(err, fs.ErrNotExist) {
			if err := os.RemoveAll(path); err != nil {
				log.Warn("an unfinished frame cannot be removed from the outbox", "err", err)
			}
			continue
		}
		p := &parcel{dir: path, old: true, ask: true}
		if err == nil {
			p.record, err = readRecord(text)
		}
		if err != nil {
			// Written whole or not at all, so the disk is to blame. Kept, for whoever wants to look.
			log.Error("a finished frame in the outbox cannot be read and is set aside", "folder", path, "err", err)
			_ = os.Rename(path, filepath.Join(dir, "broken-"+e.Name()))
			continue
		}
		o.seq = max(o.seq, p.Seq)
		o.queue = append(o.queue, p)
		o.waiting[p.Slot]++
	}
	slices.SortFunc(o.queue, func(a, b *parcel) int { return cmp.Compare(a.Seq, b.Seq) })
	return o, nil
}

// readRecord refuses a record that does not hold together.
func readRecord(text []byte) (r record, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if len(r.Reports) == 0 || len(r.Paths) != len(r.Reports[0].Results) {
		return r, errors.New("the record does not name its files")
	}
	for _, path := range r.Paths {
		if !filepath.IsLocal(filepath.FromSlash(path)) {
			return r, errors.New("the record names a file outside its folder")
		}
	}
	return r, nil
}

// folder makes a folder for a frame that is about to be rendered.
func (o *outbox) folder() (string, error) {
	o.mu.Lock()
	o.serial++
	dir := filepath.Join(o.dir, "p"+strconv.FormatUint(o.serial, 10))
	o.mu.Unlock()
	return dir, os.Mkdir(dir, 0o700)
}

// keep makes the parcel durable. Nothing was said to the master before; when it returns nil, everything may be.
func (o *outbox) keep(p *parcel) error {
	o.mu.Lock()
	o.seq++
	p.Seq = o.seq
	o.mu.Unlock()
	if p.dir == "" {
		return nil
	}
	if len(p.Paths) > 0 { // the log may be lost
		if err := syncTree(filepath.Join(p.dir, filesDir), o.step); err != nil {
			return err
		}
	}
	text, err := json.Marshal(&p.record)
	if err != nil {
		return err
	}
	if err := writeDurable(filepath.Join(p.dir, recordFile), text, o.step); err != nil {
		return err
	}
	if err := o.step("sync outbox"); err != nil {
		return err
	}
	return syncDir(o.dir)
}

// push queues a parcel for sending. Once one is queued, all are: it goes after every other.
func (o *outbox) push(p *parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Seq == 0 {
		o.seq++
		p.Seq = o.seq
	}
	o.queue = append(o.queue, p)
	o.waiting[p.Slot]++
	o.wake()
}

// wake tells whoever waits that something changed. The caller holds mu.
func (o *outbox) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// all is every parcel, in order.
func (o *outbox) all() []*parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.queue)
}

// Bounds of what is sent in one go, so that the first report does not wait long for the last upload.
const (
	batchParcels = 16
	batchReports = 500
	batchBytes   = 16 << 20
)

// next waits for parcels and returns the first ones, in order; nil when ctx ends.
func (o *outbox) next(ctx context.Context) []*parcel {
	for {
		o.mu.Lock()
		var batch []*parcel
		var bytes int64
		reports := 0
		for _, p := range o.queue {
			bytes += p.size()
			reports += len(p.Reports)
			if len(batch) > 0 && (len(batch) == batchParcels || bytes > batchBytes || reports > batchReports) {
				break
			}
			batch = append(batch, p)
		}
		changed := o.changed
		o.mu.Unlock()
		if len(batch) > 0 {
			return batch
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *parcel) size() (n int64) {
	for i := range p.Reports[0].Results {
		n += p.Reports[0].Results[i].Size
	}
	return n
}

// remove takes out a parcel that the master has answered.
func (o *outbox) remove(p *parcel) {
	if p.dir != "" {
		// Without the record first, a half removed folder would be taken for a parcel after a crash.
		err := os.Remove(filepath.Join(p.dir, recordFile))
		if e := os.RemoveAll(p.dir); err == nil {
			err = e
		}
		if err != nil {
			o.log.Warn("a settled frame cannot be removed from the outbox", "err", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.queue, p); i >= 0 {
		o.queue = slices.Delete(o.queue, i, i+1)
		o.waiting[p.Slot]--
		o.wake()
	}
}

// begin notes that a frame of the slot finished rendering and will be pushed; done that it was, or will not be.
func (o *outbox) begin(slot int) { o.note(slot, 1) }
func (o *outbox) done(slot int)  { o.note(slot, -1) }

func (o *outbox) note(slot, d int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun[slot] += d
	o.wake()
}

// room waits until the slot may begin another frame: fewer than limit finished ones wait. While the master is away
// they may pile up on the disk, but not faster than it takes them.
func (o *outbox) room(ctx context.Context, slot, limit int, l *link) error {
	for {
		up, linked := l.state()
		o.mu.Lock()
		n, waiting, changed := o.begun[slot], o.waiting[slot], o.changed
		o.mu.Unlock()
		if up {
			n += waiting
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n < limit {
			return nil
		}
		select {
		case <-changed:
		case <-linked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// left is how many parcels the master has not answered.
func (o *outbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count()
}

// count counts parcels, also those that are being made. The caller holds mu.
func (o *outbox) count() int {
	n := len(o.queue)
	for _, begun := range o.begun {
		n += begun
	}
	return n
}

// settled waits until nothing is left; false when ctx ended first.
func (o *outbox) settled(ctx context.Context) bool {
	for {
		o.mu.Lock()
		left, changed := o.count(), o.changed
		o.mu.Unlock()
		if left == 0 {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
