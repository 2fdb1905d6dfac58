package layout

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/netrender/netrender/internal/blob"
)

// maxName is the length in bytes of a name that is made for one that cannot be kept.
const maxName = 48

// digits are the numbers in a name.
var digits = regexp.MustCompile(`[0-9]+`)

// cacheFolder is how Blender begins the name of the folder, beside a .blend, of its simulations; the .blend's own name follows.
const cacheFolder = "blendcache_"

// portable is a name that every platform can have: the same where it is one already, else one made from it that keeps its
// end and the numbers there. Names that differ in their numbers only stay so.
func portable(name string) string {
	if clean(name) {
		return name
	}
	if of, ok := strings.CutPrefix(name, cacheFolder); ok {
		if own := strings.TrimSuffix(portable(of+".blend"), ".blend"); clean(cacheFolder + own) {
			return cacheFolder + own
		}
	}
	return tagged(name, digits.ReplaceAllString(name, "#"))
}

func clean(name string) bool {
	_, err := blob.CleanPath(name)
	return err == nil && !strings.Contains(name, "/")
}

// portableFolders makes every folder's name in a path portable.
func portableFolders(dir string) string {
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		if part != "" {
			parts[i] = portable(part)
		}
	}
	return strings.Join(parts, "/")
}

// tagged is a portable name with a tag made from what: before the name, whose end Blender looks at.
func tagged(name, what string) string {
	var b strings.Builder
	for _, c := range name {
		if c < 0x20 || c >= 0x7f && c < 0xa0 || c == utf8.RuneError || strings.ContainsRune(`/\:*?"<>|`, c) {
			c = '_'
		}
		b.WriteRune(c)
	}
	end := b.String()
	if n := len(end); n > 0 && (end[n-1] == '.' || end[n-1] == ' ') {
		end = end[:n-1] + "_"
	}
	for len(end) > maxName {
		_, size := utf8.DecodeRuneInString(end)
		end = end[size:]
	}
	return tag(what) + "-" + end
}

// tag is twelve letters made from what. It has no digits: Blender would take those for the number of a frame.
func tag(what string) string {
	sum := sha256.Sum256([]byte(what))
	letters := make([]byte, 12)
	for i := range letters {
		letters[i] = 'a' + sum[i]%26
	}
	return string(letters)
}

// units is the length of a text in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, c := range s {
		n += utf16.RuneLen(c)
	}
	return n
}
