package main

import (
	"slices"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TestLoadRows: a line is the mean of ten minutes that were measured; what is left over is the first one.
func TestLoadRows(t *testing.T) {
	h := farm.WorkerHistory{StepMS: 60_000, End: time.Date(2026, 1, 2, 12, 0, 0, 0, time.Local)}
	for i := range 32 {
		var cpu, memory *int
		if i < 2 || i >= 12 && i%2 == 0 { // minutes 2 to 11 are not known
			n, m := i, 50
			cpu, memory = &n, &m
		}
		h.CPU, h.Memory = append(h.CPU, cpu), append(h.Memory, memory)
	}
	want := [][]string{{"11:28", "1 %", "50 %", "-"}, {"11:40", "16 %", "50 %", "-"}, {"11:50", "26 %", "50 %", "-"}}
	if got := loadRows(&h); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q", got)
	}
	if got := loadRows(&farm.WorkerHistory{StepMS: 60_000}); len(got) > 0 {
		t.Errorf("of nothing: %q", got)
	}
}
