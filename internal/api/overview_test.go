package api

import (
	"context"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestOverview: what is told about the farm as a whole arrives as the engine says it.
func TestOverview(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	view := h.client(farm.RoleView)
	events := make(chan farm.Event, 100)
	watching, end := context.WithCancel(ctx)
	defer end()
	go func() {
		for ev, err := range view.Events(watching, wire.EventFilter{Kinds: []farm.EventKind{farm.EventAttention}}) {
			if err == nil {
				events <- ev
			}
		}
	}()
	if ev := <-events; ev.Kind != farm.EventLost { // the stream stands
		t.Fatalf("%+v", ev)
	}
	job := h.submit("1-3") // nobody is there to render it
	for deadline := time.After(patience); ; {
		select {
		case ev := <-events:
			if ev.Kind == farm.EventAttention && ev.State == farm.AttentionRaised {
				break
			}
			continue
		case <-deadline:
			t.Fatal("no event tells that the job needs a person")
		}
		break
	}
	list, err := view.Attention(ctx)
	if err != nil || len(list.Attention) != 1 || list.Attention[0].Kind != farm.NeedsWorkers || list.Attention[0].Hint == "" {
		t.Errorf("attention %+v, %v; job %d", list, err, job.ID)
	}
	if share, err := view.Share(ctx, 60); err != nil || share.StepMS != 10_000 || share.Jobs == nil || share.End.IsZero() {
		t.Errorf("share %+v, %v", share, err)
	}
	if b, err := view.Balance(ctx); err != nil || len(b.Jobs) != 1 || b.Jobs[0].ID != job.ID || b.Jobs[0].ClassName != "new" {
		t.Errorf("balance %+v, %v", b, err)
	}
	other := farm.DefaultRules()
	other.Cap = 0.5
	if p, err := view.PreviewRules(ctx, other); err != nil || p.Same || len(p.Jobs) != 1 || len(p.Says) == 0 {
		t.Errorf("preview %+v, %v", p, err)
	}
	if _, err := view.PreviewRules(ctx, farm.Rules{}); farm.KindOf(err) != farm.Invalid {
		t.Errorf("a preview of rules that make no sense: %v", err)
	}
	about, err := view.About(ctx)
	if err != nil || about.Program != "1.0.0" || about.Store.Engine != "memory" || about.Store.Path != "" || about.Data != "" || about.Counts.InProgress != 1 ||
		about.Counts.Tokens != len(farm.Roles()) || about.Backup != nil || about.Disk == nil || about.Disk.Total < about.Disk.Free {
		t.Errorf("about %+v, %v", about, err)
	}
	about, err = h.client(farm.RoleAdmin).About(ctx)
	if err != nil || about.Store.Path != "nowhere" || about.Data != h.dir {
		t.Errorf("about, to an admin: %+v, %v", about, err)
	}
	h.worker(h.client(farm.RoleWorker), "worker-01", 1)
	past, err := view.WorkerHistory(ctx, "worker-01", wire.HistoryWish{Limit: 3, Before: "6"})
	if err != nil || len(past.Attempts) != 3 || past.Attempts[0].Seq != 5 || past.Next != "3" || past.Running == nil || past.CPU == nil {
		t.Errorf("history %+v, %v", past, err)
	}
	if past, err = view.WorkerHistory(ctx, "worker-01", wire.HistoryWish{Before: "6"}); err != nil || len(past.Attempts) != 0 || past.Attempts == nil {
		t.Errorf("history without attempts: %+v, %v", past, err)
	}
	hours, idle := "SAT-sun", 600
	set, err := h.client(farm.RoleAdmin).ChangeWorker(ctx, "worker-01", wire.WorkerChange{Hours: &hours, WhenIdle: &idle})
	if err != nil || set.Hours != "sat-sun" || set.WhenIdle != 600 || set.Schedule == nil || set.Schedule.Open {
		t.Errorf("the schedule: %+v, %v", set, err)
	}
	stats, err := view.Statistics(ctx, []farm.StatKey{farm.PerDay, farm.PerOwner}, "", "2026-11-30")
	if err != nil || stats.From != "2026-11-01" || stats.To != "2026-11-30" || len(stats.Rows) != 1 || stats.Rows[0].Done != 1 || stats.Total.Expired != 3 {
		t.Errorf("statistics %+v, %v", stats, err)
	}
	resp, table := h.send(farm.RoleView, "GET", wire.Root+"/statistics?by=day,job,owner,worker&from=2026-11-01&to=2026-11-02&format=csv", nil)
	const sheet = "day,job,job_name,owner,worker,worker_name,seconds,done,failed,expired\r\n2026-11-02,7,'=shot,\"anna, of course\",w1,oak,1.500,1,2,3\r\n"
	if string(table) != sheet || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("the table is %q %s", table, resp.Header)
	}
	for _, q := range []string{
		"statistics?by=week", "statistics?from=yesterday", "statistics?to=2026-02-30", "statistics?from=2026-11-02&to=2026-11-01", "statistics?format=xls",
		"workers/worker-01/history?hours=0", "workers/worker-01/history?hours=11", "workers/worker-01/history?before=x", "workers/worker-01/history?limit=1001",
	} {
		if resp, text := h.send(farm.RoleView, "GET", wire.Root+"/"+q, nil); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", q, resp.StatusCode, text)
		}
	}
	for _, minutes := range []string{"0", "61", "-1", "many"} {
		if resp, text := h.send(farm.RoleView, "GET", wire.Root+"/share?minutes="+minutes, nil); resp.StatusCode != 400 {
			t.Errorf("%s minutes: %d %s", minutes, resp.StatusCode, text)
		}
	}
}
