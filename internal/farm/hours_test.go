package farm

import (
	"strings"
	"testing"
	"time"
)

func TestHours(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		for i, day := range weekdays { // 2026-11-23 was a Monday
			if rest, ok := strings.CutPrefix(text, day+" "); ok {
				clock, err := time.Parse("15:04", rest)
				if err != nil {
					t.Fatal(err)
				}
				return time.Date(2026, 11, 23+i, clock.Hour(), clock.Minute(), 7, 0, time.UTC)
			}
		}
		t.Fatal(text)
		return time.Time{}
	}
	const nights = "mon-fri 19:00-07:00, sat-sun"
	for _, c := range []struct {
		hours, at string
		offset    time.Duration
		open      bool
		next      string // "": never
	}{
		{"", "mon 12:00", 0, true, ""},
		{"mon-sun", "mon 12:00", 0, true, ""},
		{nights, "mon 06:59", 0, false, "mon 19:00"}, // Sunday ends at midnight
		{nights, "mon 18:59", 0, false, "mon 19:00"},
		{nights, "mon 19:00", 0, true, "tue 07:00"},
		{nights, "tue 06:59", 0, true, "tue 07:00"},
		{nights, "tue 07:00", 0, false, "tue 19:00"},
		{nights, "fri 20:00", 0, true, "mon 00:00"}, // Friday's night goes over into Saturday
		{nights, "sun 23:59", 0, true, "mon 00:00"},
		{nights, "mon 18:00", time.Hour, true, "tue 06:00"}, // it is 19:00 there
		{nights, "mon 19:30", -time.Hour, false, "mon 20:00"},
		{nights, "mon 00:30", -time.Hour, true, "mon 01:00"}, // it is Sunday there
		{"sun 22:00-02:00", "mon 01:00", 0, true, "mon 02:00"},
		{"sun 22:00-02:00", "mon 02:00", 0, false, "sun 22:00"},
		{"sun 22:00-02:00, mon 00:00-03:00", "sun 23:00", 0, true, "mon 03:00"},
		{"19:00-7:00", "wed 08:00", 0, false, "wed 19:00"},
		{"0:00-24:00", "wed 08:00", 0, true, ""},
		{"fri-mon", "sat 08:00", 0, true, "tue 00:00"},
		{"fri-mon", "thu 08:00", 0, false, "fri 00:00"},
		{"SAT ,  Sun 10:00-12:30", "sun 12:29", 0, true, "sun 12:30"},
	} {
		h, err := ParseHours(c.hours)
		if err != nil {
			t.Errorf("%q: %v", c.hours, err)
			continue
		}
		open, next := h.Open(at(c.at), c.offset)
		var should time.Time
		if c.next != "" {
			if should = at(c.next).Truncate(time.Minute); should.Before(at(c.at)) {
				should = should.Add(7 * 24 * time.Hour)
			}
		}
		if open != c.open || !next.Equal(should) {
			t.Errorf("%q at %s: %v until %s, not %v until %s", c.hours, c.at, open, next.UTC(), c.open, should)
		}
		again, err := ParseHours(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%q reads back as %q, %v", h, again, err)
		}
	}
	for _, text := range []string{
		",", "mon,", "xyz", "mon-xyz", "mon 19:00", "mon 19-7", "19:00-19:00", "25:00-26:00", "24:00-01:00", "mon 19:60-20:00", "mon tue", "mon 1:00-2:00 3:00-4:00",
		"mon -1:00-2:00", "mon 24:30-2:00", strings.Repeat("mon, ", 60) + "mon",
	} {
		if h, err := ParseHours(text); err == nil {
			t.Errorf("%q are hours: %v", text, h.spans)
		} else if k := KindOf(err); k != Invalid && k != TooLarge {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzHours(f *testing.F) {
	f.Add("mon-fri 19:00-07:00, sat-sun", int64(1790000000), 60)
	f.Fuzz(func(t *testing.T, text string, sec int64, offset int) {
		h, err := ParseHours(text)
		if err != nil {
			return
		}
		now, off := time.Unix(sec%4e9, 0), time.Duration(offset%(18*60))*time.Minute
		open, next := h.Open(now, off)
		if next.IsZero() {
			return
		}
		if !next.After(now) || next.Sub(now) > 8*24*time.Hour {
			t.Fatalf("%q at %s changes at %s", text, now, next)
		}
		if before, _ := h.Open(next.Add(-time.Second), off); before != open {
			t.Fatalf("%q is %v at %s and changes before %s", text, open, now, next)
		}
		if after, _ := h.Open(next, off); after == open {
			t.Fatalf("%q does not change at %s", text, next)
		}
	})
}

func TestSchedule(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	hour, zero, mad := 60, 0, 100_000
	busy, free := 5.0, 601.0
	for _, c := range []struct {
		name string
		w    Worker
		l    Load
		open bool
		text string
	}{
		{"nothing asked", Worker{}, Load{UserIdle: &busy}, true, ""},
		{"hours", Worker{Hours: "19:00-07:00", Facts: Facts{UTCOffset: &zero}}, Load{}, false, "its hours are 19:00-07:00; it takes work again Mon 19:00"},
		{"its own clock", Worker{Hours: "13:00-14:00", Facts: Facts{UTCOffset: &hour}}, Load{}, true, ""},
		{"its clock as it is now", Worker{Hours: "13:00-14:00", Facts: Facts{UTCOffset: &zero}}, Load{UTCOffset: &hour}, true, ""},
		{"a mad clock", Worker{Hours: "13:00-14:00", Facts: Facts{UTCOffset: &hour}}, Load{UTCOffset: &mad}, true, ""},
		{"no clock", Worker{Hours: "14:00-15:00"}, Load{}, true, "it does not say its time zone, so that the master's counts"},
		{"in use", Worker{WhenIdle: 600}, Load{UserIdle: &busy}, false, "somebody uses the machine; it takes work after 10 min without keyboard and mouse"},
		{"free", Worker{WhenIdle: 600}, Load{UserIdle: &free}, true, ""},
		{"not known", Worker{WhenIdle: 600}, Load{}, true, "it does not know whether somebody uses the machine, so that it counts as free"},
		{"hours first", Worker{WhenIdle: 600, Hours: "19:00-07:00", Facts: Facts{UTCOffset: &zero}}, Load{UserIdle: &busy}, false, "its hours are 19:00-07:00; it takes work again Mon 19:00"},
	} {
		h, err := ParseHours(c.w.Hours)
		if err != nil {
			t.Fatal(err)
		}
		if s := ScheduleOf(&c.w, h, &c.l, now, 2*time.Hour); s.Open != c.open || s.Text != c.text {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	for _, w := range []Worker{{Hours: "always"}, {WhenIdle: 29}, {WhenIdle: -1}, {WhenIdle: 86401}} {
		if err := w.CheckSchedule(); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", w, err)
		}
	}
	w := Worker{Hours: " MON-fri   9:00-17:00 ,sat", WhenIdle: 30}
	if err := w.CheckSchedule(); err != nil || w.Hours != "mon-fri 9:00-17:00, sat" {
		t.Errorf("%q, %v", w.Hours, err)
	}
}
