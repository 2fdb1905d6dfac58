package master_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// registerAt registers a worker that is seen at an address and has a door there, and returns the key of the door.
func (b *bench) registerAt(who master.Identity, name string, door *farm.PeerDoor, fresh bool) (farm.WorkerID, *farm.PeerKey) {
	b.t.Helper()
	id := farm.WorkerID("worker-" + name)
	out, err := b.m.Register(context.Background(), who, farm.Registration{
		Protocol: farm.Protocol, ID: id, Name: name, Slots: 1, Peer: door, Fresh: fresh,
		Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return id, out.Peer
}

func (b *bench) tokenAt(name string, n int) master.Identity {
	who := b.token(name, farm.RoleWorker)
	who.Address = fmt.Sprintf("10.0.0.%d", n)
	return who
}

var sceneRef = blob.RefOf([]byte("a scene"))

// TestSources: who may fetch a file is led to who has it, with a ticket that opens that door to it; nobody else is.
func TestSources(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oakToken, elmToken, ashToken := b.tokenAt("oak", 1), b.tokenAt("elm", 2), b.tokenAt("ash", 3)
		pin := strings.Repeat("a", 64)
		oak, key := b.registerAt(oakToken, "oak", &farm.PeerDoor{Port: 99, Pin: pin, Addresses: []string{
			"10.0.0.1", "192.168.7.7", "127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "fd00::5", "not an address", "host.name", "fe80::1%eth0",
		}}, true)
		elm, _ := b.registerAt(elmToken, "elm", nil, true)
		ash, _ := b.registerAt(ashToken, "ash", nil, true)
		b.submit("1-2")
		ask := func(who master.Identity, q farm.SourceQuestion) (farm.Source, error) {
			q.Size = 100
			return b.m.Sources(ctx, who, sceneRef, q)
		}
		if _, err := ask(oakToken, farm.SourceQuestion{Worker: oak, Have: 100}); err != nil { // news; what it has is no secret of ours
			t.Fatal(err)
		}
		if g, err := b.m.Claim(ctx, elmToken, farm.Wish{Worker: elm}); g == nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			who  master.Identity
			q    farm.SourceQuestion
			kind farm.Kind
		}{
			"no lease":                {ashToken, farm.SourceQuestion{Worker: ash}, farm.NotFound},
			"for another":             {elmToken, farm.SourceQuestion{Worker: ash}, farm.NotFound},
			"news of another":         {elmToken, farm.SourceQuestion{Worker: ash, Have: 100}, farm.NotFound},
			"for nobody":              {elmToken, farm.SourceQuestion{Worker: "worker-nobody"}, farm.NotFound},
			"less than nothing":       {elmToken, farm.SourceQuestion{Worker: elm, Have: -1}, farm.Invalid},
			"more complaints than is": {elmToken, farm.SourceQuestion{Worker: elm, Failed: make([]farm.SourceFault, 1000)}, farm.Invalid},
		} {
			if s, err := ask(c.who, c.q); farm.KindOf(err) != c.kind {
				t.Errorf("%s: %+v, %v", what, s, err)
			}
		}
		s, err := ask(elmToken, farm.SourceQuestion{Worker: elm})
		if err != nil || s.Peer == nil {
			t.Fatalf("%+v, %v", s, err)
		}
		if p := s.Peer; p.Worker != oak || p.Name != "oak" || p.Pin != pin || p.SilentMS < 1000 || s.AgainMS <= 0 ||
			!slices.Equal(p.Addresses, []string{"10.0.0.1:99", "192.168.7.7:99", "[fd00::5]:99"}) {
			t.Errorf("led to %+v", p)
		}
		secret, err := hex.DecodeString(key.Key)
		if err != nil || len(secret) != sha256.Size {
			t.Fatalf("the key is %q", key.Key)
		}
		opens := func(key []byte, door farm.WorkerID, ref blob.Ref, after time.Duration) bool {
			who, ok := farm.CheckTicket([32]byte(key), door, ref.String(), s.Peer.Ticket, time.Now().Add(after))
			return ok && who == elm
		}
		if !opens(secret, oak, sceneRef, time.Minute) || opens(secret, oak, sceneRef, time.Hour) || opens(secret, ash, sceneRef, 0) ||
			opens(secret, oak, blob.RefOf([]byte("x")), 0) || opens(make([]byte, 32), oak, sceneRef, 0) {
			t.Error("the ticket opens what it should not, or not what it should")
		}
		if _, again := b.registerAt(oakToken, "oak", nil, false); again.Key == key.Key {
			t.Error("the key is the same at the next registration")
		}
	})
}

// TestSourcesLeave: a worker that says goodbye, falls silent, is drained, disabled, forgotten or started anew is not
// offered any more.
func TestSourcesLeave(t *testing.T) {
	door := &farm.PeerDoor{Port: 99}
	for what, end := range map[string]func(b *bench, who master.Identity, id farm.WorkerID) error{
		"says goodbye": func(b *bench, who master.Identity, id farm.WorkerID) error {
			_, err := b.m.Heartbeat(context.Background(), who, id, farm.Heartbeat{Leaves: true})
			return err
		},
		"silent": func(*bench, master.Identity, farm.WorkerID) error {
			time.Sleep(time.Hour) // of virtual time
			return nil
		},
		"has it no more": func(b *bench, who master.Identity, id farm.WorkerID) error {
			_, err := b.m.Sources(context.Background(), who, sceneRef, farm.SourceQuestion{Worker: id, Gone: true})
			return err
		},
		"drained": func(b *bench, _ master.Identity, id farm.WorkerID) error {
			_, err := b.m.ChangeWorker(context.Background(), root, id, func(w *farm.Worker) { w.Draining = true })
			return err
		},
		"disabled": func(b *bench, _ master.Identity, id farm.WorkerID) error {
			_, err := b.m.ChangeWorker(context.Background(), root, id, func(w *farm.Worker) { w.Enabled = false })
			return err
		},
		"forgotten": func(b *bench, _ master.Identity, id farm.WorkerID) error {
			return b.m.DeleteWorker(context.Background(), root, id)
		},
		"anew": func(b *bench, who master.Identity, id farm.WorkerID) error {
			b.registerAt(who, "oak", door, true)
			return nil
		},
		"its token is revoked": func(b *bench, who master.Identity, id farm.WorkerID) error {
			return b.m.RevokeToken(context.Background(), root, who.Token)
		},
	} {
		t.Run(what, func(t *testing.T) {
			inFarm(t, func(b *bench) {
				ctx := context.Background()
				who := b.tokenAt("oak", 1)
				oak, _ := b.registerAt(who, "oak", door, true)
				admin := root
				admin.Address = "10.0.0.2"
				asks := func() farm.WorkerID {
					id, _ := b.registerAt(admin, "elm", nil, true)
					s, err := b.m.Sources(ctx, admin, sceneRef, farm.SourceQuestion{Worker: id, Size: 100})
					if err != nil {
						t.Fatal(err)
					}
					if s.Peer == nil {
						return ""
					}
					return s.Peer.Worker
				}
				if _, err := b.m.Sources(ctx, who, sceneRef, farm.SourceQuestion{Worker: oak, Size: 100, Have: 100}); err != nil {
					t.Fatal(err)
				}
				if got := asks(); got != oak {
					t.Fatalf("led to %q before", got)
				}
				if err := end(b, who, oak); err != nil {
					t.Fatal(err)
				}
				if got := asks(); got != "" {
					t.Errorf("led to %q", got)
				}
			})
		})
	}
}
