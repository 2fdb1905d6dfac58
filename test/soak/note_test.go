//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/worker/fake"
)

// note is the ledger's page of one job: what its owner asked for and was told.
type note struct {
	no    int
	name  string
	plan  *jobPlan
	user  *user
	spec  nr.JobSpec
	files []nr.File
	bytes map[string][]byte // by ref
	mark  fake.SceneMark
	ops   chan action // steering, in the script's order
	told  chan struct{}

	mu       sync.Mutex
	id       nr.JobID        // 0: not told yet
	priority int             // as told; 0: not sure
	blobs    map[string]bool // acknowledged
	frames   map[int]told    // accepted, as told, since they were last asked for
	reset    int             // how often frames may have been reset
	ended    nr.JobState     // told to have ended so, with nothing asked since
	canceled bool            // told so, with nothing asked since
	deleted  bool            // told so
	paused   bool            // told so, with nothing asked since
	pauses   []span          // in which no frame may have been handed out
	tries    int             // commands that were begun to submit it
	rotten   map[int]bool    // frames of which a result was damaged on the master's disk
}

// told is an accepted attempt as a client saw it.
type told struct {
	seq   int64
	lease nr.LeaseID
}

type span struct{ from, to time.Time }

// newNote lays a job out. Its files are made from the seed.
func (r *run) newNote(no int, plan *jobPlan) *note {
	frames, err := nr.ParseFrameSet(plan.Frames)
	if err != nil {
		panic(err)
	}
	n := &note{
		no: no, name: fmt.Sprintf("r%dj%d", r.round, no), plan: plan, user: r.users[plan.User],
		bytes: map[string][]byte{}, blobs: map[string]bool{}, frames: map[int]told{}, rotten: map[int]bool{},
		ops: make(chan action, 1000), told: make(chan struct{}), priority: plan.Priority,
	}
	n.spec = nr.JobSpec{
		Name: n.name, Blend: "scene.blend", Frames: frames, Chunk: plan.Chunk, Priority: plan.Priority, Order: plan.Order,
		Attempts: 20, // whatever is done to workers, no frame is to be given up
		Options:  nr.Options{EXR: plan.EXR, Outputs: true, Preview: plan.Preview},
		Key:      fmt.Sprintf("soak-%d-%d-%d", r.seed, r.round, no),
	}
	hashes := map[string]string{}
	for i, size := range plan.Files {
		rng := rand.New(rand.NewPCG(r.seed+uint64(r.round), uint64(no*100+i)))
		if plan.Shared && i > 0 { // others have the same file
			rng = rand.New(rand.NewPCG(7, uint64(size)))
		}
		text := make([]byte, size)
		for k := range text {
			text[k] = byte(rng.Uint32() >> 7)
		}
		f := nr.File{Path: "scene.blend", Original: "/studio/" + n.name + "/scene.blend", Size: size, Ref: blob.RefOf(text).String()}
		if i > 0 {
			f.Path = fmt.Sprintf("textures/%d.png", i)
			f.Original = "/studio/" + f.Path
		}
		n.files, n.bytes[f.Ref], hashes[f.Original] = append(n.files, f), text, f.Ref
	}
	n.mark = fake.MarkOf(hashes)
	return n
}

// job is the number, 0 when it was not told.
func (n *note) job() nr.JobID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.id
}

// gone tells whether the job was deleted.
func (n *note) gone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.deleted
}

// loosen notes that frames may be reset from now on: what was told of them need not stay.
func (n *note) loosen(which func(frame int) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reset++
	n.ended, n.canceled = "", false
	for f := range n.frames {
		if which(f) {
			delete(n.frames, f)
		}
	}
}

// resets is what saw needs to know whether what it saw still holds.
func (n *note) resets() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reset
}

// saw notes attempts that were told to be accepted, unless frames may have been reset since they were asked for.
func (n *note) saw(resets int, list []nr.Attempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reset != resets {
		return
	}
	for _, a := range list {
		if !n.rotten[a.Frame] {
			n.frames[a.Frame] = told{a.Seq, a.Lease}
		}
	}
}

// rot notes that a result of the frame was damaged: it may have to be rendered again.
func (n *note) rot(frame int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rotten[frame] = true
	delete(n.frames, frame)
}

// sawJob notes what was told of the whole job.
func (n *note) sawJob(resets int, j *nr.Job) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.reset == resets && j.State.Ended() {
		n.ended = j.State
	}
}

// unpause notes that the job may be handed out from now on.
func (n *note) unpause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.paused {
		n.paused = false
		n.pauses[len(n.pauses)-1].to = time.Now()
	}
}
