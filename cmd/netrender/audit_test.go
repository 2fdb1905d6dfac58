package main

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestAudit(t *testing.T) {
	f := startFarm(t)
	f.submit("1-2", false)
	f.ok("cancel 1")
	text := f.ok("audit")
	contains(t, text, "token.make", "job.submit", "job.cancel", "admin at 127.0.0.1", "shot")
	if strings.Index(text, "job.submit") > strings.Index(text, "job.cancel") {
		t.Errorf("the newest is not last:\n%s", text)
	}
	all := lines[farm.Audit](t, f.ok("audit --json"))
	last := all[len(all)-1]
	if last.Action != farm.DidCancel || last.Subject != "1" || last.Who != "admin" {
		t.Errorf("%+v", last)
	}
	older := lines[farm.Audit](t, f.ok("audit --json --before "+strconv.FormatInt(last.Seq, 10)))
	if len(older) != len(all)-1 {
		t.Errorf("%d before the last of %d", len(older), len(all))
	}
	contains(t, f.ok("audit --who nobody"), "no such record")
	contains(t, f.fails(exitUsage, "audit --limit 0"), "--limit")
	contains(t, f.fails(exitUsage, "audit --before 0"), "--before is the number of an entry")
	contains(t, f.fails(exitUsage, "audit --before 5 --follow"), "choose one")
	follow := begin(t, f.ctx, "audit", "--follow", "--limit", "1")
	waitFor(t, "it has begun", func() bool { return strings.Contains(follow.out.String(), "job.cancel") })
	f.ok("rules attempts=5")
	waitFor(t, "the change is told", func() bool { return strings.Contains(follow.out.String(), "attempts: 5, was 3") })
}

// TestOpenFarmKnowsItsNames: a page whose name leads here is not taken for one of ours.
func TestOpenFarmKnowsItsNames(t *testing.T) {
	f := startFarm(t, "--open", "--host", "farm.studio")
	f.ok("jobs --master " + f.client.Address())
	for _, bad := range []string{"--max-connections -1", "--audit-days -1", "--max-file x"} {
		f.fails(exitUsage, "master --listen 127.0.0.1:0 --quiet-network --data "+t.TempDir()+" "+bad)
	}
}

// TestSettingsOfTheDoorArrive: what is said on the command line is what the master does.
func TestSettingsOfTheDoorArrive(t *testing.T) {
	f := startFarm(t, "--max-file", "10KB", "--max-connections", "0")
	ref := strings.Repeat("ab", 32)
	err := f.client.PutBlob(f.ctx, wire.Upload{Ref: ref, Size: 20_000, Open: func() (io.ReadSeekCloser, error) {
		return nopCloser{strings.NewReader(strings.Repeat("x", 20_000))}, nil
	}})
	if farm.KindOf(err) != farm.TooLarge {
		t.Errorf("a file over --max-file: %v", err)
	}
}
