package farm

import (
	"slices"
	"strings"
	"time"
)

// WorkerID is made by the worker at its first start and kept by it for ever: 8 to 64 letters, digits, - or _.
type WorkerID string

// Worker is a machine that renders.
type Worker struct {
	ID         WorkerID  `json:"id"`
	Name       string    `json:"name"`                // unique in the farm; the master adds -2, -3, ... when it must
	Wished     string    `json:"wished,omitempty"`    // the name it asked for
	Slots      int       `json:"slots"`               // that it has: what SetSlots says, where it can follow that, else what its machine says
	SetSlots   int       `json:"set_slots,omitempty"` // that an admin wants it to have, 1..MaxSlots; 0: as its machine says
	Tags       []string  `json:"tags,omitempty"`
	Facts      Facts     `json:"facts"`
	Enabled    bool      `json:"enabled"`
	Reason     string    `json:"reason,omitempty"` // why it is disabled, for people
	Draining   bool      `json:"draining"`         // finishes what it has, takes no more
	Registered time.Time `json:"registered"`
	Seen       time.Time `json:"seen"` // last time it spoke; written now and then, exact only in memory
	Address    string    `json:"address,omitempty"`
	Token      string    `json:"token,omitempty"`       // id of the token that speaks for it; empty: none yet
	Hours      string    `json:"hours,omitempty"`       // when it takes work, as ParseHours reads them; empty: always
	WhenIdle   int       `json:"when_idle_s,omitempty"` // it takes work when nobody used the machine for so many seconds; 0: that does not matter
}

// MaxSlots is how many frames a worker may render side by side.
const MaxSlots = 256

// SlotsOf is how many slots the worker has when its machine says own: as an admin set, unless its program cannot follow.
// Each device is one slot, so that there are no more of them than devices.
func (w *Worker) SlotsOf(own int) int {
	if w.SetSlots <= 0 || w.Facts.Slots <= 0 {
		return own
	}
	if d := len(w.Facts.Devices); d > 0 {
		return min(w.SetSlots, d)
	}
	return w.SetSlots
}

// CheckSlots refuses a number of slots that the worker cannot have, with a sentence.
func (w *Worker) CheckSlots() error {
	n, d := w.SetSlots, len(w.Facts.Devices)
	switch {
	case n == 0:
		return nil
	case n < 0 || n > MaxSlots:
		return Errorf(Invalid, "a worker has 1 to %d slots, not %d", MaxSlots, n)
	case w.Facts.Slots <= 0:
		return Errorf(Invalid, "the program on %s is too old to be told how many slots it has", clip(w.Name, 80)).
			WithHint("start the worker with --slots %d, or install the version there that the master has", n)
	case d > 0 && n > d:
		return Errorf(Invalid, "%s has a slot for each of its devices, %d in all, and cannot have %d", clip(w.Name, 80), d, n).
			WithHint("start the worker with more --devices")
	}
	return nil
}

// Facts is what a worker says of its machine.
type Facts struct {
	Host     string    `json:"host"`
	OS       string    `json:"os"`   // linux, darwin, windows
	Arch     string    `json:"arch"` // amd64, arm64
	CPU      string    `json:"cpu,omitempty"`
	Cores    int       `json:"cores"`
	MemoryMB int       `json:"memory_mb"`
	DiskMB   int       `json:"disk_free_mb"`   // room where the worker keeps its files
	GPUs     []GPU     `json:"gpus,omitempty"` // those that its Blenders found, used or not
	Blenders []Blender `json:"blenders"`
	Program  string    `json:"program"`           // version of the netrender program
	Slots    int       `json:"slots,omitempty"`   // that it was started with; it follows the master's word for another number. 0: it cannot
	Devices  []string  `json:"devices,omitempty"` // compute device of each slot: cpu, cuda:0, ...; empty: Blender's own default, which is the CPU
	Scripts  bool      `json:"scripts"`           // lets jobs run the scene's Python
	Confined bool      `json:"confined"`          // keeps Blender inside its job's folder, without a network
	Shared   []string  `json:"shared,omitempty"`  // folders that it sees for itself, as those who submit name them
	Stages   []Stage   `json:"stages,omitempty"`  // what it does besides rendering

	UTCOffset *int `json:"utc_offset_min,omitempty"` // how far its clock is ahead of UTC, in minutes; nil: it does not say
}

// GPU is a compute device as Blender lists it.
type GPU struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // cuda, optix, hip, oneapi, metal
}

// Blender is one install on a worker.
type Blender struct {
	Version  Version  `json:"version"`
	Denoiser bool     `json:"denoiser"`
	Engines  []string `json:"engines"` // those it can render here, as Blender names them
	Module   bool     `json:"module"`  // a Python with the bpy module, not an executable
	// Addons are the names of the add-ons it can enable: its own, and those that the machine's owner installed.
	Addons []string `json:"addons,omitempty"`
	// Bakes are the kinds of simulations that it was seen to bake.
	Bakes []string `json:"bakes,omitempty"`
}

// WhyNot says in one sentence why the worker may not render jobs with these needs, or "" when it may.
// A worker's install serves a job when it is at least as new as the scene's Blender, within what Blender promises
// to read; the nearest one is used.
func (n *Needs) WhyNot(w *Worker) string {
	switch what, name := n.lacks(w); what {
	case lacksNothing:
		return ""
	case lacksLeave:
		return "it is not among the workers the job allows"
	case lacksPardon:
		return "the job denies it"
	case lacksTag:
		return "it lacks the tag " + name
	case lacksMemory:
		return "it has too little memory"
	case lacksCores:
		return "it has too few processors"
	case lacksKind:
		return "it runs " + w.Facts.OS + " on " + w.Facts.Arch + ", which the job does not want"
	case lacksGPU:
		return "it has no " + n.GPU + " device"
	case lacksUse:
		return "it has a " + n.GPU + " device that its slots do not use; netrender worker --devices " + n.GPU + " does"
	default:
		return n.sentence(what, name)
	}
}

// Suits tells whether the worker may render jobs with these needs: whether WhyNot returns "". It allocates nothing,
// for whoever asks of many jobs.
func (n *Needs) Suits(w *Worker) bool {
	what, _ := n.lacks(w)
	return what == lacksNothing
}

// lack is the first thing that is missing.
type lack int

const (
	lacksNothing lack = iota
	lacksLeave
	lacksPardon
	lacksTag
	lacksMemory
	lacksCores
	lacksKind
	lacksGPU
	lacksUse
	lacksBlender
	lacksVersion
	lacksEngine
	lacksDenoiser
	lacksAddon
	lacksExact
	lacksBaking
)

// lacks also names the tag or the add-on.
func (n *Needs) lacks(w *Worker) (what lack, name string) {
	if len(n.Allow) > 0 && !slices.Contains(n.Allow, w.Name) {
		return lacksLeave, ""
	}
	if slices.Contains(n.Deny, w.Name) {
		return lacksPardon, ""
	}
	for _, tag := range n.Tags {
		if !slices.Contains(w.Tags, tag) {
			return lacksTag, tag
		}
	}
	if n.MemoryMB > w.Facts.MemoryMB {
		return lacksMemory, ""
	}
	if n.Cores > w.Facts.Cores {
		return lacksCores, ""
	}
	if len(n.OS) > 0 && !slices.Contains(n.OS, w.Facts.OS) || len(n.Arch) > 0 && !slices.Contains(n.Arch, w.Facts.Arch) {
		return lacksKind, ""
	}
	if n.GPU != "" && !slices.ContainsFunc(w.Facts.Devices, func(d string) bool { return deviceKind(d) == n.GPU }) {
		if slices.ContainsFunc(w.Facts.GPUs, func(g GPU) bool { return g.Kind == n.GPU }) {
			return lacksUse, ""
		}
		return lacksGPU, ""
	}
	_, what, name = n.pick(w.Facts.Blenders)
	return what, name
}

// deviceKind is cuda of cuda:0.
func deviceKind(device string) string {
	kind, _, _ := strings.Cut(device, ":")
	return kind
}

// Slot is the worker as one of its slots: with that slot's device alone, where they differ.
func (w *Worker) Slot(no int) *Worker {
	d := w.Facts.Devices
	if no < 0 || no >= len(d) || !slices.ContainsFunc(d, func(o string) bool { return deviceKind(o) != deviceKind(d[no]) }) {
		return w
	}
	one := *w
	one.Facts.Devices = d[no : no+1]
	return &one
}

// Pick returns which of a worker's installs renders the job: the oldest that is new enough and has what is needed,
// an executable before a module of the same version. When none does, index is -1 and why says what is lacking.
func (n *Needs) Pick(installs []Blender) (index int, why string) {
	index, what, name := n.pick(installs)
	return index, n.sentence(what, name)
}

// sentence says what is wrong with a worker's installs.
func (n *Needs) sentence(what lack, name string) string {
	switch what {
	case lacksBlender:
		return "it has no Blender"
	case lacksVersion:
		return "its Blender is older than " + n.Blender.String()
	case lacksEngine:
		return "its Blender cannot render with " + n.Engine
	case lacksDenoiser:
		return "its Blender has no denoiser"
	case lacksAddon:
		return "its Blender lacks the add-on " + name
	case lacksExact:
		return "it has no Blender " + n.Exact.String() + ", with which the job's simulations are baked"
	case lacksBaking:
		return "its Blender cannot bake " + strings.ReplaceAll(name, "_", " ")
	}
	return ""
}

// sameEngine tells whether a Blender with the one renders scenes of the other: EEVEE was BLENDER_EEVEE_NEXT from 4.2 to
// 4.5, and a scene is changed over when it is opened.
func sameEngine(have, want string) bool {
	return strings.TrimSuffix(have, "_NEXT") == strings.TrimSuffix(want, "_NEXT")
}

// pick also names the add-on that is lacking.
func (n *Needs) pick(installs []Blender) (index int, what lack, name string) {
	if len(installs) == 0 {
		return -1, lacksBlender, ""
	}
	best := -1
	what = lacksVersion
	for i := range installs {
		b := &installs[i]
		if b.Version.Before(n.Blender) {
			continue
		}
		if !n.Exact.IsZero() && b.Version != n.Exact {
			what = lacksExact
			continue
		}
		if kind := n.lacksBake(b); kind != "" {
			what, name = lacksBaking, kind
			continue
		}
		if n.Engine != "" && !n.enables() && !slices.ContainsFunc(b.Engines, func(e string) bool { return sameEngine(e, n.Engine) }) {
			what = lacksEngine
			continue
		}
		if n.Denoiser && !b.Denoiser {
			what = lacksDenoiser
			continue
		}
		if addon := n.lacksAddon(b); addon != "" {
			what, name = lacksAddon, addon
			continue
		}
		if best < 0 || b.Version.Before(installs[best].Version) ||
			b.Version == installs[best].Version && installs[best].Module && !b.Module {
			best = i
		}
	}
	if best < 0 {
		return -1, what, name
	}
	return best, lacksNothing, ""
}
