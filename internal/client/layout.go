package client

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"

	"github.com/netrender/netrender/internal/blob"
)

// Where files lie in a job's folder: what is near the scene keeps its place relative to it, so that the scene's own
// relative paths lead there. What is elsewhere goes below _outside with its whole path, so that such files keep
// their places relative to one another; the worker's session maps the scene's absolute paths to them.

// outside is the folder for files that do not lie near the scene.
const outside = "_outside"

// maxUp is how many folders above the scene's own the root of a project may be.
const maxUp = 4

// layout gives every file its place in the job's folder. Paths are absolute, of any platform, cleaned. home is the
// user's own folder: neither it nor anything above it is ever a project's root.
func layout(blend string, files []string, home string) map[string]string {
	root := projectRoot(slashes(blend), files, slashes(home))
	places := make(map[string]string, len(files)+1)
	taken := make(map[string]string, len(files)+1)
	for _, file := range append([]string{blend}, files...) {
		s := slashes(file)
		place, inside := strings.CutPrefix(s, root+"/")
		if !inside {
			place = outside + "/" + strings.ReplaceAll(strings.Trim(s, "/"), ":", "")
		}
		clean, err := blob.CleanPath(place)
		owner, clash := taken[blob.FoldPath(clean)]
		if err != nil || clash && owner != s {
			// A name some platform cannot have: a name made from the path, with the ending that Blender looks at.
			sum := sha256.Sum256([]byte(s))
			clean = outside + "/" + hex.EncodeToString(sum[:8]) + plainEnding(s)
		}
		taken[blob.FoldPath(clean)] = s
		places[file] = clean
	}
	return places
}

// plainEnding is the file's extension when it is made of letters and digits.
func plainEnding(p string) string {
	ext := path.Ext(p)
	if len(ext) < 2 || len(ext) > 8 {
		return ""
	}
	for _, c := range ext[1:] {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return ""
		}
	}
	return ext
}

// projectRoot is the lowest folder that holds the scene and every file that lies within maxUp folders above it.
func projectRoot(blend string, files []string, home string) string {
	lowest := path.Dir(blend)
	highest := lowest
	for range maxUp {
		up := path.Dir(highest)
		if tooHigh(up, home) {
			break
		}
		highest = up
	}
	root := lowest
	for _, f := range files {
		s := slashes(f)
		if !strings.HasPrefix(s, highest+"/") {
			continue
		}
		for !strings.HasPrefix(s, root+"/") {
			root = path.Dir(root)
		}
	}
	return root
}

// tooHigh tells folders that hold more than one project: a drive's top, a user's own folder and all above it, and
// what lies directly below the top.
func tooHigh(dir, home string) bool {
	if home != "" && (dir == home || strings.HasPrefix(home, dir+"/")) {
		return true
	}
	return strings.Count(strings.Trim(dir, "/"), "/") < 1
}

// slashes writes a path of any platform with forward slashes.
func slashes(p string) string {
	if len(p) > 1 && p[1] == ':' || strings.HasPrefix(p, `\\`) {
		p = strings.ReplaceAll(p, `\`, "/")
	}
	return path.Clean(p)
}
