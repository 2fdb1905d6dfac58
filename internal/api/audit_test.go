package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestAuditIsFollowed: a page, the page before, and what comes from then on, at once.
func TestAuditIsFollowed(t *testing.T) {
	h := open(t)
	admin, ctx := h.client(farm.RoleAdmin), within(t)
	page, err := admin.Audit(ctx, farm.AuditFilter{Limit: 3}, 0)
	if err != nil || len(page.Entries) != 3 || page.Next != page.Entries[2].Seq || page.Entries[0].Action != farm.DidMakeToken {
		t.Fatalf("%+v %v", page, err)
	}
	before, err := admin.Audit(ctx, farm.AuditFilter{Limit: 3, Before: page.Next}, 0)
	if err != nil || len(before.Entries) != 1 || before.Next != 0 || before.Entries[0].Seq >= page.Next {
		t.Fatalf("%+v %v", before, err)
	}
	got := make(chan wire.AuditList, 1)
	go func() {
		list, err := admin.Audit(ctx, farm.AuditFilter{After: page.Entries[0].Seq, Limit: 9}, time.Minute)
		if err != nil {
			t.Error(err)
		}
		got <- list
	}()
	job := h.submit("1")
	list := <-got
	if len(list.Entries) != 1 || list.Entries[0].Action != farm.DidSubmit || list.Entries[0].Subject != job.ID.String() || list.Entries[0].Address != "127.0.0.1" {
		t.Errorf("%+v", list)
	}
	if _, err := h.client(farm.RoleSubmit).Audit(ctx, farm.AuditFilter{Limit: 1}, 0); farm.KindOf(err) != farm.Denied {
		t.Errorf("an artist reads it: %v", err)
	}
}

// TestChoresAreRecorded: who has the farm cleaned or verified by hand changes nothing that is kept, and is recorded.
func TestChoresAreRecorded(t *testing.T) {
	h := open(t)
	admin, ctx := h.client(farm.RoleAdmin), within(t)
	newest := func() farm.Audit {
		list, err := admin.Audit(ctx, farm.AuditFilter{Limit: 1}, 0)
		if err != nil || len(list.Entries) != 1 {
			t.Fatal(list, err)
		}
		return list.Entries[0]
	}
	was := newest().Seq
	h.send(farm.RoleAdmin, http.MethodPost, wire.Root+"/cleaning/run?dry=1", nil)
	if newest().Seq != was {
		t.Error("a look at what would be cleaned is recorded")
	}
	for path, action := range map[string]farm.Action{"/cleaning/run": farm.DidClean, "/verify": farm.DidVerify} {
		if resp, text := h.send(farm.RoleAdmin, http.MethodPost, wire.Root+path, nil); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
		}
		if a := newest(); a.Action != action || a.Token != h.tokens[farm.RoleAdmin].ID {
			t.Errorf("%s: %+v", path, a)
		}
	}
	h.store.mu.Lock()
	h.store.fail = farm.Errorf(farm.NoRoom, "the disk is full")
	h.store.mu.Unlock()
	for path, want := range map[string]int{"/cleaning/run": 507, "/verify": 200, "/verify?repair=1": 507} { // a look is free
		if resp, text := h.send(farm.RoleAdmin, http.MethodPost, wire.Root+path, nil); resp.StatusCode != want {
			t.Errorf("%s on a full disk: %d %s", path, resp.StatusCode, text)
		}
	}
}
