package master_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TestShareTellsWhoHeldWhat: what each job held is told for the last hour, a value every ten seconds, and no time is left
// out.
func TestShareTellsWhoHeldWhat(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		read := func(minutes int) farm.Sharing {
			t.Helper()
			s, err := b.m.Share(ctx, minutes)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range s.Jobs {
				want(t, "values of job "+j.ID.String(), len(j.Held), len(s.Online))
			}
			return s
		}
		want(t, "samples at the start", len(read(60).Online), 0)
		oak := b.worker("oak", 3)
		one := b.submit("1-9", func(s *farm.JobSpec) { s.Name, s.Priority = "one", 2 })
		two := b.submit("1-9", func(s *farm.JobSpec) { s.Name = "two" })
		var has []*farm.Grant
		for slot := range 3 {
			has = append(has, b.claim(oak, slot))
		}
		stay := func(d time.Duration) { // the worker keeps what it has
			for range d / (5 * time.Second) {
				time.Sleep(5 * time.Second)
				b.beat(oak, has...)
			}
			synctest.Wait()
		}
		stay(time.Minute)
		s := read(60)
		if len(s.Online) < 5 || s.StepMS != 10_000 || s.Online[len(s.Online)-1] != 3 {
			t.Fatalf("%+v", s)
		}
		held := map[farm.JobID][]int{}
		for _, j := range s.Jobs {
			held[j.ID] = j.Held
		}
		last := len(s.Online) - 1
		if held[one.ID][last] != 2 || held[two.ID][last] != 1 || s.Jobs[0].Name != "one" || s.Jobs[0].Priority != 2 {
			t.Errorf("held: %+v", s.Jobs)
		}
		if now := time.Now(); s.End.After(now) || now.Sub(s.End) > 11*time.Second {
			t.Errorf("the last value is of %s, now is %s", s.End, now)
		}
		want(t, "a minute", len(read(1).Online), 6)

		// A deleted job keeps its name; the machine that slept was there with nobody.
		if err := b.m.Delete(ctx, root, two.ID); err != nil {
			t.Fatal(err)
		}
		b.skew.Add(int64(10 * time.Minute))
		stay(20 * time.Second)
		s = read(60)
		want(t, "zeros of the sleep", count(s.Online, 0) >= 58, true)
		if !slices.ContainsFunc(s.Jobs, func(j farm.JobShare) bool { return j.ID == two.ID && j.Name == "two" }) {
			t.Errorf("the deleted job is not told: %+v", s.Jobs)
		}
		stay(time.Hour)
		s = read(60)
		want(t, "an hour", len(s.Online), 360)
		if slices.ContainsFunc(s.Jobs, func(j farm.JobShare) bool { return j.ID == two.ID }) {
			t.Error("what was more than an hour ago is still told")
		}
		b.skew.Add(-int64(30 * time.Minute)) // somebody sets the clock back
		stay(time.Minute)
		want(t, "an hour by another clock", len(read(60).Online), 360)
	})
}

func count(list []int, v int) (n int) {
	for _, x := range list {
		if x == v {
			n++
		}
	}
	return n
}

// TestShareIsBounded: of many jobs the largest are told one by one.
func TestShareIsBounded(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		oak := b.worker("oak", 130)
		for n := range 60 {
			b.submit("1-2", func(s *farm.JobSpec) { s.Name = fmt.Sprint("job ", n) })
		}
		for slot := range 120 {
			b.claim(oak, slot)
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		s, err := b.m.Share(ctx, 60)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, j := range s.Jobs {
			sum += j.Held[len(j.Held)-1]
		}
		rest := s.Jobs[len(s.Jobs)-1]
		if len(s.Jobs) != 51 || rest.ID != 0 || rest.Name != "others" || sum != 120 {
			t.Errorf("%d jobs hold %d slots; the last one is %+v", len(s.Jobs), sum, rest)
		}
	})
}
