package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// memoryEvery is how often the memory of a Blender with a limit is looked at.
const memoryEvery = 500 * time.Millisecond

// limitTime stops a frame that takes longer than its job, or this worker, allows. The result ends the watch.
func (s *slot) limitTime(k *work, stop context.CancelCauseFunc) func() {
	limit, whose := time.Duration(k.grant.Timeout)*time.Second, "its"
	if own := s.w.opt.FrameTimeout; own > 0 && (limit == 0 || own < limit) {
		limit, whose = own, "this worker's"
	}
	if limit <= 0 || k.grant.Film != nil { // they are of frames
		return func() {}
	}
	timer := time.AfterFunc(limit, func() {
		stop(&fault{text: fmt.Sprintf("the frame took longer than %s limit of %s", whose, plainTime(limit))})
	})
	return func() { timer.Stop() }
}

// limitMemory stops a frame whose Blender holds more memory, with all it started, than this worker allows.
func (s *slot) limitMemory(ctx context.Context, stop context.CancelCauseFunc) func() {
	limit := s.w.opt.MemoryLimit
	if limit <= 0 {
		return func() {}
	}
	ctx, end := context.WithCancel(ctx)
	go func() {
		for {
			if held := treeMemory(ctx, int(s.root.Load())); held > limit && ctx.Err() == nil {
				text := "Blender held %s of memory, more than this worker's limit of %s, and was stopped"
				stop(&fault{text: fmt.Sprintf(text, plainSize(held), plainSize(limit)), worn: true})
				return
			}
			pause(ctx, memoryEvery, nil)
			if ctx.Err() != nil {
				return
			}
		}
	}()
	return end
}

// treeMemory is what a process and all that it started hold in memory, in bytes. Pages that they share count for each.
func treeMemory(ctx context.Context, root int) (sum int64) {
	if root == 0 {
		return 0
	}
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return 0
	}
	children := map[int32][]*process.Process{}
	for _, p := range all {
		if p.Pid == int32(root) {
			sum += resident(ctx, p)
		} else if parent, err := p.PpidWithContext(ctx); err == nil {
			children[parent] = append(children[parent], p)
		}
	}
	queue := []int32{int32(root)}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, p := range children[queue[0]] {
			sum += resident(ctx, p)
			queue = append(queue, p.Pid)
		}
	}
	return sum
}

func resident(ctx context.Context, p *process.Process) int64 {
	m, err := p.MemoryInfoWithContext(ctx)
	if err != nil {
		return 0 // it ended meanwhile
	}
	return int64(m.RSS)
}

func plainSize(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
