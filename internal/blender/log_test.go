package blender

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// pieces gives a text to read in pieces.
func pieces(text ...string) io.Reader {
	var all []io.Reader
	for _, t := range text {
		all = append(all, strings.NewReader(t))
	}
	return io.MultiReader(all...)
}

// counting is a log that counts signs of life.
type counting struct {
	bytes.Buffer
	heard int
}

func (c *counting) Heard() { c.heard++ }

func TestLinesOfALog(t *testing.T) {
	for _, c := range []struct {
		in   io.Reader
		want string
	}{
		{pieces("one\ntwo\r\nthree\r", "\nfour\r\r\nfive"), "one\ntwo\nthree\nfour\n\nfive\n"},
		{pieces("1 %\r2 %\r", "3 %\rdone\n"), "1 %\n2 %\n3 %\ndone\n"},
		{pieces("\n\n"), "\n\n"},
	} {
		log := &counting{}
		j := newJournal("", log, func(string) {})
		j.read(c.in)
		<-j.change(nil)
		if log.String() != c.want || log.heard == 0 {
			t.Errorf("%q instead of %q; %d signs of life", log.String(), c.want, log.heard)
		}
	}
	log := &counting{}
	j := newJournal("", log, func(string) {})
	long := strings.Repeat("x", lineBytes)
	j.read(pieces(long, long, long, "\n"))
	<-j.change(nil)
	if log.Len() > lineBytes+100 || log.heard < 3 {
		t.Errorf("%d bytes of an endless line, %d signs of life", log.Len(), log.heard)
	}
}
