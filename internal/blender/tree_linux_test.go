package blender

import (
	"fmt"
	"slices"
	"testing"
)

func TestParseStat(t *testing.T) {
	pid, ppid, ok := parseStat([]byte("4711 (a ) name (7) S 12 4711 4711 0"))
	if pid != 4711 || ppid != 12 || !ok {
		t.Errorf("%d %d %v", pid, ppid, ok)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add(1, "systemd", 0)
	f.Add(4711, ") S 7 (", 12)
	f.Fuzz(func(t *testing.T, pid int, name string, ppid int) {
		gotPID, gotParent, ok := parseStat(fmt.Appendf(nil, "%d (%s) S %d 1 1", pid, name, ppid))
		if !ok || gotPID != pid || gotParent != ppid {
			t.Errorf("%d %d %v", gotPID, gotParent, ok)
		}
		parseStat([]byte(name))
	})
}

func TestDescendants(t *testing.T) {
	got := descendants(10, map[int]int{11: 10, 12: 11, 13: 12, 20: 1, 10: 1, 21: 20})
	slices.Sort(got)
	if !slices.Equal(got, []int{11, 12, 13}) {
		t.Error(got)
	}
}
