// Package layout says where the files of a scene lie in a job's folder.
//
// What is near the scene keeps its place relative to it, so that the scene's own relative paths lead there. What is
// elsewhere goes below _outside with its whole path, so that such files keep their places relative to one another; the
// worker's session maps the scene's absolute paths to them. Names that some platform cannot have are replaced (names.go),
// and the session maps those too.
package layout

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
)

// outside is the folder for files that do not lie near the scene.
const outside = "_outside"

// maxUp is how many folders above the scene's own the root of a project may be.
const maxUp = 4

// maxPlace is the length of a place in UTF-16 code units, as Windows counts: there a path has 260, and a worker's own folder
// before it needs its share.
const maxPlace = 140

// Of gives every file its place in the job's folder: paths that are clean (blob.CleanPath), short, and that no platform
// takes for one another or for a folder of another's. Paths are absolute, of any platform, cleaned. home is the user's own
// folder: neither it nor anything above it is ever a project's root.
func Of(blend string, files []string, home string) map[string]string {
	root := projectRoot(Slashes(blend), files, Slashes(home))
	groups := map[family][]string{}
	for _, file := range append([]string{blend}, files...) {
		of := familyOf(Slashes(file))
		groups[of] = append(groups[of], file)
	}
	first := familyOf(Slashes(blend))
	order := slices.SortedFunc(maps.Keys(groups), func(a, b family) int {
		if (a == first) != (b == first) {
			return map[bool]int{true: -1, false: 1}[a == first]
		}
		return cmp.Or(strings.Compare(a.dir, b.dir), strings.Compare(a.pattern, b.pattern))
	})
	l := ledger{files: map[string]string{}, folders: map[string]bool{outside: true}}
	places := make(map[string]string, len(files)+1)
	for _, of := range order {
		for try := 0; !l.enter(root, of, groups[of], try, places); try++ {
		}
	}
	return places
}

// Outside gives files that do not lie near the scene their places beside those that are taken. Paths are as for Of, or
// relative to a scene whose own place is not known. A file that can have no place is left out.
func Outside(taken, files []string) map[string]string {
	l := ledger{files: make(map[string]string, len(taken)), folders: map[string]bool{outside: true}}
	for _, place := range taken {
		fold := blob.FoldPath(place)
		l.files[fold] = "\x00" + place // nobody's path
		for dir := path.Dir(fold); dir != "."; dir = path.Dir(dir) {
			l.folders[dir] = true
		}
	}
	groups := map[family][]string{}
	for _, file := range files {
		of := familyOf(Slashes(file))
		groups[of] = append(groups[of], file)
	}
	places := make(map[string]string, len(files))
	for _, of := range slices.SortedFunc(maps.Keys(groups), func(a, b family) int {
		return cmp.Or(strings.Compare(a.dir, b.dir), strings.Compare(a.pattern, b.pattern))
	}) {
		for try := range maxTries {
			if l.enter("\x00", of, groups[of], try, places) {
				break
			}
		}
	}
	return places
}

// maxTries is how often Outside looks for a place: the tries after the first ones differ in a tag only.
const maxTries = 8

// Twins are what Blender on Linux makes of missing paths of Windows in its own list: /c/x of C:/x. They are no files.
func Twins(paths []string) map[string]bool {
	twins := map[string]bool{}
	for _, p := range paths {
		if Windows(p) && p[1] == ':' {
			twins["/"+strings.ToLower(p[:1])+Slashes(p)[2:]] = true
		}
	}
	return twins
}

// family is files of one folder whose names differ in their numbers only: the pictures of a sequence, the tiles of a texture.
// Blender makes the name of one from that of another, so that all have to be renamed alike.
type family struct {
	dir     string // with slashes
	pattern string // the name, with a # for each number
}

func familyOf(p string) family {
	dir, name := path.Split(p)
	return family{dir, digits.ReplaceAllString(name, "#")}
}

// ledger knows the places that are taken, as the file system sees them that tells the fewest names apart.
type ledger struct {
	files   map[string]string // place -> the file there
	folders map[string]bool
}

// enter gives the files of a family places, all made the same way, or none when one of them is taken or not to be had.
func (l *ledger) enter(root string, of family, group []string, try int, places map[string]string) bool {
	found := make(map[string]string, len(group))
	own := map[string]string{} // the same file named twice has one place
	for _, file := range group {
		s := Slashes(file)
		place := placeOf(root, of, s, try)
		if clean, err := blob.CleanPath(place); err != nil || clean != place || units(place) > maxPlace {
			return false
		}
		fold := blob.FoldPath(place)
		if owner, taken := l.files[fold]; taken && owner != s || l.folders[fold] {
			return false
		}
		if other, taken := own[fold]; taken && other != s {
			return false
		}
		for dir := path.Dir(fold); dir != "."; dir = path.Dir(dir) {
			if _, taken := l.files[dir]; taken {
				return false
			}
		}
		own[fold] = s
		found[file] = place
	}
	for file, place := range found {
		fold := blob.FoldPath(place)
		l.files[fold] = Slashes(file)
		for dir := path.Dir(fold); dir != "."; dir = path.Dir(dir) {
			l.folders[dir] = true
		}
		places[file] = place
	}
	return true
}

// placeOf is where a file would like to lie; the first try is the best place, the next ones are ever less like its own path.
func placeOf(root string, of family, s string, try int) string {
	place, inside := cutFolder(s, root)
	if !inside {
		place = outside + "/" + strings.ReplaceAll(strings.Trim(s, "/"), ":", "")
	}
	dir, name := path.Split(place)
	dir, name = portableFolders(dir), portable(name)
	switch try {
	case 0:
	case 1:
		name = tagged(name, of.dir+of.pattern)
	case 2:
		dir = outside + "/" + tag(of.dir) + "/"
	case 3:
		dir, name = outside+"/"+tag(of.dir)+"/", tagged(name, of.dir+of.pattern)
	default: // the numbers that tell the family's files apart are not at the end of their long names
		dir, name = outside+"/"+tag(of.dir)+"/", tagged(name, s+"\x00"+strconv.Itoa(try))
	}
	return dir + name
}

// projectRoot is the lowest folder that holds the scene and every file that lies within maxUp folders above it.
func projectRoot(blend string, files []string, home string) string {
	lowest := above(blend)
	highest := lowest
	for range maxUp {
		up := above(highest)
		if tooHigh(up, home) {
			break
		}
		highest = up
	}
	root := lowest
	for _, f := range files {
		s := Slashes(f)
		if _, inside := cutFolder(s, highest); !inside {
			continue
		}
		for {
			if _, inside := cutFolder(s, root); inside {
				break
			}
			root = above(root)
		}
	}
	return root
}

// above is the folder that p lies in; unlike path.Dir it keeps the slashes of a share.
func above(p string) string {
	return p[:max(strings.LastIndexByte(p, '/'), 0)]
}

// tooHigh tells folders that hold more than one project: a drive's top, a user's own folder and all above it, and
// what lies directly below the top.
func tooHigh(dir, home string) bool {
	if _, inside := cutFolder(home, dir); home != "" && (inside || home == dir || Windows(home) && strings.EqualFold(home, dir)) {
		return true
	}
	return strings.Count(strings.Trim(dir, "/"), "/") < 1
}

// cutFolder is the path p without the folder dir, when it lies there. Paths of Windows may be written in any case.
func cutFolder(p, dir string) (string, bool) {
	if !Windows(p) || !Windows(dir) {
		return strings.CutPrefix(p, dir+"/")
	}
	for {
		name, rest, deeper := strings.Cut(dir, "/")
		first, below, more := strings.Cut(p, "/")
		if !more || !strings.EqualFold(first, name) {
			return p, false
		}
		if p = below; !deeper {
			return below, true
		}
		dir = rest
	}
}

// Windows tells whether a path is one of Windows: on a drive or a share.
func Windows(p string) bool {
	return len(p) > 1 && p[1] == ':' && (p[0]|0x20 >= 'a' && p[0]|0x20 <= 'z') || strings.HasPrefix(p, `\\`) || strings.HasPrefix(p, "//")
}

// Slashes writes a path of any platform with forward slashes.
func Slashes(p string) string {
	if !Windows(p) {
		return path.Clean(p)
	}
	p = strings.ReplaceAll(p, `\`, "/")
	if rest, ok := strings.CutPrefix(p, "//?/UNC/"); ok { // https://learn.microsoft.com/windows/win32/fileio/naming-a-file
		p = "//" + rest
	} else if rest, ok := strings.CutPrefix(p, "//?/"); ok {
		p = rest
	}
	if strings.HasPrefix(p, "//") {
		return "/" + path.Clean(p)
	}
	return path.Clean(p)
}

// Foreign tells a path that is not one of the system that the scene lies on.
func Foreign(p, blend string) bool {
	if Windows(blend) {
		return !Windows(p) && (strings.HasPrefix(p, "/") || strings.HasPrefix(p, `\`))
	}
	return Windows(p)
}
