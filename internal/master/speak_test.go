package master_test

import (
	"context"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// token makes a token and returns who its holder is.
func (b *bench) token(name string, role farm.Role) master.Identity {
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

func (b *bench) registerAs(who master.Identity, name string) (farm.WorkerID, error) {
	id := farm.WorkerID("worker-" + name)
	_, err := b.m.Register(context.Background(), who, farm.Registration{
		Protocol: farm.Protocol,
		ID:       id, Name: name, Slots: 1, Facts: farm.Facts{Blenders: []farm.Blender{{Version: farm.Version{Major: 4}}}, MemoryMB: 8000},
	})
	return id, err
}

// TestNobodySpeaksForAnother: what a worker's token may say of another token's worker changes nothing.
func TestNobodySpeaksForAnother(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, eve := b.token("oak", farm.RoleWorker), b.token("eve", farm.RoleWorker)
		id, err := b.registerAs(oak, "oak")
		if err != nil {
			t.Fatal(err)
		}
		job := b.submit("1-9")
		g, err := b.m.Claim(ctx, oak, farm.Wish{Worker: id})
		if err != nil || g == nil {
			t.Fatal(g, err)
		}
		for _, restart := range []bool{false, true} {
			if restart {
				b.restart()
			}
			if _, err := b.registerAs(eve, "oak"); farm.KindOf(err) != farm.Denied {
				t.Errorf("registered: %v", err)
			}
			if g, err := b.m.Claim(ctx, eve, farm.Wish{Worker: id}); farm.KindOf(err) != farm.NotFound {
				t.Errorf("claimed %v: %v", g, err)
			}
			if o, err := b.m.Heartbeat(ctx, eve, id, farm.Heartbeat{}); err != nil || !o.Unknown {
				t.Errorf("beat: %+v, %v", o, err)
			}
			r := farm.Result{Kind: farm.KindOutput, Name: "a.png", Size: 1, Ref: blob.RefOf([]byte("x")).String(), Frame: 1}
			if _, _, err := b.m.PutResult(ctx, eve, g.Lease.ID, id, r, 0, strings.NewReader("x")); farm.KindOf(err) != farm.Conflict {
				t.Errorf("sent a result: %v", err)
			}
			if err := b.m.AppendLog(ctx, eve, g.Lease.ID, id, 1, 0, strings.NewReader("x")); farm.KindOf(err) != farm.Conflict {
				t.Errorf("wrote a log: %v", err)
			}
			v, got, err := b.m.Report(ctx, eve, []farm.Report{reportOf(g, 1, farm.Rendered)}, &farm.Wish{Worker: id})
			if err != nil || v[0].Accepted || got != nil {
				t.Errorf("reported: %+v %v %v", v, got, err)
			}
		}
		want(t, "done", b.job(job.ID).Done, 0)
		v, _, err := b.m.Report(ctx, oak, []farm.Report{reportOf(g, 1, farm.Rendered)}, nil)
		if err != nil || !v[0].Accepted {
			t.Fatalf("the worker itself: %+v %v", v, err)
		}
		// An admin speaks for every worker, and does not take it away.
		if _, err := b.registerAs(root, "oak"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.registerAs(oak, "oak"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRevokedWorker: what it held is another's at once, and its machine comes back with another token.
func TestRevokedWorker(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		first, second := b.token("oak", farm.RoleWorker), b.token("oak", farm.RoleWorker)
		id, err := b.registerAs(first, "oak")
		if err != nil {
			t.Fatal(err)
		}
		job := b.submit("1")
		if g, err := b.m.Claim(ctx, first, farm.Wish{Worker: id}); g == nil {
			t.Fatal(err)
		}
		if _, err := b.registerAs(second, "oak"); farm.KindOf(err) != farm.Denied {
			t.Fatalf("a living token's worker was taken: %v", err)
		}
		if err := b.m.RevokeToken(ctx, root, first.Token); err != nil {
			t.Fatal(err)
		}
		want(t, "running", b.job(job.ID).Running, 0)
		list, err := b.m.Workers(ctx)
		if err != nil || list[0].Online {
			t.Fatalf("%+v %v", list, err)
		}
		elm := b.worker("elm", 1)
		want(t, "leased to another", frames(b.claim(elm, 0)), "1")
		if _, err := b.registerAs(second, "oak"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWorkersReadWhatIsLeased: files of other jobs are not there for a worker's token.
func TestWorkersReadWhatIsLeased(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak, elm := b.token("oak", farm.RoleWorker), b.token("elm", farm.RoleWorker)
		id, err := b.registerAs(oak, "oak")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.registerAs(elm, "elm"); err != nil {
			t.Fatal(err)
		}
		job := b.submit("1-2")
		ref, other := blob.RefOf([]byte("a scene")), blob.RefOf([]byte("another"))
		may := func(what string, who master.Identity, should bool) {
			t.Helper()
			list, fetch, not := b.m.MaySee(ctx, who, job.ID), b.m.MayFetch(ctx, who, ref), b.m.MayFetch(ctx, who, other)
			for _, err := range []error{list, fetch} {
				if (err == nil) != should || err != nil && farm.KindOf(err) != farm.NotFound {
					t.Errorf("%s: list %v, fetch %v", what, list, fetch)
				}
			}
			if (not == nil) != (who.Role == farm.RoleAdmin) {
				t.Errorf("%s: a file of no job: %v", what, not)
			}
		}
		may("before the lease", oak, false)
		g, err := b.m.Claim(ctx, oak, farm.Wish{Worker: id})
		if err != nil || g == nil {
			t.Fatal(g, err)
		}
		may("with the lease", oak, true)
		may("another worker", elm, false)
		may("an admin", root, true)
		b.restart()
		may("after a restart", oak, true)
		if _, _, err := b.m.Report(ctx, oak, []farm.Report{reportOf(g, 1, farm.HandedBack)}, nil); err != nil {
			t.Fatal(err)
		}
		may("after the lease", oak, false)
		if err := b.m.MaySee(ctx, master.Identity{Token: "v", Role: farm.RoleView}, job.ID); err != nil {
			t.Errorf("a viewer: %v", err)
		}
	})
}

// TestLetInAgain: a machine that lost its token takes its worker up again when an admin lets it in, and nobody else
// does by a name.
func TestLetInAgain(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		old := b.token("oak", farm.RoleWorker)
		id, err := b.registerAs(old, "oak")
		if err != nil {
			t.Fatal(err)
		}
		job := b.submit("1")
		if g, err := b.m.Claim(ctx, old, farm.Wish{Worker: id}); g == nil {
			t.Fatal(err)
		}
		p, secret, err := b.m.AskPairing(ctx, master.Newcomer{Name: "oak", Role: farm.RoleWorker, Worker: id, Address: "10.0.0.9"})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the admin is told", p.Again, "oak")
		if _, err := b.m.AnswerPairing(ctx, root, p.Code, true); err != nil {
			t.Fatal(err)
		}
		_, token, err := b.m.WaitPairing(ctx, secret, "")
		if err != nil {
			t.Fatal(err)
		}
		who, err := b.m.Authenticate(token, "10.0.0.9")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.registerAs(who, "oak"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.registerAs(old, "oak"); farm.KindOf(err) != farm.Denied {
			t.Fatalf("the old token: %v", err)
		}
		want(t, "its lease goes on", b.job(job.ID).Running, 1)
		for _, n := range []master.Newcomer{
			{Name: "x", Role: farm.RoleSubmit, Worker: id}, {Name: "x", Role: farm.RoleWorker, Worker: "a b c d e f"},
		} {
			if _, _, err := b.m.AskPairing(ctx, n); farm.KindOf(err) != farm.Invalid {
				t.Errorf("%+v: %v", n, err)
			}
		}
	})
}
