package master_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// column is one as text.
func column(list []*int) string {
	words := make([]string, len(list))
	for i, v := range list {
		if words[i] = "-"; v != nil {
			words[i] = fmt.Sprint(*v)
		}
	}
	return strings.Join(words, " ")
}

func TestWorkerHistory(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 1)
		job := b.submit("1-9")
		read := func(w master.HistoryWish) farm.WorkerHistory {
			t.Helper()
			w.Hours = max(w.Hours, 10)
			h, err := b.m.WorkerHistory(ctx, "oak", w)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		h := read(master.HistoryWish{})
		if len(h.CPU) != 0 || h.StepMS != 60_000 || len(h.Running) != 0 || len(h.Attempts) != 0 {
			t.Fatalf("%+v", h)
		}
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))) // a minute begins
		says := func(l farm.Load) {
			t.Helper()
			if _, err := b.m.Heartbeat(ctx, root, oak, farm.Heartbeat{Load: l}); err != nil {
				t.Fatal(err)
			}
		}
		gpu := 0.25
		says(farm.Load{CPU: 0.2, MemoryMB: 4000})
		time.Sleep(30 * time.Second)
		says(farm.Load{CPU: 0.6, MemoryMB: 4000, GPU: &gpu})
		time.Sleep(30 * time.Second)
		says(farm.Load{CPU: 7, MemoryMB: -1}) // it says nonsense
		time.Sleep(time.Minute)
		says(farm.Load{CPU: 0.1})
		time.Sleep(3 * time.Minute) // it is silent for two whole minutes
		says(farm.Load{CPU: 1, MemoryMB: 8000})
		time.Sleep(time.Minute)
		h = read(master.HistoryWish{})
		want(t, "cpu", column(h.CPU), "40 100 10 - - 100")
		want(t, "memory", column(h.Memory), "50 - 0 - - 100")
		want(t, "gpu", column(h.GPU), "25 - - - - -")
		if !h.End.Equal(time.Now().Truncate(time.Minute)) {
			t.Errorf("the last value is of %s, now is %s", h.End, time.Now())
		}

		// What it does, and did.
		for frame := 1; frame <= 5; frame++ {
			b.worker("oak", 1)
			outcome := farm.Rendered
			if frame == 3 {
				outcome = farm.Errored
			}
			g := b.claim(oak, 0)
			b.report(g, g.Lease.Frames[0], outcome)
		}
		b.claim(oak, 0)
		h = read(master.HistoryWish{Limit: 2})
		if len(h.Running) != 1 || h.Running[0].Job != job.ID || len(h.Attempts) != 2 || h.Attempts[0].JobName != "shot" || h.Next == "" {
			t.Errorf("%+v", h)
		}
		rest := read(master.HistoryWish{Limit: 10, Before: h.Attempts[1].Seq})
		if len(rest.Attempts) != 3 || rest.Next != "" || rest.Attempts[0].Seq >= h.Attempts[1].Seq {
			t.Errorf("the next page: %+v", rest)
		}
		if bad := read(master.HistoryWish{Limit: 10, Failed: true}); len(bad.Attempts) != 1 || bad.Attempts[0].Outcome != farm.Errored {
			t.Errorf("what failed: %+v", bad.Attempts)
		}
		if _, err := b.m.WorkerHistory(ctx, "elm", master.HistoryWish{Hours: 1}); farm.KindOf(err) != farm.NotFound {
			t.Errorf("of nobody: %v", err)
		}

		// Ten hours are kept, however long it runs; the clock may be set back.
		for range 11 * 60 {
			says(farm.Load{CPU: 0.5})
			time.Sleep(time.Minute)
		}
		h = read(master.HistoryWish{})
		if len(h.CPU) != 600 || strings.Contains(column(h.CPU), "100") || strings.Contains(column(h.CPU), "-") || h.GPU != nil {
			t.Errorf("%d values: %s", len(h.CPU), column(h.CPU))
		}
		b.skew.Add(-int64(time.Hour))
		says(farm.Load{CPU: 0.7})
		time.Sleep(time.Minute)
		if cpu := column(read(master.HistoryWish{}).CPU); !strings.HasSuffix(cpu, " 50 60") && !strings.HasSuffix(cpu, " 50 70") {
			t.Errorf("after the clock was set back: %s", cpu[len(cpu)-20:])
		}
		if _, err := b.m.WorkerHistory(ctx, oak, master.HistoryWish{Hours: 1}); err != nil {
			t.Errorf("by its id: %v", err)
		}
	})
}

func TestStatisticsArePaged(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		b.submit("1-2")
		b.renderAll(oak)
		day := farm.DayOf(time.Now())
		s, err := b.m.Statistics(context.Background(), farm.StatFilter{By: []farm.StatKey{farm.PerJob}, From: day, To: day, Limit: 1})
		if err != nil || len(s.Rows) != 1 || s.Rows[0].Done != 2 || s.More || s.From != farm.DayText(day) || s.To != s.From {
			t.Errorf("%+v, %v", s, err)
		}
		b.submit("1")
		b.renderAll(oak)
		if s, err = b.m.Statistics(context.Background(), farm.StatFilter{By: []farm.StatKey{farm.PerJob}, From: day, To: day, Limit: 1}); err != nil || len(s.Rows) != 1 || !s.More {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err = b.m.Statistics(context.Background(), farm.StatFilter{By: []farm.StatKey{farm.PerJob}, Limit: 0}); err != nil || s.Rows == nil {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
