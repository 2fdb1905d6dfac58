package openjd

import (
	"regexp"
	"strings"
)

// Scope says what names stand for: Param.X, Task.File.Y, Session.WorkingDirectory, ...
type Scope map[string]string

var dotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// pieces calls f with the texts and names of a format string, in their order.
func pieces(format string, text func(string), name func(string) error) error {
	for {
		before, rest, found := strings.Cut(format, "{{")
		if text(before); !found {
			if strings.Contains(before, "}}") {
				return refuse("", "}} in %q closes nothing", clip(format))
			}
			return nil
		}
		if strings.Contains(before, "}}") {
			return refuse("", "}} in %q closes nothing", clip(format))
		}
		inside, after, closed := strings.Cut(rest, "}}")
		inside = strings.TrimSpace(inside)
		switch {
		case !closed:
			return refuse("", "{{ in %q is not closed", clip(format))
		case !dotted.MatchString(inside):
			return refuse("", "%q is not a name; expressions are an extension (EXPR) that is not known here", clip(inside))
		}
		if err := name(inside); err != nil {
			return err
		}
		format = after
	}
}

// Resolve puts values in the places of names.
func (s Scope) Resolve(format string) (string, error) {
	var b strings.Builder
	err := pieces(format, func(t string) { b.WriteString(t) }, func(name string) error {
		v, ok := s[name]
		if !ok {
			return refuse("", "nothing is called %s here", clip(name))
		}
		b.WriteString(v)
		return nil
	})
	return b.String(), err
}

// clip shortens a text that somebody else wrote, for a sentence.
func clip(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}
