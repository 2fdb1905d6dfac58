package addon

import (
	"regexp"
	"strings"
)

const label = `(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)` // of a version before the release

var (
	numbered = regexp.MustCompile(`^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:$|[-+])`)
	whole    = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(?:-` + label + `(?:\.` + label + `)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)
	foreign  = regexp.MustCompile(`[^0-9A-Za-z-]+`)
)

// semantic is a version as manifests want it (semver.org). What is none, such as the name of a commit, stands behind a
// plus sign, where anything may.
func semantic(version string) string {
	n := numbered.FindStringSubmatch(version)
	if n == nil {
		return strings.TrimSuffix("0.0.0+"+strings.Trim(foreign.ReplaceAllString(version, "-"), "-"), "+")
	}
	if text := strings.TrimPrefix(version, "v"); whole.MatchString(text) {
		return text
	}
	first := strings.Join(n[1:], ".")
	rest := strings.TrimPrefix(strings.TrimPrefix(version, "v"), first)
	return strings.TrimSuffix(first+"+"+strings.Trim(foreign.ReplaceAllString(rest, "-"), "-"), "+")
}

// tuple is a version as legacy add-ons want it: three numbers.
func tuple(version string) string {
	n := numbered.FindStringSubmatch(version)
	if n == nil {
		return "(0, 0, 0)"
	}
	return "(" + strings.Join(n[1:], ", ") + ")"
}
