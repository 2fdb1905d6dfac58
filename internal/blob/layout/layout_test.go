package layout

import (
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/netrender/netrender/internal/blob"
)

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		name, home, blend string
		files             []string
		want              map[string]string
	}{
		{
			"alone", "/home/ann", "/home/ann/film/shot.blend", nil,
			map[string]string{"/home/ann/film/shot.blend": "shot.blend"},
		},
		{
			"below the scene", "/home/ann", "/home/ann/film/shot.blend",
			[]string{"/home/ann/film/tex/a.png"},
			map[string]string{"/home/ann/film/shot.blend": "shot.blend", "/home/ann/film/tex/a.png": "tex/a.png"},
		},
		{
			"beside the scene's folder", "/home/ann", "/home/ann/film/shots/shot.blend",
			[]string{"/home/ann/film/lib/a.blend"},
			map[string]string{"/home/ann/film/shots/shot.blend": "shots/shot.blend", "/home/ann/film/lib/a.blend": "lib/a.blend"},
		},
		{
			"the home folder is no project", "/home/ann", "/home/ann/film/shot.blend",
			[]string{"/home/ann/pictures/a.png"},
			map[string]string{"/home/ann/film/shot.blend": "shot.blend", "/home/ann/pictures/a.png": "_outside/home/ann/pictures/a.png"},
		},
		{
			"elsewhere", "/home/ann", "/home/ann/film/shot.blend",
			[]string{"/srv/library/x/a.blend", "/srv/library/y/b.png"},
			map[string]string{
				"/home/ann/film/shot.blend": "shot.blend", "/srv/library/x/a.blend": "_outside/srv/library/x/a.blend",
				"/srv/library/y/b.png": "_outside/srv/library/y/b.png",
			},
		},
		{
			"Windows", `C:\Users\Ann`, `C:\Users\Ann\film\shots\shot.blend`,
			[]string{`C:\Users\Ann\film\tex\a.png`, `D:\lib\b.blend`, `\\server\share\c.png`},
			map[string]string{
				`C:\Users\Ann\film\shots\shot.blend`: "shots/shot.blend", `C:\Users\Ann\film\tex\a.png`: "tex/a.png",
				`D:\lib\b.blend`: "_outside/D/lib/b.blend", `\\server\share\c.png`: "_outside/server/share/c.png",
			},
		},
		{
			"Windows does not know cases", `c:\users\ann`, `C:\Users\Ann\film\shots\shot.blend`,
			[]string{`c:\users\ann\FILM\tex\a.png`, `\\?\C:\Users\Ann\film\b.png`, `\\?\UNC\server\share\c.png`, `C:\Users\Ann\pictures\d.png`},
			map[string]string{
				`C:\Users\Ann\film\shots\shot.blend`: "shots/shot.blend", `c:\users\ann\FILM\tex\a.png`: "tex/a.png",
				`\\?\C:\Users\Ann\film\b.png`: "b.png", `\\?\UNC\server\share\c.png`: "_outside/server/share/c.png",
				`C:\Users\Ann\pictures\d.png`: "_outside/C/Users/Ann/pictures/d.png",
			},
		},
		{
			"a share", "", `\\Server\share\film\shots\shot.blend`,
			[]string{`\\server\Share\film\a.png`, `\\server\other\b.png`, `C:\c.png`},
			map[string]string{
				`\\Server\share\film\shots\shot.blend`: "shots/shot.blend", `\\server\Share\film\a.png`: "a.png",
				`\\server\other\b.png`: "_outside/server/other/b.png", `C:\c.png`: "_outside/C/c.png",
			},
		},
		{
			"a colon that is no drive", "", "/w/p/shot.blend",
			[]string{`/:w/a\b.png`, "/w/p/1:/c.png"},
			map[string]string{
				"/w/p/shot.blend": "shot.blend", `/:w/a\b.png`: "_outside/w/" + tag(`a\b.png`) + "-a_b.png",
				"/w/p/1:/c.png": tag("#:") + "-1_/c.png",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Of(c.blend, c.files, c.home)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Names that differ in case only, or that some platform cannot have, get places of their own.
func TestLayoutOfOddNames(t *testing.T) {
	files := []string{"/w/p/Tex.png", "/w/p/tex.png", "/w/p/CON.png", "/w/p/a:b.png", "/w/p/end.", "/w/p/a\\b.png", "/w/p/\x01.png", "/w/p/" + strings.Repeat("n", 300) + ".png"}
	places := Of("/w/p/x.blend", files, "")
	checkPlaces(t, "/w/p/x.blend", files, places)
	if places["/w/p/Tex.png"] != "Tex.png" || path.Ext(places["/w/p/tex.png"]) != ".png" {
		t.Errorf("%v", places)
	}
}

// What belongs together by its name does so in the job's folder: the pictures of a sequence, the tiles of a texture, a
// .blend and its caches.
func TestLayoutKeepsFamilies(t *testing.T) {
	long := strings.Repeat("d/", 100)
	files := []string{
		"/w/p/TEX_1.png", "/w/p/tex_1.png", "/w/p/tex_2.png", "/w/p/tex_30.png",
		"/w/p/wave?_0001.png", "/w/p/wave?_0002.png", "/w/p/" + long + "x_1001.v2.png", "/w/p/" + long + "x_1002.v2.png",
		"/w/p/blendcache_sh:ot/a_000001_00.bphys", "/w/p/File", "/w/p/file/inside.png",
	}
	places := Of("/w/p/sh:ot.blend", files, "")
	checkPlaces(t, "/w/p/sh:ot.blend", files, places)
	at := func(i int) string { return places[files[i]] }
	for _, pair := range [][2]string{
		{at(0), "TEX_1.png"},
		{at(2), strings.Replace(at(1), "tex_1.", "tex_2.", 1)},
		{at(3), strings.Replace(at(1), "tex_1.", "tex_30.", 1)},
		{at(5), strings.Replace(at(4), "_0001.", "_0002.", 1)},
		{at(7), strings.Replace(at(6), "x_1001.v2", "x_1002.v2", 1)},
		{at(8), "blendcache_" + strings.TrimSuffix(places["/w/p/sh:ot.blend"], ".blend") + "/a_000001_00.bphys"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s lies where %s should", pair[0], pair[1])
		}
	}
	for _, place := range []string{at(1), at(4)} {
		if name, _, _ := strings.Cut(path.Base(place), "-"); strings.ContainsAny(name, "0123456789") {
			t.Errorf("Blender could take the digits of %s for a frame", name)
		}
	}
}

type failer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkPlaces wants every file at a clean place of its own, on disks that do not know cases, too.
func checkPlaces(t failer, blend string, files []string, places map[string]string) {
	t.Helper()
	taken := map[string]string{}
	for _, file := range append([]string{blend}, files...) {
		place, ok := places[file]
		if !ok {
			t.Errorf("%s has no place", file)
			continue
		}
		if clean, err := blob.CleanPath(place); err != nil || clean != place {
			t.Errorf("%s lies at %q, which is not clean: %v", file, place, err)
		}
		if other, twice := taken[strings.ToLower(place)]; twice && Slashes(other) != Slashes(file) {
			t.Errorf("%s and %s lie at the same place %s", file, other, place)
		}
		taken[strings.ToLower(place)] = file
		if n := len(utf16.Encode([]rune(place))); n > 140 { // a path of Windows has 260, the worker's folder among them
			t.Errorf("%s lies at %q, which has %d units", file, place, n)
		}
	}
	for place, file := range taken {
		for dir := path.Dir(place); dir != "."; dir = path.Dir(dir) {
			if other, is := taken[dir]; is {
				t.Errorf("%s lies at %s, in a folder whose name %s has", file, place, other)
			}
		}
	}
}

func TestLayoutProperties(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "A", "tex", "film", "home", "ann", "x y", "ü", "con", "_outside", "a.png", "b.blend"})
	file := rapid.Custom(func(t *rapid.T) string {
		return "/" + strings.Join(rapid.SliceOfN(part, 1, 7).Draw(t, "parts"), "/") + rapid.SampledFrom([]string{"", ".png", ".blend", ".", ":x", "?"}).Draw(t, "end")
	})
	rapid.Check(t, func(t *rapid.T) {
		blend := file.Draw(t, "blend")
		files := rapid.SliceOfDistinct(file, rapid.ID).Draw(t, "files")
		home := rapid.SampledFrom([]string{"", "/home/ann", "/a", "/"}).Draw(t, "home")
		places := Of(blend, files, home)
		checkPlaces(t, blend, files, places)
		again := Of(blend, files, home)
		if d := cmp.Diff(places, again); d != "" {
			t.Errorf("a second time it is another layout:\n%s", d)
		}
		// What lies below the scene's folder keeps its place beside the scene, where its name allows.
		for _, f := range files {
			rel, below := strings.CutPrefix(f, path.Dir(blend)+"/")
			if _, err := blob.CleanPath(rel); !below || err != nil || strings.HasPrefix(places[blend], outside+"/") || strings.HasPrefix(places[f], outside+"/") {
				continue
			}
			inTheWay := func(o string) bool { // on some system
				mine, other := blob.FoldPath(strings.TrimPrefix(f, "/")), blob.FoldPath(strings.TrimPrefix(o, "/"))
				return o != f && (mine == other || strings.HasPrefix(mine, other+"/") || strings.HasPrefix(other, mine+"/"))
			}
			if slices.ContainsFunc(append([]string{blend}, files...), inTheWay) {
				continue
			}
			if want := path.Join(path.Dir(places[blend]), rel); places[f] != want && want != outside { // a folder has that name
				t.Errorf("%s lies at %s; beside %s at %s it would be %s", f, places[f], blend, places[blend], want)
			}
		}
	})
}
