package farm

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of the sentences that travel with a report.
const (
	MaxSentences = 10
	MaxSentence  = 300 // bytes
)

// Sentences are those of the list as a report may carry them: each once, on one line, valid UTF-8, not too many and
// none too long. When some were left out the last one says how many.
func Sentences(list []string) []string {
	var kept []string
	more := 0
	for _, s := range list {
		s = clip(strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "), MaxSentence)
		switch {
		case s == "" || slices.Contains(kept, s):
		case len(kept) == MaxSentences:
			more++
		default:
			kept = append(kept, s)
		}
	}
	if more > 0 {
		kept[MaxSentences-1] = fmt.Sprintf("... and %d more", more+1)
	}
	return kept
}
