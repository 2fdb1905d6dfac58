package farm

import (
	"testing"
	"time"
)

func TestEpochAt(t *testing.T) {
	for text, want := range map[string]int64{
		"2000-01-01T00:00:00Z": 0, "2026-01-01T00:00:00Z": 0, "2026-01-01T00:19:59Z": 1, "2026-11-25T10:00:00Z": 47_292,
		"2045-12-08T18:30:00Z": 1<<20 - 1, "2045-12-08T18:40:00Z": 1 << 20, "9999-01-01T00:00:00Z": 1 << 20,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := EpochAt(at); got != want {
			t.Errorf("at %s it is %d, not %d", text, got, want)
		}
	}
	// Programs that read JSON numbers as float64 tell the leases of the last epoch apart, and of as many starts after it.
	for _, l := range []LeaseID{lastEpochAt << 32, LastEpoch<<32 | 0xffffffff} {
		if f := float64(l); LeaseID(f) != l || f-1 == f || float64(l-1) == f {
			t.Errorf("lease %d is not itself as a float64", l)
		}
	}
}
