package master_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// TestPairingComparesKeys: a newcomer that did not see this master's key is not let in, whatever is typed.
func TestPairingComparesKeys(t *testing.T) {
	const own, other = "own key", "key of somebody between"
	for _, c := range []struct {
		name     string
		pin      string // of the master
		byName   bool
		commits  bool
		saw      string // by the newcomer; its letters are made of it
		typesAll bool
		says     bool // its nonce
		want     farm.Kind
		goesOn   bool // it may still be let in
	}{
		{name: "the same key", pin: own, commits: true, saw: own, typesAll: true, says: true},
		{name: "another key", pin: own, commits: true, saw: other, typesAll: true, says: true, want: farm.Mismatch},
		{name: "no letters typed", pin: own, commits: true, saw: own, says: true, want: farm.Invalid, goesOn: true},
		{name: "no nonce said yet", pin: own, commits: true, saw: own, typesAll: true, want: farm.Conflict, goesOn: true},
		{name: "letters that nobody promised", pin: own, saw: other, typesAll: true, want: farm.Mismatch},
		{name: "no encryption seen", pin: own, want: farm.Mismatch},
		{name: "known by its name", pin: own, byName: true},
		{name: "a key seen where the certificate has a name", pin: own, byName: true, commits: true, saw: own, typesAll: true, says: true},
		{name: "another key where the certificate has a name", pin: own, byName: true, commits: true, saw: other, typesAll: true, says: true, want: farm.Mismatch},
		{name: "plain"},
		{name: "a key where there is none", commits: true, saw: other, typesAll: true, says: true, want: farm.Mismatch},
		{name: "a key where there is none, not typed", commits: true, saw: other, says: true, want: farm.Mismatch},
		{name: "letters where there are none", saw: other, typesAll: true, want: farm.Mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			inFarm(t, func(b *bench) {
				b.pin, b.byName = c.pin, c.byName
				b.restart()
				ctx := context.Background()
				n := master.Newcomer{Name: "laptop", Role: farm.RoleSubmit}
				if c.commits {
					n.Commit = farm.PairCommit("nonce")
				}
				p, secret, err := b.m.AskPairing(ctx, n)
				if err != nil || p.Letters != c.commits {
					t.Fatal(p, err)
				}
				got := make(chan farm.PairState, 1)
				ask, stop := context.WithCancel(ctx)
				defer stop()
				go func() {
					nonce := ""
					if c.says {
						nonce = "nonce"
					}
					state, _, err := b.m.WaitPairing(ask, secret, nonce)
					if err != nil {
						t.Error(err)
					}
					got <- state
				}()
				synctest.Wait()
				typed := p.Code
				if c.typesAll {
					typed = farm.WholeCode(p.Code, farm.PairLetters(c.saw, p.Code, "nonce"))
				}
				_, err = b.m.AnswerPairing(ctx, root, typed, true)
				if farm.KindOf(err) != c.want {
					t.Fatalf("answered with %v", err)
				}
				tokens, err := b.m.Tokens(ctx)
				if err != nil || (len(tokens) > 0) != (c.want == "") {
					t.Fatalf("%d tokens, %v", len(tokens), err)
				}
				state := farm.PairAccepted
				switch {
				case c.goesOn:
					stop()
					state = farm.PairWaiting
				case c.want != "":
					state = farm.PairRefused
				}
				want(t, "state", <-got, state)
			})
		})
	}
}

func TestPromisedNonce(t *testing.T) {
	inFarm(t, func(b *bench) {
		_, secret, err := b.m.AskPairing(context.Background(), master.Newcomer{Name: "x", Role: farm.RoleView, Commit: farm.PairCommit("a")})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.m.WaitPairing(context.Background(), secret, "b"); farm.KindOf(err) != farm.Invalid {
			t.Fatalf("another nonce: %v", err)
		}
	})
}

// TestOneAnswer: of two who answer at once one is told so, and there is one token.
func TestOneAnswer(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		p, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: "laptop", Role: farm.RoleSubmit})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		kinds := make(chan farm.Kind, 20)
		for range 20 {
			all.Go(func() {
				_, err := b.m.AnswerPairing(ctx, root, p.Code, true)
				kinds <- farm.KindOf(err)
			})
		}
		all.Wait()
		good := 0
		for range 20 {
			switch kind := <-kinds; kind {
			case "":
				good++
			case farm.Conflict, farm.NotFound:
			default:
				t.Errorf("kind %s", kind)
			}
		}
		tokens, err := b.m.Tokens(ctx)
		if good != 1 || len(tokens) != 1 || err != nil {
			t.Fatalf("%d accepted, %d tokens, %v", good, len(tokens), err)
		}
	})
}
