package blob

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// FuzzCheckpoint reads any bytes as the record of an upload's progress: a record that is taken is as it was written.
func FuzzCheckpoint(f *testing.F) {
	f.Add(checkpoint{1, 0}.encode())
	f.Add(checkpoint{1 << 63, 1 << 40}.encode())
	f.Add(checkpoint{7, 9}.encode()[:slotSize-1])
	f.Add(make([]byte, 2*slotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := decodeCheckpoint(b)
		if ok && (c.at < 0 || string(c.encode()[:56]) != string(b[:56])) {
			t.Errorf("%q was read as %+v", b, c)
		}
	})
}

// FuzzHashEntry reads any text as a line of the hash cache.
func FuzzHashEntry(f *testing.F) {
	ref := strings.Repeat("0a", 32)
	f.Add(ref + ` 1 2 3 4 5 "/home/ann/a b.png"`)
	f.Add(ref + ` -1 9223372036854775807 0 0 18446744073709551615 "\xff"`)
	f.Add(ref + " 1 2 3 4 5 `/x`")
	f.Add("x 1 2 3 4 5 \"")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		name, e, ok := parseHashEntry(line)
		if !ok {
			return
		}
		again := fmt.Sprintf("%s %d %d %d %d %d %s", e.ref, e.size, e.mtime, e.ctime, e.dev, e.inode, strconv.Quote(name))
		if name2, e2, ok := parseHashEntry(again); !ok || name2 != name || e2 != e {
			t.Errorf("%q was read as %q %+v, and that written as %q", line, name, e, again)
		}
	})
}
