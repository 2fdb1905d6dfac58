package farm

import (
	"fmt"
	"testing"
	"time"
)

func TestDaysOfStatistics(t *testing.T) {
	for text, day := range map[string]int{"1970-01-01": 0, "1970-01-02": 1, "1969-12-31": -1, "2026-11-29": 20786} {
		if got, err := ParseDay(text); err != nil || got != day || DayText(day) != text {
			t.Errorf("%s is day %d, not %d; day %d is %s; %v", text, got, day, day, DayText(day), err)
		}
	}
	if d := DayOf(time.Date(2026, 11, 29, 23, 59, 59, 999, time.UTC)); DayText(d) != "2026-11-29" {
		t.Error(DayText(d))
	}
	if d := DayOf(time.Date(2026, 11, 29, 0, 30, 0, 0, time.FixedZone("", 3600))); DayText(d) != "2026-11-28" {
		t.Error(DayText(d))
	}
	for _, text := range []string{"", "today", "2026-13-01", "29.11.2026"} {
		if _, err := ParseDay(text); KindOf(err) != Invalid {
			t.Errorf("%q is a day: %v", text, err)
		}
	}
}

func TestStatKeys(t *testing.T) {
	for text, want := range map[string]string{"": "[day]", "owner": "[owner]", "day,worker,job": "[day worker job]"} {
		if keys, err := ParseStatKeys(text); err != nil || fmt.Sprint(keys) != want {
			t.Errorf("%q: %v, %v", text, keys, err)
		}
	}
	for _, text := range []string{"week", "day,", "day,day", "DAY"} {
		if _, err := ParseStatKeys(text); KindOf(err) != Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSheet(t *testing.T) {
	s := Statistics{By: []StatKey{PerDay, PerJob}, Rows: []StatRow{{Day: "2026-11-28", Job: 7, JobName: "=HYPERLINK(1)", StatSum: StatSum{Seconds: 1.5, Done: 2, Failed: 1}}}}
	lines, err := s.Sheet()
	if err != nil || fmt.Sprint(lines) != "[[day job job_name seconds done failed expired] [2026-11-28 7 '=HYPERLINK(1) 1.500 2 1 0]]" {
		t.Errorf("%v %v", lines, err)
	}
	s.More = true
	if lines, err := s.Sheet(); KindOf(err) != TooLarge || lines != nil {
		t.Errorf("a table that is cut: %v %v", lines, err)
	}
}
