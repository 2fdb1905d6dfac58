package api

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// TestWorkersReadWhatIsLeased: through the door, too.
func TestWorkersReadWhatIsLeased(t *testing.T) {
	h := open(t)
	c, ctx := h.client(farm.RoleWorker), within(t)
	h.worker(c, "worker-01", 1)
	mine, other := h.submit("1"), h.submit("2-3")
	grant, err := c.Claim(ctx, farm.Wish{Worker: "worker-01"})
	if err != nil || grant == nil || grant.Lease.Job != mine.ID {
		t.Fatal(grant, err)
	}
	for _, job := range []struct {
		id    farm.JobID
		scene string
		may   bool
	}{{mine.ID, "BLENDER of 1", true}, {other.ID, "BLENDER of 2-3", false}} {
		var got bytes.Buffer
		if err := c.FetchBlob(ctx, blob.RefOf([]byte(job.scene)).String(), &got); (err == nil) != job.may || (got.String() == job.scene) != job.may {
			t.Errorf("job %d: %q, %v", job.id, got.String(), err)
		}
		var files []farm.File
		var failed error
		for f, err := range c.Files(ctx, job.id) {
			files, failed = append(files, f), err
		}
		if (failed == nil) != job.may {
			t.Errorf("job %d: files %v, %v", job.id, files, failed)
		}
		if _, err := c.Job(ctx, job.id); farm.KindOf(err) != farm.Denied {
			t.Errorf("job %d is shown: %v", job.id, err)
		}
	}
	who, err := c.Whoami(ctx)
	if err != nil || who.Role != farm.RoleWorker || who.Token != h.tokens[farm.RoleWorker].ID {
		t.Errorf("%+v, %v", who, err)
	}
	if err := h.client(farm.RoleView).FetchBlob(ctx, blob.RefOf([]byte("BLENDER of 1")).String(), io.Discard); farm.KindOf(err) != farm.Denied {
		t.Errorf("a viewer fetched a scene: %v", err)
	}
}

// TestCodesAreForAdmins: who asks to be let in is told to nobody else.
func TestCodesAreForAdmins(t *testing.T) {
	h := open(t)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	seen := map[farm.Role]chan farm.Event{}
	for _, role := range []farm.Role{farm.RoleAdmin, farm.RoleSubmit, farm.RoleView} {
		seen[role] = make(chan farm.Event, 100)
		go func() {
			for e, err := range h.client(role).Events(ctx, wire.EventFilter{}) {
				if err != nil {
					return
				}
				seen[role] <- e
			}
		}()
	}
	for role, events := range seen {
		if e := <-events; e.Kind != farm.EventLost { // the stream stands
			t.Fatalf("%s saw %+v first", role, e)
		}
	}
	anna := master.Identity{Name: "anna", Role: farm.RoleAdmin}
	if err := h.m.Note(ctx, anna, farm.DidVerify, "", ""); err != nil {
		t.Fatal(err)
	}
	if e := <-seen[farm.RoleAdmin]; e.Kind != farm.EventAudit || e.State != string(farm.DidVerify) || e.Text != "anna" {
		t.Errorf("an admin saw %+v", e)
	}
	if _, _, err := h.m.AskPairing(ctx, master.Newcomer{Name: "box", Role: farm.RoleWorker}); err != nil {
		t.Fatal(err)
	}
	h.submit("1") // after the pairing
	for role, events := range seen {
		e := <-events
		if (e.Kind == farm.EventPair) != (role == farm.RoleAdmin) {
			t.Errorf("%s saw %+v", role, e)
		}
	}
}
