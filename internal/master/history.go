package master

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	historyEvery = time.Minute
	historyRoom  = 600 // samples, 3 bytes each: ten hours
	unknownLoad  = 255
)

// history is what a worker's machine did: a sample a minute, the mean of its heartbeats. It takes 1.8 kB when it is
// full, so that thousands of workers have one.
type history struct {
	samples []loadSample // a ring once it is full
	at      int          // place of the next one in a full ring
	minute  int64        // of the newest heartbeats, since 1970
	cpu     mean
	memory  mean
	gpu     mean
}

// loadSample is whole percent, or unknownLoad.
type loadSample struct{ cpu, memory, gpu uint8 }

// mean gathers the heartbeats of a minute.
type mean struct {
	sum float32
	n   int32
}

func (m *mean) add(share float64) {
	if share >= 0 && !math.IsInf(share, 0) { // not NaN
		m.sum += float32(min(share, 1))
		m.n++
	}
}

func (m *mean) take() uint8 {
	v := uint8(unknownLoad)
	if m.n > 0 {
		v = uint8(math.Round(float64(100 * m.sum / float32(m.n))))
	}
	*m = mean{}
	return v
}

// note takes in a heartbeat.
func (h *history) note(now time.Time, l *farm.Load, f *farm.Facts) {
	h.turn(now)
	h.cpu.add(l.CPU)
	if f.MemoryMB > 0 {
		h.memory.add(float64(l.MemoryMB) / float64(f.MemoryMB))
	}
	if l.GPU != nil {
		h.gpu.add(*l.GPU)
	}
}

// turn ends the minutes that are over.
func (h *history) turn(now time.Time) {
	minute := now.Unix() / int64(historyEvery/time.Second)
	switch {
	case h.minute == 0 || minute < h.minute: // the clock was set back: what was is older than it seems
		h.minute = minute
	case minute > h.minute:
		h.add(loadSample{h.cpu.take(), h.memory.take(), h.gpu.take()})
		for range min(minute-h.minute-1, historyRoom) { // in which it said nothing
			h.add(loadSample{unknownLoad, unknownLoad, unknownLoad})
		}
		h.minute = minute
	}
}

func (h *history) add(s loadSample) {
	if len(h.samples) < historyRoom {
		h.samples = append(h.samples, s)
		return
	}
	h.samples[h.at] = s
	h.at = (h.at + 1) % historyRoom
}

// last returns the newest samples, the oldest of them first.
func (h *history) last(n int) []loadSample {
	list := slices.Concat(h.samples[h.at:], h.samples[:h.at])
	return list[max(0, len(list)-n):]
}

// HistoryWish says how much of a worker's history is asked for.
type HistoryWish struct {
	Hours  int   // of load, 1..10
	Before int64 // attempts before this one; 0: the newest
	Failed bool  // only attempts that failed
	Limit  int   // attempts, 0..1000
}

// WorkerHistory tells what a worker, named by its id or its name, did lately and does now.
func (m *Master) WorkerHistory(ctx context.Context, id farm.WorkerID, wish HistoryWish) (farm.WorkerHistory, error) {
	type present struct {
		id      farm.WorkerID
		running []farm.Running
		samples []loadSample
		now     time.Time
	}
	found, err := ask(ctx, m, func(e *engine) (present, error) { // it may still run when the asker has left: it writes nothing of his
		w := e.worker(id)
		if w == nil {
			return present{}, noWorker(id)
		}
		k := present{id: w.ID, running: e.viewWorker(w).Running, now: m.opt.Now()}
		if w.history != nil {
			w.history.turn(k.now)
			k.samples = w.history.last(min(max(wish.Hours, 1)*60, historyRoom))
		}
		return k, nil
	})
	out := farm.WorkerHistory{
		StepMS: int(historyEvery / time.Millisecond), End: found.now.Truncate(historyEvery).UTC(), Running: found.running, Attempts: []farm.WorkerAttempt{},
	}
	if err != nil {
		return out, err
	}
	samples := found.samples
	known := false
	out.CPU, out.Memory, out.GPU = make([]*int, len(samples)), make([]*int, len(samples)), make([]*int, len(samples))
	for i, s := range samples {
		out.CPU[i], out.Memory[i], out.GPU[i] = percent(s.cpu), percent(s.memory), percent(s.gpu)
		known = known || out.GPU[i] != nil
	}
	if !known {
		out.GPU = nil
	}
	if wish.Limit <= 0 {
		return out, nil
	}
	limit := min(wish.Limit, 1000)
	list, err := m.opt.Store.WorkerAttempts(ctx, farm.WorkerAttemptFilter{Worker: found.id, Before: wish.Before, Failed: wish.Failed, Limit: limit + 1})
	if err != nil {
		return out, err
	}
	if len(list) > limit {
		list = list[:limit]
		out.Next = strconv.FormatInt(list[limit-1].Seq, 10)
	}
	for i := range list {
		list[i].Attempt = list[i].Shown()
	}
	out.Attempts = append(out.Attempts, list...)
	return out, nil
}

func percent(v uint8) *int {
	if v == unknownLoad {
		return nil
	}
	n := int(v)
	return &n
}

// worker finds a worker by its id or its name; nil: there is none.
func (e *engine) worker(id farm.WorkerID) *worker {
	if w := e.workers[id]; w != nil {
		return w
	}
	return e.workers[e.names[string(id)]]
}

// Statistics tells what was rendered, also for jobs that are deleted.
func (m *Master) Statistics(ctx context.Context, f farm.StatFilter) (farm.Statistics, error) {
	limit := min(max(f.Limit, 1), MaxStatRows)
	f.Limit = limit + 1
	rows, total, err := m.opt.Store.Statistics(ctx, f)
	if err != nil {
		return farm.Statistics{}, err
	}
	s := farm.Statistics{By: f.By, From: farm.DayText(f.From), To: farm.DayText(f.To), Rows: rows, Total: total}
	if len(rows) > limit {
		s.Rows, s.More = rows[:limit], true
	}
	if s.Rows == nil {
		s.Rows = []farm.StatRow{}
	}
	return s, nil
}

// MaxStatRows bounds the rows of statistics.
const MaxStatRows = 10_000
