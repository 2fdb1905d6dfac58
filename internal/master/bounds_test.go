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

func TestTheLastAdminStays(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		first, second := b.token("one", farm.RoleAdmin), b.token("two", farm.RoleAdmin)
		if err := b.m.RevokeToken(ctx, root, first.Token); err != nil {
			t.Fatal(err)
		}
		err := b.m.RevokeToken(ctx, second, second.Token)
		if farm.KindOf(err) != farm.Conflict {
			t.Fatalf("the last one was revoked: %v", err)
		}
		third := b.token("three", farm.RoleAdmin)
		if err := b.m.RevokeToken(ctx, third, second.Token); err != nil {
			t.Fatal(err)
		}
	})
}

// TestNobodyFillsTheQueue: twenty addresses take all places, and a newcomer from another one still finds his.
func TestNobodyFillsTheQueue(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		ask := func(address string) (farm.Pairing, error) {
			time.Sleep(time.Second)
			p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "x", Role: farm.RoleView, Address: address})
			return p, err
		}
		mine, err := ask("192.168.0.1")
		if err != nil {
			t.Fatal(err)
		}
		for host := range 25 {
			for range 5 {
				if _, err := ask(fmt.Sprintf("10.0.0.%d", host)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ask(fmt.Sprintf("10.0.0.%d", host)); farm.KindOf(err) != farm.Throttled {
				t.Fatalf("six of one: %v", err)
			}
		}
		late, err := ask("192.168.0.2")
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.m.Pairings(ctx)
		if err != nil || len(list) != 100 {
			t.Fatalf("%d wait, %v", len(list), err)
		}
		for _, p := range []farm.Pairing{mine, late} {
			if _, err := b.m.AnswerPairing(ctx, root, p.Code, true); err != nil {
				t.Errorf("%s from %s was pushed out: %v", p.Code, p.Address, err)
			}
		}
		for host := range 8 { // a household of IPv6 is one
			_, err := ask(fmt.Sprintf("2001:db8::%d", host+1))
			if (err != nil) != (host >= 5) {
				t.Errorf("address %d of one network: %v", host, err)
			}
		}
	})
}

// TestWorkersAreBounded: those that are gone make room, of the token that has too many.
func TestWorkersAreBounded(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, cloud := b.token("oak", farm.RoleWorker), b.token("cloud", farm.RoleWorker)
		if _, err := b.registerAs(oak, "oak"); err != nil {
			t.Fatal(err)
		}
		for i := range 5000 {
			if _, err := b.registerAs(cloud, fmt.Sprintf("cloud-%05d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.registerAs(cloud, "cloud-more"); farm.KindOf(err) != farm.TooLarge {
			t.Fatalf("5,001 workers that are there: %v", err)
		}
		time.Sleep(time.Minute) // they fall silent
		if _, err := b.registerAs(cloud, "cloud-more"); err != nil {
			t.Fatal(err)
		}
		list, err := b.m.Workers(ctx)
		if err != nil || len(list) != 5001 || list[len(list)-1].Worker.Name != "oak" {
			t.Fatalf("%d workers, %v", len(list), err)
		}
		_, err = b.m.Register(ctx, oak, farm.Registration{ID: "worker-big", Name: "big", Slots: 1, Facts: farm.Facts{CPU: strings.Repeat("x", 100_000)}})
		if farm.KindOf(err) != farm.TooLarge {
			t.Fatalf("a worker of 100 kB: %v", err)
		}
	})
}
