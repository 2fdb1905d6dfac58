package classic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// slave is a worker that speaks the original protocol.
type slave struct {
	id     string
	worker farm.WorkerID
	asking sync.Mutex // one question for work at a time

	// guarded by Door.mu:
	name, stats string
	ip          string
	port        int
	done, erred int
	seen        time.Time
	held        *held
}

// held is the lease that a slave has.
type held struct {
	slave  *slave
	job    string // its id in the protocol
	lease  farm.Lease
	wanted farm.Options
	began  time.Time

	// guarded by Door.mu:
	beaten  time.Time             // when the lease was renewed last
	left    map[int]bool          // frames of which nothing was reported
	results map[int][]farm.Result // that came of frames before their report
	logs    map[int]int64         // bytes of each frame's log
	of      []int                 // frames that the next pieces of log are of; nil: all
}

// isSlaveID tells an id that this door may have given.
func isSlaveID(id string) bool {
	return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

const workerPrefix = "classic-"

func workerID(id string) farm.WorkerID { return farm.WorkerID(workerPrefix + id) }

// speaker is who a slave is to the engine.
func speaker(ip string) master.Identity {
	return master.Identity{Token: farm.ClassicToken, Name: "classic", Role: farm.RoleWorker, Address: ip}
}

// register makes a slave known. One that comes back has the id that it had: ids follow from address and name, with a number
// when several slaves share both.
func (d *Door) register(ctx context.Context, name, stats, remote string) (*slave, error) {
	ip, portText, err := net.SplitHostPort(remote)
	if err != nil {
		return nil, err
	}
	port, _ := strconv.Atoi(portText)
	if name = plain(name, farm.MaxName-8); name == "" {
		name = "slave"
	}
	stats = plain(stats, 500)
	s, err := d.freeSlave(ctx, name, ip)
	if err != nil {
		return nil, err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	d.mu.Lock()
	s.name, s.stats, s.ip, s.port = name, stats, ip, port
	d.mu.Unlock()
	reg := farm.Registration{ID: s.worker, Name: name, Slots: 1, Fresh: true, Protocol: farm.Protocol, Facts: d.facts(name, stats)}
	if _, err := d.m.Register(ctx, speaker(ip), reg); err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if s.held == nil {
			delete(d.slaves, s.id)
		}
		return nil, err
	}
	if err := d.handBack(ctx, s); err != nil { // what it had before it was started anew
		return nil, err
	}
	_, err = d.m.Heartbeat(ctx, speaker(ip), s.worker, farm.Heartbeat{PaceMS: int(d.pace.Milliseconds())})
	return s, err
}

// maxSlaves is how many slaves may be there.
const maxSlaves = 2_000

// freeSlave finds the slave that has come among those that are not there, or makes one.
func (d *Door) freeSlave(ctx context.Context, name, ip string) (*slave, error) {
	for n := 1; n <= maxSlaves; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", d.mark, ip, name, n))
		id := hex.EncodeToString(sum[:16])
		now := d.opt.Now()
		if !d.met(id) { // one that was there before the master was started may be yet
			w, err := d.m.Worker(ctx, workerID(id))
			if err == nil && (w.Online || now.Sub(w.Worker.Seen) < dropped) {
				continue
			}
			if err != nil && farm.KindOf(err) != farm.NotFound {
				return nil, err
			}
		}
		if s := d.claimID(id, now); s != nil {
			return s, nil
		}
	}
	return nil, farm.Errorf(farm.TooLarge, "there are too many slaves here")
}

// met tells whether the slave spoke since the master was started.
func (d *Door) met(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slaves[id] != nil
}

// claimID is the slave of an id that nobody has who is there, else nil.
func (d *Door) claimID(id string, now time.Time) *slave {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.slaves[id]
	switch {
	case s != nil && now.Sub(s.seen) < dropped, s == nil && len(d.slaves) >= maxSlaves && !d.dropOne(now):
		return nil
	case s == nil:
		s = &slave{id: id, worker: workerID(id)}
		d.slaves[id] = s
	}
	s.seen = now
	return s
}

// dropOne forgets a slave that is not there; d.mu is held.
func (d *Door) dropOne(now time.Time) bool {
	for id, s := range d.slaves {
		if now.Sub(s.seen) >= dropped {
			delete(d.slaves, id)
			return true
		}
	}
	return false
}

// facts is what the engine is told of a slave, which says little itself.
func (d *Door) facts(name, stats string) farm.Facts {
	b := farm.Blender{Version: d.opt.Blender, Engines: []string{"BLENDER_RENDER", "CYCLES", "BLENDER_GAME"}}
	if b.Version.Major > 2 || b.Version.Minor >= 80 {
		b.Engines = []string{"CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH"}
	}
	return farm.Facts{Host: name, CPU: stats, Program: d.opt.Program, Blenders: []farm.Blender{b}, Stages: []farm.Stage{farm.StageClassic}}
}

// slave finds a slave that is known, also from before the master was started.
func (d *Door) slave(ctx context.Context, id string) (*slave, error) {
	if !isSlaveID(id) {
		return nil, errUnknown
	}
	now := d.opt.Now()
	d.mu.Lock()
	s := d.slaves[id]
	if s != nil {
		s.seen = now
	}
	d.mu.Unlock()
	if s != nil {
		return s, nil
	}
	w, err := d.m.Worker(ctx, workerID(id))
	if farm.KindOf(err) == farm.NotFound || err == nil && !w.Worker.Facts.IsClassic() {
		return nil, errUnknown
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.slaves[id]; s != nil {
		return s, nil
	}
	s = &slave{id: id, worker: w.Worker.ID, name: w.Worker.Wished, stats: w.Worker.Facts.CPU, ip: w.Worker.Address, seen: now}
	for i := range w.Running {
		if s.held == nil {
			s.held = d.holding(s, w.Running[i].Lease, farm.Options{})
			s.held.logs = nil // what was written of them is not known
		}
	}
	d.slaves[id] = s
	return s, nil
}

// holding is a lease in a slave's hands; d.mu is held.
func (d *Door) holding(s *slave, l farm.Lease, wanted farm.Options) *held {
	h := &held{
		slave: s, job: d.idOf(l.Job), lease: l, wanted: wanted, began: d.opt.Now(),
		left: make(map[int]bool, len(l.Frames)), results: make(map[int][]farm.Result), logs: make(map[int]int64),
	}
	for _, f := range l.Frames {
		h.left[f] = true
	}
	return h
}

// firstModern is from where on ids of V18 are those of modern jobs, which no client of the protocol announced.
const firstModern = 1_000_000_000

// idOf is the id that the protocol has for a job; d.mu is held.
func (d *Door) idOf(id farm.JobID) string {
	if rec := d.byJob[id]; rec != nil {
		return rec.ID
	}
	if d.opt.Dialect == Page {
		return fmt.Sprintf("%032x", int64(id))
	}
	return strconv.FormatInt(firstModern+int64(id), 10)
}

// known lists the slaves that are there, by name.
func (d *Door) known() []renderSlave {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	list := []renderSlave{}
	for _, s := range d.slaves {
		if now.Sub(s.seen) < dropped {
			list = append(list, s.view())
		}
	}
	slices.SortFunc(list, func(a, b renderSlave) int { return strings.Compare(a.Name+"\n"+a.ID, b.Name+"\n"+b.ID) })
	return list
}

// view is the slave in JSON; Door.mu is held.
func (s *slave) view() renderSlave {
	return renderSlave{
		ID: s.id, Name: s.name, Address: [2]any{s.ip, s.port}, Stats: s.stats, TotalDone: s.done, TotalError: s.erred,
		LastSeen: unix(s.seen), Tags: []string{"render", "baking"},
	}
}

// handBack gives the frames that the slave has not reported to others; s.asking is held.
func (d *Door) handBack(ctx context.Context, s *slave) error {
	d.mu.Lock()
	h := s.held
	s.held = nil
	ip := s.ip
	var rest []int
	if h != nil {
		rest = slices.Sorted(maps.Keys(h.left))
	}
	d.mu.Unlock()
	if h == nil {
		return nil
	}
	return d.giveBack(ctx, h, ip, rest)
}

// giveBack reports frames of a lease as not rendered, which counts as no failure.
func (d *Door) giveBack(ctx context.Context, h *held, ip string, frames []int) error {
	reports := make([]farm.Report, 0, len(frames))
	for _, f := range frames {
		reports = append(reports, farm.Report{
			Lease: h.lease.ID, Worker: h.slave.worker, Job: h.lease.Job, Frame: f, Attempt: h.lease.Attempt, Outcome: farm.HandedBack,
		})
	}
	if len(reports) == 0 {
		return nil
	}
	_, _, err := d.m.Report(ctx, speaker(ip), reports, nil)
	return err
}

// work finds the slave's next frames; nil: there is nothing for it. What it still has is given back first: who asks has
// nothing left to do.
func (d *Door) work(ctx context.Context, s *slave) (*held, *farm.Grant, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if err := d.handBack(ctx, s); err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	who := speaker(s.ip)
	d.mu.Unlock()
	grant, err := d.m.Claim(ctx, who, farm.Wish{Worker: s.worker})
	if err != nil || grant == nil {
		return nil, nil, err
	}
	d.mu.Lock()
	var rest []int
	if d.opt.Dialect == Page { // which has a range at most
		rest = unlike(grant.Lease.Frames)
		grant.Lease.Frames = grant.Lease.Frames[:len(grant.Lease.Frames)-len(rest)]
	}
	h := d.holding(s, grant.Lease, grant.Options)
	s.held = h
	d.mu.Unlock()
	if err := d.giveBack(ctx, h, who.Address, rest); err != nil {
		return nil, nil, err
	}
	_, err = d.beat(ctx, h, who)
	return h, grant, err
}

// unlike are the frames behind the first ones that follow one another.
func unlike(frames []int) []int {
	for i := 1; i < len(frames); i++ {
		if frames[i] != frames[i-1]+1 {
			return frames[i:]
		}
	}
	return nil
}

// beat renews the lease; false when it is over.
func (d *Door) beat(ctx context.Context, h *held, who master.Identity) (alive bool, err error) {
	d.mu.Lock()
	h.slave.seen = d.opt.Now()
	h.beaten = h.slave.seen
	frame, first := 0, true
	for f := range h.left {
		if first || f < frame {
			frame, first = f, false
		}
	}
	d.mu.Unlock()
	if first {
		return true, nil // all of it was reported
	}
	orders, err := d.m.Heartbeat(ctx, who, h.slave.worker, farm.Heartbeat{
		Beats:  []farm.Beat{{Lease: h.lease.ID, Frame: frame, Started: true, Phase: "rendering"}},
		PaceMS: int(d.pace.Milliseconds()),
	})
	return !slices.Contains(orders.Cancel, h.lease.ID) && !orders.Unknown, err
}

// quiet tells whether the lease was not renewed just now.
func (d *Door) quiet(h *held) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opt.Now().Sub(h.beaten) >= d.pace/10
}

// holder finds who of an address has the frame of a job and has not reported it. The questions of a slave that renders do not say which it is.
func (d *Door) holder(job string, frame int, ip string) *held {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slaves {
		if h := s.held; h != nil && h.job == job && s.ip == ip && h.left[frame] {
			return h
		}
	}
	return nil
}

// holders are the leases of a job that slaves of an address have.
func (d *Door) holders(job, ip string) (list []*held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slaves {
		if s.held != nil && s.held.job == job && s.ip == ip {
			list = append(list, s.held)
		}
	}
	return list
}

// wanted tells whether somebody still wants a frame; the question renews the lease of whoever of the address has it.
func (d *Door) wanted(ctx context.Context, job string, frame int, ip string) error {
	if h := d.holder(job, frame, ip); h != nil {
		alive, err := d.beat(ctx, h, speaker(ip))
		if err == nil && !alive {
			err = errUnknown
		}
		return err
	}
	_, err := d.seek(ctx, job, frame)
	return err
}

// restore has the door know which slaves hold what, after a start of the master.
func (d *Door) restore(ctx context.Context) error {
	list, err := d.m.Workers(ctx)
	if err != nil {
		return err
	}
	for i := range list {
		if id, ok := strings.CutPrefix(string(list[i].Worker.ID), workerPrefix); ok && list[i].Worker.Facts.IsClassic() && len(list[i].Running) > 0 {
			if _, err := d.slave(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
