package client

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSpeeds(t *testing.T) {
	clock := time.Unix(1_800_000_000, 0)
	s := Speeds{File: filepath.Join(t.TempDir(), "data", "speeds"), Now: func() time.Time { return clock }}
	guess := func(farm string, want time.Duration) {
		t.Helper()
		if got := s.Guess(farm, 100e6); got.Round(time.Millisecond) != want {
			t.Errorf("100 MB to %s are said to take %s, not %s", farm, got, want)
		}
	}
	guess("a", 0)
	s.Note("a", 1000, time.Millisecond) // too small to tell
	s.Note("a", 100e6, 0)
	guess("a", 0)
	s.Note("a", 100e6, 10*time.Second)
	guess("a", 10*time.Second)
	guess("b", 0)
	s.Note("a", 300e6, 10*time.Second)
	guess("a", 5*time.Second) // (10 + 30) / 2 MB/s
	for i := range 2 * speedMost {
		clock = clock.Add(time.Second)
		s.Note(fmt.Sprint("farm ", i), 100e6, time.Second)
	}
	guess("a", 0) // the oldest are forgotten
	guess(fmt.Sprint("farm ", 2*speedMost-1), time.Second)
	if err := os.WriteFile(s.File, []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	guess("farm 199", 0)
	s.Note("a", 100e6, 10*time.Second)
	guess("a", 10*time.Second)
}
