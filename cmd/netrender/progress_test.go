package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSteps: five lines a second at most, and the first and the last of each thing whatever the time.
func TestSteps(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	var lines []string
	s := &steps{clock: func() time.Time { return now }, print: func(v any) error {
		lines = append(lines, fmt.Sprint(v))
		return nil
	}}
	for n := range int64(1001) { // for one second
		s.bytes("sending", n, 1000)
		now = now.Add(time.Millisecond)
	}
	s.bytes("fetching", 1, 5)
	s.bytes("fetching", 2, 5)
	s.bytes("fetching", 5, 5)
	s.end()
	s.end()
	s.bytes("nothing", 0, 0)
	s.end()
	s.beat(7, 0.5)
	want := []string{
		"map[progress:{sending 0 1000}]", "map[progress:{sending 200 1000}]", "map[progress:{sending 400 1000}]", "map[progress:{sending 600 1000}]",
		"map[progress:{sending 800 1000}]", "map[progress:{sending 1000 1000}]", "map[progress:{fetching 1 5}]", "map[progress:{fetching 5 5}]", "map[beat:map[fraction:0.5 frame:7]]",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q", lines)
	}
	var none *steps // nobody asked
	none.bytes("sending", 1, 2)
	none.end()
}
