//go:build unix

package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

func benchOpen(b *testing.B) *store.SQLite {
	s, err := store.OpenSQLite(context.Background(), filepath.Join(b.TempDir(), "farm.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

const epoch = 7 << 32

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func benchJob(id farm.JobID, frames int) farm.Job {
	return farm.Job{
		ID: id, Owner: "artist", State: farm.Active, Created: noon, Started: noon, Scene: "0123456789abcdef", Folder: fmt.Sprintf("shot-%d", id),
		JobSpec: farm.JobSpec{
			Name: fmt.Sprintf("shot %d", id), Blend: "shot.blend", Frames: farm.FrameRange(1, frames, 1), Chunk: 1, Priority: 1, Order: farm.Linear,
			Options: farm.Options{EXR: "full", Preview: true},
		},
		Progress: farm.Progress{Total: frames},
	}
}

// load is a farm at work: tasks of several jobs in turn, each leased in one batch and done in the next.
type load struct {
	jobs, workers int
	n             int // tasks so far
	from          int // position of the first
	leased        []farm.Lease
}

func (l *load) batch(tasks int) []farm.Change {
	var changes []farm.Change
	touched := map[farm.JobID]bool{}
	for i := range l.leased {
		le := &l.leased[i]
		at := le.Issued
		changes = append(changes, farm.LeaseEnd{ID: le.ID}, farm.FrameDone{Attempt: farm.Attempt{
			Seq: epoch + int64(l.n-len(l.leased)+i+1), Job: le.Job, Frame: le.Frames[0], Position: le.Frames[0] - 1, Number: 1, Lease: le.ID,
			Worker: le.Worker, Outcome: farm.Rendered, Started: at, Ended: at.Add(90123456 * time.Microsecond), Seconds: 88.123456,
			MemoryMB: 1234, Install: "4.5.3",
		}})
		touched[le.Job] = true
	}
	l.leased = l.leased[:0]
	for range tasks {
		le := farm.Lease{
			ID: farm.LeaseID(epoch + l.n), Job: farm.JobID(1 + l.n%l.jobs), Worker: farm.WorkerID(fmt.Sprintf("worker-%08d-0123456789abcdef", l.n%l.workers)),
			Frames: []int{l.from + l.n/l.jobs + 1}, Attempt: 1, Issued: noon.Add(time.Duration(l.n) * 123 * time.Microsecond),
		}
		l.n++
		changes = append(changes, farm.LeaseAdd{Lease: le})
		l.leased = append(l.leased, le)
		touched[le.Job] = true
	}
	for id := range touched {
		done := farm.Spans{}
		done.Add(0)
		changes = append(changes, farm.JobMark{
			ID: id, State: farm.Active, Started: noon.UnixMicro(), Seq: epoch + int64(l.n), Finished: done.Encode(),
			Progress: farm.Progress{Total: 1e6, Done: l.n, Running: tasks, Dispatched: l.n, Seconds: float64(l.n) * 1.1},
		})
	}
	return changes
}

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkApply(b *testing.B) {
	for _, tasks := range []int{1, 16, 64, 256} {
		for _, jobs := range []int{1, 20} {
			b.Run(fmt.Sprintf("tasks=%d/jobs=%d", tasks, jobs), func(b *testing.B) {
				s := benchOpen(b)
				ctx := context.Background()
				for id := range jobs {
					if err := s.Apply(ctx, []farm.Change{farm.JobAdd{Job: benchJob(farm.JobID(id+1), 1e6)}}); err != nil {
						b.Fatal(err)
					}
				}
				l := load{jobs: jobs, workers: 1000}
				var batches [][]farm.Change
				for range b.N {
					batches = append(batches, l.batch(tasks))
				}
				b.ResetTimer()
				began := cpu()
				for _, c := range batches {
					if err := s.Apply(ctx, c); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N*tasks), "cpu-us/task")
				b.ReportMetric(float64(b.N*tasks)/b.Elapsed().Seconds(), "tasks/s")
			})
		}
	}
}

// BenchmarkApplyGrown is BenchmarkApply on a store that holds more and more attempts already.
func BenchmarkApplyGrown(b *testing.B) {
	ctx := context.Background()
	s := benchOpen(b)
	const jobs, tasks = 20, 64
	for id := range jobs {
		if err := s.Apply(ctx, []farm.Change{farm.JobAdd{Job: benchJob(farm.JobID(id+1), 1e6)}}); err != nil {
			b.Fatal(err)
		}
	}
	l := load{jobs: jobs, workers: 1000}
	for _, rows := range []int{1_000, 10_000, 100_000, 1_000_000} {
		for l.n < rows {
			if err := s.Apply(ctx, l.batch(min(4000, rows-l.n))); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			var batches [][]farm.Change
			for range b.N {
				batches = append(batches, l.batch(tasks))
			}
			b.ResetTimer()
			began := cpu()
			for _, c := range batches {
				if err := s.Apply(ctx, c); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N*tasks), "cpu-us/task")
		})
	}
}

// BenchmarkLoad reads a farm of 1,000 jobs and a million frames: 900 jobs are done, 100 active, half of these with
// scattered frames whose last 4,999 are not in the kept set yet.
func BenchmarkLoad(b *testing.B) {
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "farm.db")
	s, err := store.OpenSQLite(ctx, path)
	if err != nil {
		b.Fatal(err)
	}
	const jobs, active, frames = 1000, 100, 1000
	const inActive = 5500 // 550,000 frames of the million are in the active jobs
	n := 0
	apply := func(c ...farm.Change) {
		if err := s.Apply(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
	for id := farm.JobID(1); id <= jobs; id++ {
		total, busy := frames/2, id > jobs-active
		if busy {
			total = inActive
		}
		j := benchJob(id, 2*total)
		var changes []farm.Change
		changes = append(changes, farm.JobAdd{Job: j})
		done := farm.Spans{}
		for i := range total {
			p := i
			if busy {
				p = 2 * i // every second frame: the worst for spans
			}
			n++
			changes = append(changes, farm.FrameDone{Attempt: farm.Attempt{
				Seq: epoch + int64(n), Job: id, Frame: p + 1, Position: p, Number: 1, Lease: farm.LeaseID(epoch + n),
				Worker: farm.WorkerID(fmt.Sprintf("worker-%08d-0123456789abcdef", n%1000)), Outcome: farm.Rendered,
				Started: noon, Ended: noon.Add(time.Duration(n) * 1234 * time.Microsecond), Seconds: 88.125, MemoryMB: 1234, Install: "4.5.3",
			}})
			done.Add(p)
			if busy && i == total-5000 || !busy && i == total-1 {
				m := farm.JobMark{ID: id, State: farm.Active, Finished: done.Encode(), Seq: epoch + int64(n)}
				if !busy {
					m.State = farm.Done
				}
				changes = append(changes, m)
			}
		}
		apply(changes...)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var size int64
	b.ResetTimer()
	for b.Loop() {
		began := time.Now()
		s, err := store.OpenSQLite(ctx, path)
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Since(began)
		st, err := s.Load(ctx, 0)
		if err != nil || len(st.Jobs) != active || st.Jobs[0].Finished.Count() != inActive {
			b.Fatal(len(st.Jobs), err)
		}
		b.ReportMetric(opened.Seconds()*1000, "open-ms")
		size, _ = s.Size(ctx)
		s.Close()
	}
	b.ReportMetric(float64(size)/float64(n), "B/frame")
}

// BenchmarkTraces reads the tries of a job of 10,000 frames with the results that they usually have, and of a page of a
// job of a million.
func BenchmarkTraces(b *testing.B) {
	for _, frames := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(frames), func(b *testing.B) {
			s := benchOpen(b)
			if err := s.Apply(context.Background(), []farm.Change{farm.JobAdd{Job: benchJob(1, frames)}}); err != nil {
				b.Fatal(err)
			}
			for p := 0; p < frames; p += 5000 {
				var changes []farm.Change
				for i := range 5000 {
					at := noon.Add(time.Duration(p+i) * 123 * time.Millisecond)
					a := farm.Attempt{
						Seq: epoch + int64(p+i+1), Job: 1, Frame: p + i + 1, Position: p + i, Number: 1, Lease: farm.LeaseID(epoch + p + i),
						Worker: farm.WorkerID(fmt.Sprintf("worker-%08d-0123456789abcdef", i%24)), Outcome: farm.Rendered, Started: at,
						Ended: at.Add(90 * time.Second), Seconds: 88.123456, MemoryMB: 1234, Install: "4.5.3",
					}
					for _, kind := range []farm.ResultKind{farm.KindEXR, farm.KindOutput, farm.KindPreview} {
						a.Results = append(a.Results, farm.Result{
							Kind: kind, Name: fmt.Sprintf("%s/shot_%06d.exr", kind, p+i+1), Size: 12345678, Frame: p + i + 1,
							Ref: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
						})
					}
					changes = append(changes, farm.FrameDone{Attempt: a})
				}
				if err := s.Apply(context.Background(), changes); err != nil {
					b.Fatal(err)
				}
			}
			page := farm.SpanOf(frames/2, frames/2+10_000)
			some := &page
			if frames == 10_000 {
				some = nil
			}
			for b.Loop() {
				n := 0
				if _, err := s.Traces(context.Background(), 1, some, func(*farm.Trace) { n++ }); err != nil || n != 10_000 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkJobPage reads pages of 100 out of 100,000 jobs, nearly all of which are done, behind the 50,000th.
func BenchmarkJobPage(b *testing.B) {
	const n = 100_000
	s := benchOpen(b)
	var changes []farm.Change
	for i := range n {
		j := benchJob(farm.JobID(i+1), 250)
		j.State, j.Owner, j.Name = farm.Done, fmt.Sprintf("artist-%d", i%40), fmt.Sprintf("shot_%04d_v%02d", i*7919%9000, i%40)
		j.Created, j.Ended, j.Priority = noon.Add(time.Duration(i)*time.Minute), noon.Add(time.Duration(i+i%500)*time.Minute), 1+i%3
		j.Progress = farm.Progress{Total: 250, Done: 250, Seconds: float64(i%9999) * 10, Machine: float64(i%9999) * 10.5}
		switch {
		case i%50 == 0:
			j.State, j.Done, j.Progress.Failed = farm.Failed, 200, 50
		case i > n-300:
			j.State, j.Done, j.Ended = farm.Active, i%250, time.Time{}
		}
		if changes = append(changes, farm.JobAdd{Job: j}); len(changes) == 5000 {
			if err := s.Apply(context.Background(), changes); err != nil {
				b.Fatal(err)
			}
			changes = nil
		}
	}
	for _, filter := range []struct {
		name string
		farm.JobFilter
	}{
		{"all", farm.JobFilter{}},
		{"done", farm.JobFilter{States: []farm.JobState{farm.Done}}},
		{"active", farm.JobFilter{States: []farm.JobState{farm.Active}}},
		{"owner", farm.JobFilter{Owner: "artist-7"}},
		{"text", farm.JobFilter{Text: "shot_12"}},
		{"manytext", farm.JobFilter{Text: "v0"}},
	} {
		for _, sort := range farm.JobSorts() {
			b.Run(filter.name+"/"+string(sort), func(b *testing.B) {
				f := filter.JobFilter
				f.Sort, f.Limit = sort, 100
				for page := 0; page < 3; page++ { // the cost of a page does not grow with its number; see the cursor in the middle
					p, err := s.JobPage(context.Background(), f)
					if err != nil {
						b.Fatal(err)
					}
					if f.Behind = p.After; f.Behind == nil {
						break
					}
				}
				for b.Loop() {
					if _, err := s.JobPage(context.Background(), f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
