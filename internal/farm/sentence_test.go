package farm

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSentences(t *testing.T) {
	got := Sentences([]string{"a", " b\n c\xff", "a", "", strings.Repeat("é", 400)})
	if len(got) != 3 || got[0] != "a" || got[1] != "b c?" || len(got[2]) > MaxSentence+3 || !utf8.ValidString(got[2]) {
		t.Errorf("%q", got)
	}
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprintf("warning %d", i))
	}
	if got = Sentences(many); len(got) != MaxSentences || got[MaxSentences-1] != "... and 41 more" || got[8] != "warning 8" {
		t.Errorf("%q", got)
	}
}
