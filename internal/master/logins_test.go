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

// holder makes a token and returns who holds it.
func (b *bench) holder(name string, role farm.Role) master.Identity {
	b.t.Helper()
	_, secret, err := b.m.CreateToken(context.Background(), root, name, role)
	if err != nil {
		b.t.Fatal(err)
	}
	who, err := b.m.Authenticate(secret, "10.0.0.7")
	if err != nil {
		b.t.Fatal(err)
	}
	return who
}

func (b *bench) link(who master.Identity) string {
	b.t.Helper()
	secret, _, err := b.m.AskLogin(context.Background(), who)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret
}

func (b *bench) logIn(who master.Identity) (cookie string) {
	b.t.Helper()
	cookie, err := b.m.LogIn(context.Background(), b.link(who), "10.0.0.7", "Browser/1.0")
	if err != nil {
		b.t.Fatal(err)
	}
	return cookie
}

func (b *bench) loggedIn(cookie string) bool {
	_, err := b.m.LoggedIn(cookie, "10.0.0.7")
	if err != nil && farm.KindOf(err) != farm.Denied {
		b.t.Fatal(err)
	}
	return err == nil
}

func TestALoginLinkWorksOnceAndForTenMinutes(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		anna := b.holder("anna", farm.RoleSubmit)
		secret, expires, err := b.m.AskLogin(ctx, anna)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "it lives for", time.Until(expires), 10*time.Minute)
		cookie, err := b.m.LogIn(ctx, secret, "10.0.0.7", "Browser/1.0")
		if err != nil {
			t.Fatal(err)
		}
		who, err := b.m.LoggedIn(cookie, "10.0.0.8")
		if err != nil || who.Name != "anna" || who.Role != farm.RoleSubmit || who.Address != "10.0.0.8" || who.Login == "" {
			t.Fatalf("who: %+v, %v", who, err)
		}
		if _, err := b.m.LogIn(ctx, secret, "10.0.0.7", ""); farm.KindOf(err) != farm.Denied {
			t.Fatalf("the link worked twice: %v", err)
		}
		late := b.link(anna)
		time.Sleep(10 * time.Minute)
		if _, err := b.m.LogIn(ctx, late, "10.0.0.9", ""); farm.KindOf(err) != farm.Denied {
			t.Fatalf("the link worked after ten minutes: %v", err)
		}
		if _, _, err := b.m.AskLogin(ctx, b.holder("oak", farm.RoleWorker)); farm.KindOf(err) != farm.Denied {
			t.Fatalf("a worker got a link: %v", err)
		}
		for _, wrong := range []string{"", cookie + "x", cookie[1:], who.Login, secret} {
			if b.loggedIn(wrong) {
				t.Errorf("the cookie %q was taken", wrong)
			}
		}
	})
}

func TestLoginsAreKeptHashedOverRestarts(t *testing.T) {
	inFarm(t, func(b *bench) {
		cookie := b.logIn(b.holder("anna", farm.RoleSubmit))
		if len(b.store.logins) != 1 {
			t.Fatalf("%d logins are kept", len(b.store.logins))
		}
		for _, kept := range b.store.logins {
			if text := fmt.Sprintf("%+v", kept); strings.Contains(text, cookie) || len(kept.Hash) != 64 {
				t.Fatalf("kept as %s", text)
			}
		}
		b.restart()
		want(t, "still logged in", b.loggedIn(cookie), true)
	})
}

func TestWrongLinksAreLimitedByAddress(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		anna := b.holder("anna", farm.RoleSubmit)
		try := func(secret, address string) farm.Kind {
			_, err := b.m.LogIn(ctx, secret, address, "")
			return farm.KindOf(err)
		}
		for n := range 10 {
			want(t, fmt.Sprintf("wrong link %d", n+1), try(fmt.Sprint("wrong", n), fmt.Sprintf("fd00::%d", n)), farm.Denied)
		}
		secret := b.link(anna)
		want(t, "a right link from that network", try(secret, "fd00::77"), farm.Throttled)
		want(t, "the same link from elsewhere", try(secret, "10.0.0.7"), farm.Kind(""))
		time.Sleep(10 * time.Minute)
		want(t, "a right link ten minutes later", try(b.link(anna), "fd00::77"), farm.Kind(""))
	})
}

func TestLoginsEnd(t *testing.T) {
	ctx := context.Background()
	gone := func(b *bench, cookie string, ended <-chan struct{}) {
		b.t.Helper()
		<-ended // what the browser has open is told
		if b.loggedIn(cookie) {
			b.t.Error("still logged in")
		}
		if len(b.store.logins) != 0 {
			b.t.Errorf("%d logins are kept", len(b.store.logins))
		}
		b.restart()
		if b.loggedIn(cookie) {
			b.t.Error("logged in again after a restart")
		}
	}
	who := func(b *bench, cookie string) master.Identity {
		who, err := b.m.LoggedIn(cookie, "")
		if err != nil {
			b.t.Fatal(err)
		}
		return who
	}
	t.Run("at logout", func(t *testing.T) {
		inFarm(t, func(b *bench) {
			anna := b.holder("anna", farm.RoleSubmit)
			cookie, other := b.logIn(anna), b.logIn(anna)
			id, ended := who(b, cookie), b.m.Revoked(who(b, cookie))
			if err := b.m.EndLogin(ctx, who(b, other), id.Login); farm.KindOf(err) != farm.NotFound {
				t.Fatalf("another browser ended it: %v", err)
			}
			if err := b.m.EndLogin(ctx, who(b, other), who(b, other).Login); err != nil {
				t.Fatal(err)
			}
			want(t, "still logged in", b.loggedIn(cookie), true)
			if err := b.m.EndLogin(ctx, root, id.Login); err != nil {
				t.Fatal(err)
			}
			gone(b, cookie, ended)
		})
	})
	t.Run("with its token", func(t *testing.T) {
		inFarm(t, func(b *bench) {
			anna := b.holder("anna", farm.RoleSubmit)
			cookie, unused := b.logIn(anna), b.link(anna)
			ended := b.m.Revoked(who(b, cookie))
			if err := b.m.RevokeToken(ctx, root, anna.Token); err != nil {
				t.Fatal(err)
			}
			if _, err := b.m.LogIn(ctx, unused, "10.0.0.7", ""); farm.KindOf(err) != farm.Denied {
				t.Errorf("a link of a revoked token: %v", err)
			}
			<-b.m.Revoked(anna) // who was let in a moment before is told, too
			gone(b, cookie, ended)
		})
	})
	t.Run("after thirty days without a visit", func(t *testing.T) {
		inFarm(t, func(b *bench) {
			pass := func(days int) { // with nobody ticking, months pass at once
				b.stop()
				time.Sleep(time.Duration(days) * 24 * time.Hour)
				b.start()
			}
			cookie := b.logIn(b.holder("anna", farm.RoleSubmit))
			pass(29)
			want(t, "logged in after 29 days", b.loggedIn(cookie), true)
			time.Sleep(2 * time.Second) // the visit is kept
			pass(29)
			want(t, "logged in 29 days after the visit", b.loggedIn(cookie), true)
			time.Sleep(2 * time.Second)
			b.stop() // the master does not see to it, but lets nobody in
			time.Sleep(30 * 24 * time.Hour)
			want(t, "logged in after 30 days", b.loggedIn(cookie), false)
			if list, err := b.m.Logins(ctx); err != nil || len(list) != 0 {
				t.Errorf("logins: %+v, %v", list, err)
			}
			b.start()
			time.Sleep(2 * time.Second)
			b.store.mu.Lock()
			defer b.store.mu.Unlock()
			want(t, "kept", len(b.store.logins), 0)
		})
	})
}

func TestLoginsAndLinksAreBounded(t *testing.T) {
	inFarm(t, func(b *bench) {
		anna, ben := b.holder("anna", farm.RoleSubmit), b.holder("ben", farm.RoleView)
		first := b.link(anna)
		bens := b.logIn(ben)
		cookies := make([]string, 51)
		for i := range cookies {
			cookies[i] = b.logIn(anna)
			time.Sleep(time.Millisecond)
		}
		want(t, "the first", b.loggedIn(cookies[0]), false)
		want(t, "the second", b.loggedIn(cookies[1]), true)
		want(t, "another's", b.loggedIn(bens), true)
		want(t, "kept", len(b.store.logins), 51)
		list, err := b.m.Logins(context.Background())
		if err != nil || len(list) != 51 || list[0].Name != "anna" || list[0].Browser != "Browser/1.0" || list[0].Hash != "" {
			t.Fatalf("logins: %d, %+v, %v", len(list), list[0], err)
		}
		for range 10 {
			b.link(anna)
		}
		if _, err := b.m.LogIn(context.Background(), first, "10.0.0.7", ""); farm.KindOf(err) != farm.Denied {
			t.Fatalf("the eleventh link of a token: %v", err)
		}
	})
}
