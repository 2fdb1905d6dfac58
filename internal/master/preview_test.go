package master_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

func TestBalanceAsTheBalancerSeesIt(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 3)
		one := b.submit("1-9", func(s *farm.JobSpec) { s.Priority = 2 })
		two := b.submit("1-9")
		b.submit("1-9", func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} })
		for slot := range 3 {
			b.claim(oak, slot)
		}
		time.Sleep(11 * time.Second)
		v, err := b.m.Balance(ctx, 0)
		if err != nil || v.Slots != 3 || v.Busy != 3 || len(v.Jobs) != 3 {
			t.Fatalf("%+v, %v", v, err)
		}
		if few, err := b.m.Balance(ctx, 1); err != nil || len(few.Jobs) != 1 || few.InAll != 3 || !slices.Equal(few.Pools, []farm.Pool{{Priority: 2, Jobs: 1, Share: 0.5, Assigned: 2}, {Priority: 1, Jobs: 2, Share: 0.5, Assigned: 1}}) {
			t.Errorf("one of them: %+v, %v", few, err)
		}
		new, full := v.Jobs[0], v.Jobs[2] // one more for the job that has two of three is over the cap
		if new.ClassName != "new" || new.Assigned != 0 || new.Share != 0.25 {
			t.Errorf("%+v", new)
		}
		if full.ID != one.ID || !full.Full || full.Most != 2 || full.Assigned != 2 || full.Running != 2 || full.Queued != 7 || full.Share != 0.5 || full.Usage != 1.0/3 {
			t.Errorf("%+v", full)
		}
		if v.Jobs[1].ID != two.ID || v.Jobs[1].ClassName != "rest" || v.Jobs[1].Rating <= 0 {
			t.Errorf("%+v", v.Jobs[1])
		}
	})
}

func TestAboutTellsOfTheLastBackup(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		if a, err := b.m.About(ctx, root); err != nil || a.Backup != nil {
			t.Fatalf("%+v, %v", a.Backup, err)
		}
		b.backup(false)
		time.Sleep(time.Hour)
		b.restart()
		time.Sleep(time.Minute)
		a, err := b.m.About(ctx, root)
		if err != nil || a.Backup == nil || a.Backup.AgeS < 3659 || a.Backup.AgeS > 3661 {
			t.Fatalf("%+v, %v", a.Backup, err)
		}
		want(t, "uptime", a.UptimeS, 60)
	})
}

func TestPreviewOfRules(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 8)
		one := b.submit("1-99", func(s *farm.JobSpec) { s.Priority = 9 })
		two := b.submit("1-99")
		b.claim(oak, 0)
		preview := func(edit func(r *farm.Rules)) farm.RulesPreview {
			t.Helper()
			r, err := b.m.Rules(ctx)
			if err != nil {
				t.Fatal(err)
			}
			before := r
			edit(&r)
			p, err := b.m.PreviewRules(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			if now, _ := b.m.Rules(ctx); now != before {
				t.Fatal("the preview changed the rules")
			}
			return p
		}
		p := preview(func(r *farm.Rules) { r.Cap = 0.5 })
		want(t, "slots", p.Slots, 8)
		want(t, "same", p.Same, false)
		want(t, "the larger job", p.Jobs[0], farm.JobPreview{ID: one.ID, Name: "shot", Priority: 9, Now: 1, Before: 6, After: 4})
		want(t, "the smaller job", p.Jobs[1], farm.JobPreview{ID: two.ID, Name: "shot", Priority: 1, Now: 0, Before: 2, After: 4})
		says := strings.Join(p.Says, "\n")
		wantText(t, "says", says, "No job holds more than 50 % of the workers while another could use them, instead of 75 %: 4 of 8 slots instead of 6.")
		wantText(t, "says", says, "Job 1 (shot) would come to hold 4 slots instead of 6.")
		p = preview(func(r *farm.Rules) {
			r.Attempts, r.OutAfter, r.HeartbeatMS, r.NewFrames, r.StaleMins = 5, 0, 10_000, 3, 20
		})
		says = strings.Join(p.Says, "\n")
		for _, part := range []string{
			"given up after 5 failed attempts, instead of 3", "No worker is taken out", "after 30s without a word of it, instead of 15s",
			"until 3 frames of it were handed out, instead of 1", "for 20 minutes", "every job would hold as many slots",
		} {
			wantText(t, "says", says, part)
		}
		p = preview(func(*farm.Rules) {})
		if !p.Same || len(p.Says) > 0 {
			t.Errorf("%+v", p)
		}
		if _, err := b.m.PreviewRules(ctx, farm.Rules{}); farm.KindOf(err) != farm.Invalid {
			t.Errorf("rules that make no sense: %v", err)
		}
	})
}
