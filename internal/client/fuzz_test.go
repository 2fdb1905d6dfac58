package client

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
	f.Fuzz(func(t *testing.T, blend, list, home string) {
		files := strings.Split(list, "\n")
		for i := range files {
			files[i] = slashes(files[i])
		}
		blend = slashes(blend)
		files = slices.DeleteFunc(files, func(p string) bool { return !path.IsAbs(p) || p == blend || p == "/" })
		slices.Sort(files)
		files = slices.Compact(files)
		if !path.IsAbs(blend) || blend == "/" {
			return
		}
		places := layout(blend, files, home)
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
