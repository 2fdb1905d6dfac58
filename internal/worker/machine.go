package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
)

// sampleEvery is how old the load in a heartbeat may be.
const sampleEvery = 5 * time.Second

// machine is what the worker knows of the computer it runs on.
type machine struct {
	opt    *Options
	memory int64 // bytes
	fixed  farm.Facts
	last   atomic.Pointer[farm.Load]
}

func newMachine(opt *Options) *machine {
	m := &machine{opt: opt}
	m.last.Store(&farm.Load{})
	if opt.Facts != nil {
		m.fixed = opt.Facts()
	} else {
		m.fixed = machineFacts()
	}
	f := &m.fixed
	m.memory = int64(f.MemoryMB) << 20
	f.Program, f.Slots, f.Devices, f.Scripts, f.Confined = opt.Program, opt.slots(), opt.Devices, opt.Scripts, opt.Fenced
	f.Stages = []farm.Stage{farm.StageParts, farm.StageFinish, farm.StageProbe, farm.StageBake, farm.StageViews}
	if films(opt.Installs) {
		f.Stages = append(f.Stages, farm.StageEncode)
	}
	if opt.RunCommand != nil {
		f.Stages = append(f.Stages, farm.StageProcess)
	}
	if opt.Inspect != nil {
		f.Stages = append(f.Stages, farm.StageInspect)
	}
	for _, s := range opt.Shared {
		f.Shared = append(f.Shared, s.From)
	}
	f.Blenders = make([]farm.Blender, 0, len(opt.Installs))
	for i := range opt.Installs {
		f.Blenders = append(f.Blenders, blenderFacts(&opt.Installs[i]))
		for _, g := range gpus(&opt.Installs[i]) {
			if !slices.Contains(f.GPUs, g) {
				f.GPUs = append(f.GPUs, g)
			}
		}
	}
	return m
}

// machineFacts asks the system; what it does not say stays zero.
func machineFacts() farm.Facts {
	f := farm.Facts{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	f.Host, _ = os.Hostname()
	if n, err := cpu.Counts(true); err == nil && n > 0 {
		f.Cores = n
	}
	if infos, err := cpu.Info(); err == nil && len(infos) > 0 {
		f.CPU = strings.Join(strings.Fields(infos[0].ModelName), " ")
	}
	if v, err := mem.VirtualMemory(); err == nil {
		f.MemoryMB = int(v.Total >> 20)
	}
	return f
}

func blenderFacts(in *blender.Install) farm.Blender {
	v, _ := farm.ParseVersion(in.Version)
	b := farm.Blender{Version: v, Module: in.Kind == blender.Module, Denoiser: slices.Contains(in.Denoisers, "OPENIMAGEDENOISE")}
	b.Addons, b.Bakes = slices.Clone(in.Addons), slices.Clone(in.Bakes)
	for _, a := range in.Added {
		b.Addons = append(b.Addons, a.Name)
	}
	slices.Sort(b.Addons)
	b.Addons = slices.Compact(b.Addons)
	for _, e := range in.Engines {
		if e.Works || !e.Display {
			b.Engines = append(b.Engines, e.ID)
		}
	}
	return b
}

// gpus are the compute devices that the install found, apart from the CPU.
func gpus(in *blender.Install) (list []farm.GPU) {
	for _, d := range in.Devices {
		if kind, _, _ := strings.Cut(d.ID, ":"); kind != "cpu" {
			list = append(list, farm.GPU{Name: d.Name, Kind: kind})
		}
	}
	return list
}

// facts is what a registration says.
func (m *machine) facts() farm.Facts {
	f := m.fixed
	f.UTCOffset = m.offset()
	if free, ok := m.free(); ok {
		f.DiskMB = int(free >> 20)
	}
	return f
}

// free is the room where the worker keeps its files, in bytes.
func (m *machine) free() (int64, bool) {
	free, err := m.opt.Free()
	return free, err == nil
}

func freeBytes(dir string) func() (int64, error) {
	return func() (int64, error) {
		u, err := disk.Usage(dir)
		if err != nil {
			return 0, err
		}
		return int64(u.Free), nil
	}
}

// low tells whether the disk has too little room to begin a frame.
func (m *machine) low() bool {
	if m.opt.MinFree < 0 {
		return false
	}
	free, ok := m.free()
	return ok && free < m.opt.MinFree
}

// load is the last sample, and whether the machine works at all just now.
func (m *machine) load() farm.Load {
	l := *m.last.Load()
	l.UTCOffset = m.offset()
	if m.low() {
		free, _ := m.free()
		l.Idle = fmt.Sprintf("its disk is nearly full: %d MB are free, %d MB must stay free", free>>20, m.opt.MinFree>>20)
	}
	return l
}

// sample looks at the machine now and then until ctx ends. A slow answer of the system delays nobody.
func (m *machine) sample(ctx context.Context) {
	if m.opt.Facts != nil {
		return
	}
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		var l farm.Load
		if busy, err := cpu.PercentWithContext(ctx, 0, false); err == nil && len(busy) == 1 {
			l.CPU = min(max(busy[0]/100, 0), 1)
		}
		if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
			l.MemoryMB = int(v.Used >> 20)
		}
		if free, ok := m.free(); ok {
			l.DiskMB = int(free >> 20)
		}
		l.UserIdle, l.GPU = m.userIdle(ctx), gpuBusy(drmDir)
		m.last.Store(&l)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// offset is how far the machine's clock is ahead of UTC now, in minutes.
func (m *machine) offset() *int {
	_, seconds := m.opt.Now().Zone()
	minutes := seconds / 60
	return &minutes
}

// idleTime bounds how long it is asked who uses the machine.
const idleTime = 3 * time.Second

// userIdle is how many seconds nobody used the machine; nil: not known.
func (m *machine) userIdle(ctx context.Context) *float64 {
	if m.opt.UserIdle == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, idleTime)
	defer cancel()
	idle, err := m.opt.UserIdle(ctx)
	if err != nil {
		return nil
	}
	seconds := idle.Seconds()
	return &seconds
}

// drmDir is where Linux shows its graphics devices.
const drmDir = "/sys/class/drm"

// gpuBusy is the busy share of the busiest GPU that says it, as AMD's do on Linux (gpu_busy_percent); nil: none does.
func gpuBusy(dir string) (busy *float64) {
	files, _ := filepath.Glob(filepath.Join(dir, "card*", "device", "gpu_busy_percent"))
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n >= 0 && n <= 100 {
			if share := float64(n) / 100; busy == nil || share > *busy {
				busy = &share
			}
		}
	}
	return busy
}

// sessionMemory is how many bytes a session may hold after a frame, one of so many.
func (m *machine) sessionMemory(slots int) int64 {
	if m.opt.SessionMemory != 0 {
		return m.opt.SessionMemory
	}
	return m.memory / 10 * 8 / int64(slots)
}
