//go:build !linux

package main

import (
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// usageOf reads what a process has used; the peak of memory is known on Linux only and is the present use here.
func usageOf(pid int) (usage, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return usage{}, err
	}
	times, err := p.Times()
	if err != nil {
		return usage{}, err
	}
	mem, err := p.MemoryInfo()
	if err != nil {
		return usage{}, err
	}
	cpu := time.Duration((times.User + times.System) * float64(time.Second))
	return usage{cpu: cpu, rss: int64(mem.RSS), peak: int64(mem.RSS)}, nil
}
