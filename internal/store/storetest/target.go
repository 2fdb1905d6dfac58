package storetest

import (
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

func targets(t *testing.T, s Store) {
	waits := func(target, id string) farm.PendingAdd {
		return farm.PendingAdd{Pending: farm.Pending{Target: target, Message: farm.Message{ID: id, Text: "shot is done", Time: noon}}}
	}
	left := func(want ...string) {
		t.Helper()
		got := []string{}
		for _, p := range must(s.Load(ctx, 0))(t).Pending {
			got = append(got, p.Target+" "+p.Message.ID)
		}
		same(t, "pending", want, got)
	}
	apply(t, s, farm.TargetSet{Target: farm.Target{ID: "b"}}, farm.TargetSet{Target: farm.Target{ID: "a", Name: "chat"}},
		waits("b", "m1"), waits("a", "m2"), waits("b", "m3"), waits("gone", "m1"))
	left("b m1", "a m2", "b m3")
	apply(t, s, waits("b", "m1"), waits("b", "m2"))
	left("b m1", "a m2", "b m3", "b m2")
	apply(t, s, farm.PendingEnd{Target: "b", Messages: []string{"m1", "m2", "none"}}, farm.PendingEnd{Target: "a"}, farm.PendingEnd{Target: "none", Messages: []string{"m3"}})
	left("a m2", "b m3")
	apply(t, s, waits("b", "m4"), farm.TargetDelete{ID: "b"}, farm.TargetDelete{ID: "none"}, waits("b", "m5"))
	left("a m2")
	same(t, "targets", []farm.Target{{ID: "a", Name: "chat"}}, must(s.Load(ctx, 0))(t).Targets)
	isKind(t, s.Apply(ctx, []farm.Change{waits("a", "m9"), farm.TargetDelete{ID: "a"}, farm.JobAdd{Job: newJob(1, 1)}, done(1, 1, 0), done(1, 2, 0)}), farm.Internal)
	left("a m2")
}
