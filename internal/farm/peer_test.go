package farm

import (
	"strings"
	"testing"
	"time"
)

func TestTicket(t *testing.T) {
	key, now := [32]byte{1}, time.UnixMilli(1_000_000)
	ticket := PeerTicket(key, "door-one", "ref", "reader-one", now)
	if who, ok := CheckTicket(key, "door-one", "ref", ticket, now); !ok || who != "reader-one" {
		t.Fatalf("%q is shown by %q, %v", ticket, who, ok)
	}
	end, rest, _ := strings.Cut(ticket, ".")
	for what, try := range map[string]struct {
		key       [32]byte
		door      WorkerID
		ref, text string
		now       time.Time
	}{
		"another key":     {[32]byte{2}, "door-one", "ref", ticket, now},
		"another door":    {key, "door-two", "ref", ticket, now},
		"another file":    {key, "door-one", "fer", ticket, now},
		"too late":        {key, "door-one", "ref", ticket, now.Add(time.Millisecond)},
		"a later end":     {key, "door-one", "ref", end + "0." + rest, now},
		"another reader":  {key, "door-one", "ref", strings.Replace(ticket, "reader-one", "reader-two", 1), now},
		"none":            {key, "door-one", "ref", "", now},
		"without a code":  {key, "door-one", "ref", end + ".reader-one.", now},
		"upper case":      {key, "door-one", "ref", strings.ToUpper(ticket), now},
		"more behind":     {key, "door-one", "ref", ticket + "0", now},
		"a line break":    {key, "door-one\nref", "", strings.Replace(ticket, ".", "\n.", 1), now},
		"parts run along": {key, "door-one", "ref\nreader-one", end + ".." + ticket[strings.LastIndex(ticket, ".")+1:], now},
	} {
		if who, ok := CheckTicket(try.key, try.door, try.ref, try.text, try.now); ok {
			t.Errorf("%s: it is taken for %q's", what, who)
		}
	}
}

// FuzzTicket: whatever is shown, only what was made is taken.
func FuzzTicket(f *testing.F) {
	key, now := [32]byte{1}, time.UnixMilli(1_000_000)
	good := PeerTicket(key, "door-one", "ref", "reader-one", now)
	for _, s := range []string{good, "", "..", "1.2.3", good[1:], strings.Repeat(".", 200), "-1." + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if who, ok := CheckTicket(key, "door-one", "ref", s, now); ok != (s == good) || ok && who != "reader-one" {
			t.Errorf("%q: %q, %v", s, who, ok)
		}
	})
}
