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
	for _, minutes := range []string{"0", "61", "-1", "many"} {
		if resp, text := h.send(farm.RoleView, "GET", wire.Root+"/share?minutes="+minutes, nil); resp.StatusCode != 400 {
			t.Errorf("%s minutes: %d %s", minutes, resp.StatusCode, text)
		}
	}
}
