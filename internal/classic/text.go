package classic

import (
	"strings"
	"time"
)

// clip bounds a text that strangers sent, for sentences.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// plain is a text without control characters, at most n bytes long.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	for len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return strings.TrimSpace(s)
}

// unix is a time as Python has it: seconds since 1970, with a fraction.
func unix(t time.Time) decimal {
	if t.IsZero() {
		return 0
	}
	return decimal(t.UnixMilli()) / 1000
}
