package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// Options are what a worker is made of. Master, Dir, Now and NewRenderer must be given.
type Options struct {
	Master      Master
	Dir         string            // the worker's own folder, absolute; everything it keeps lies below
	Name        string            // wished; empty: the machine's
	Slots       int               // frames rendered side by side, until the master wants others; 0: 1. Not looked at when Devices are given
	Devices     []string          // one slot for each: cpu, cuda:0, optix:1, ...
	Tags        []string          //
	Installs    []blender.Install // the Blenders of this machine, with their facts
	NewRenderer NewRenderer       //
	Inspect     Inspector         // looks at scenes that nobody renders yet; nil: the worker takes no such jobs
	Scripts     bool              // lets jobs run the scene's Python
	RunCommand  CommandRunner     // runs commands of jobs that are not scenes; nil: the worker takes no such jobs
	Fenced      bool              // NewRenderer confines Blender to Setup's folders: each job gets a process of its own
	Shared      []farm.Share      // folders whose files are read there, where a job says so
	CopyTo      string            // folder that the results of every job are copied to, a folder for each; "": none
	CopyRoots   []farm.Share      // folders below which jobs may have their results copied
	Program     string            // version of this program
	Log         *slog.Logger
	Now         func() time.Time
	Jitter      func() float64 // 0..1, for waits; nil: math/rand

	CacheBytes    int64         // room for fetched blobs; 0: 50 GB
	Folders       int           // laid-out folders of jobs kept; 0: 8
	LogBytes      int           // kept of an attempt's log; 0: 4 MiB
	MinFree       int64         // bytes of disk below which no frame is begun; 0: 256 MiB, -1: no limit
	SessionMemory int64         // bytes above which a session is started anew after a frame; 0: 80 % of the machine's, shared among the slots
	MemoryLimit   int64         // bytes that the processes of a Blender may hold together while it renders a frame; 0: no limit
	FrameTimeout  time.Duration // longest a frame may take here, whatever its job allows; 0: no limit
	DrainTimeout  time.Duration // how long a draining worker waits for a master that is away; 0: 2 minutes
	HangTimeout   time.Duration // without progress or output a frame is given up; 0: 10 minutes
	IdleSession   time.Duration // without work after which Blender is closed; 0: 30 minutes
	Waiting       int           // finished frames of a slot that may wait for upload while the master is there; 0: 4

	// Peers are the settings of fetching files from other workers, and of giving them; nil: all files come from the master.
	Peers *Peers

	// Seek looks for the master at other addresses and leads Master to where it is now. It is called between two tries
	// to reach a master that has not answered for two heartbeats, and its time is limited; nil: the master never moves.
	Seek func(ctx context.Context)

	// Free tells the bytes of the file system of Dir that may still be taken; nil asks the system.
	Free func() (int64, error)
	// UserIdle tells how long nobody used keyboard and mouse of the machine; an error: it is not known. It is asked now and
	// then; nil: it is never known.
	UserIdle func(ctx context.Context) (time.Duration, error)
	// Facts replaces what the machine says of itself; for tests.
	Facts func() farm.Facts
}

// Peers are the settings of what workers fetch from one another.
type Peers struct {
	Port int  // TCP port where others may fetch; 0: any that is free
	TLS  bool // bytes are encrypted on their way, as those of the master are
}

// The folders below Options.Dir.
const (
	cacheDir  = "cache"
	jobsDir   = "jobs"
	outDir    = "out"
	homeDir   = "home"
	renderDir = "render" // a folder for each slot, where Blender writes
	partsDir  = "parts"  // a folder for each slot, where what was rendered before is put together for Blender to read
	leasesDir = "leases"
)

// maxSlots is how many slots a worker may have.
const maxSlots = farm.MaxSlots

func (o *Options) defaults() error {
	if o.Master == nil || o.Now == nil || o.NewRenderer == nil {
		return farm.Errorf(farm.Invalid, "a worker needs a master, a clock and a renderer")
	}
	if !filepath.IsAbs(o.Dir) {
		return farm.Errorf(farm.Invalid, "the worker's folder %q is not an absolute path", o.Dir)
	}
	if o.Slots < 0 || o.Slots > maxSlots || len(o.Devices) > maxSlots {
		return farm.Errorf(farm.Invalid, "a worker has 1 to %d slots", maxSlots)
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	if o.Name == "" {
		o.Name = "worker"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	orElse(&o.Slots, 1)
	orElse(&o.CacheBytes, 50e9)
	orElse(&o.Folders, 8)
	orElse(&o.LogBytes, 4<<20)
	orElse(&o.MinFree, 256<<20)
	orElse(&o.HangTimeout, 10*time.Minute)
	orElse(&o.DrainTimeout, 2*time.Minute)
	orElse(&o.IdleSession, 30*time.Minute)
	orElse(&o.Waiting, 4)
	if o.Free == nil {
		o.Free = freeBytes(o.Dir)
	}
	return nil
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// slots is how many slots the worker is started with.
func (o *Options) slots() int {
	if len(o.Devices) > 0 {
		return len(o.Devices)
	}
	return o.Slots
}

// device is what the slot computes on; "" leaves the scene's setting.
func (o *Options) device(slot int) string {
	if len(o.Devices) > 0 {
		return o.Devices[slot]
	}
	return ""
}

// threads shares the cores among slots that all compute on the CPU; 0 means all cores.
func (o *Options) threads(asked, slots int) int {
	if asked > 0 || len(o.Devices) > 0 || slots == 1 {
		return asked
	}
	return max(1, runtime.NumCPU()/slots)
}
