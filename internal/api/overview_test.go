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
	for _, minutes := range []string{"0", "61", "-1", "many"} {
		if resp, text := h.send(farm.RoleView, "GET", wire.Root+"/share?minutes="+minutes, nil); resp.StatusCode != 400 {
			t.Errorf("%s minutes: %d %s", minutes, resp.StatusCode, text)
		}
	}
}
