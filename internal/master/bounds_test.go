package master_test

import (
	"context"
	"fmt"
	"slices"
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

// TestNobodyFillsTheQueue: a few addresses take all places, and a newcomer from another one still finds his.
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
		for host := range 4 {
			for n := range 30 {
				_, err := ask(fmt.Sprintf("10.0.0.%d", host))
				if full := n >= 25 || host == 3 && n >= 24; full != (farm.KindOf(err) == farm.Throttled) || !full && err != nil {
					t.Fatalf("number %d from host %d: %v", n+1, host, err)
				}
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
	})
}

func TestANetworkHasFewPlaces(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		for host := range 28 { // a household of IPv6 is one
			_, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "x", Role: farm.RoleView, Address: fmt.Sprintf("2001:db8::%x", host+1)})
			if (err != nil) != (host >= 25) {
				t.Errorf("address %d of one network: %v", host, err)
			}
		}
	})
}

// TestALabIsLetIn: when more machines are started together than may wait, those who wait keep their codes.
func TestALabIsLetIn(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		var first farm.Pairing
		for host := range 130 {
			p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "x", Role: farm.RoleWorker, Address: fmt.Sprintf("10.0.0.%d", host)})
			if (farm.KindOf(err) == farm.Throttled) != (host >= 100) {
				t.Fatalf("machine %d: %v", host+1, err)
			}
			if host == 0 {
				first = p
			}
		}
		if _, err := b.m.AnswerPairing(ctx, root, first.Code, true); err != nil {
			t.Errorf("the first one lost its place: %v", err)
		}
	})
}

// TestWorkersAreBounded: those that are gone make room, of the token that has too many or else of all.
func TestWorkersAreBounded(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		master.Narrow(b.m, 60, 50)
		oak, cloud, elm := b.token("oak", farm.RoleWorker), b.token("cloud", farm.RoleWorker), b.token("elm", farm.RoleWorker)
		register := func(who master.Identity, name string) error {
			_, err := b.registerAs(who, name)
			return err
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(register(oak, "oak"))
		time.Sleep(time.Second)
		for i := range 50 {
			must(register(cloud, fmt.Sprintf("cloud-%02d", i)))
			time.Sleep(time.Millisecond)
		}
		if err := register(cloud, "cloud-more"); farm.KindOf(err) != farm.TooLarge {
			t.Fatalf("51 workers that are there: %v", err)
		}
		must(register(cloud, "cloud-07")) // it is known
		known := func(name string) bool {
			list, err := b.m.Workers(ctx)
			must(err)
			return slices.ContainsFunc(list, func(v master.WorkerView) bool { return v.Worker.Name == name })
		}
		time.Sleep(time.Minute) // they fall silent
		must(register(cloud, "cloud-more"))
		if known("cloud-00") || !known("oak") || !known("cloud-01") {
			t.Error("the wrong one made room for one of the cloud")
		}
		for i := range 9 {
			must(register(elm, fmt.Sprintf("elm-%d", i)))
		}
		if !known("oak") {
			t.Error("there was room")
		}
		must(register(elm, "elm-more"))
		if known("oak") || !known("cloud-01") {
			t.Error("the wrong one made room for the 61st")
		}
		_, err := b.m.Register(ctx, oak, farm.Registration{ID: "worker-big", Name: "big", Slots: 1, Protocol: farm.Protocol, Facts: farm.Facts{Program: "test", CPU: strings.Repeat("x", 100_000)}})
		if farm.KindOf(err) != farm.TooLarge {
			t.Fatalf("a worker of 100 kB: %v", err)
		}
	})
}
