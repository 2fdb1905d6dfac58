package layout

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
)

// FuzzLayout gives places to files of any names, as scenes made elsewhere may have them.
func FuzzLayout(f *testing.F) {
	f.Add("/home/ann/film/shot.blend", "/home/ann/film/tex/a.png\n/srv/lib/a.png", "/home/ann")
	f.Add(`C:\film\shot.blend`, "D:\\lib\\b.blend\n\\\\server\\share\\c.png", `C:\Users\Ann`)
	f.Add("/w/x.blend", "/w/Tex.png\n/w/tex.png\n/w/CON.png\n/w/a:b.png\n/w/end.\n/w/\x01.png", "")
	f.Add("/w/p/x.blend", "/w/p/İ.png\n/w/p/i̇.png\n/w/p/ſ.png\n/w/p/S.png", "/")
	f.Add("/_outside/x.blend", "/_outside/a/b.png\n/a/b.png", "")
	f.Add("/w/blendcache_x/x.blend", "/w/blendcache_a:/A\n/w/blendcache_a:/a/b\n/w/a1\n/w/A2\n/w/A1", "/w")
	f.Add("/w/p/_outside", "/w/p/1:"+strings.Repeat("n", 60)+"1\n/w/p/2:"+strings.Repeat("n", 60)+"1\n/x", "")
	f.Add(`//s/h/x.blend`, "//S/H/"+strings.Repeat("ü", 130)+".png\nC:/a./b \nc:/A./B ", "")
	f.Fuzz(func(t *testing.T, blend, list, home string) {
		files := strings.Split(list, "\n")
		for i := range files {
			files[i] = Slashes(files[i])
		}
		blend = Slashes(blend)
		files = slices.DeleteFunc(files, func(p string) bool { return !whole(p) || p == blend })
		slices.Sort(files)
		files = slices.Compact(files)
		if !whole(blend) {
			return
		}
		places := Of(blend, files, home)
		checkPlaces(t, blend, files, places)
		owner := map[string]string{}
		for file, place := range places {
			if other, twice := owner[blob.FoldPath(place)]; twice {
				t.Errorf("%q and %q lie at the same place %q", file, other, place)
			}
			owner[blob.FoldPath(place)] = file
		}
	})
}

// whole tells the absolute paths of files.
func whole(p string) bool {
	return (path.IsAbs(p) || len(p) > 3 && Windows(p) && p[2] == '/') && strings.Trim(p, "/") != ""
}
