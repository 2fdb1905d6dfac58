package farm

import "testing"

func TestShare(t *testing.T) {
	for _, c := range []struct{ share, original, want string }{
		{"/mnt/p", "/mnt/p/tex/a.png", "tex/a.png"},
		{"/mnt/p/", "/mnt/p/tex/../a.png", "a.png"},
		{"/mnt/p", "/mnt/project/a.png", ""},
		{"/mnt/p", "/mnt/p/../q/a.png", ""},
		{"/mnt/p", "/mnt/p", "."},
		{"/mnt/p", "/MNT/p/a.png", ""},
		{"/mnt/p=/Volumes/p", "/mnt/p/a b/ä.png", "a b/ä.png"},
		{`P:\proj=/mnt/p`, `p:\PROJ\tex\a.png`, "tex/a.png"},
		{`P:\proj=/mnt/p`, `P:/proj/tex/a.png`, "tex/a.png"},
		{`P:\proj=/mnt/p`, `Q:\proj\a.png`, ""},
		{`P:\proj=/mnt/p`, `P:\project\a.png`, ""},
		{`\\nas\p=/mnt/p`, `\\NAS\p\tex\a.png`, "tex/a.png"},
		{`\\nas\p=/mnt/p`, `/nas/p/tex/a.png`, ""},
		{`/mnt/p=P:\proj\`, `/mnt/p/tex/a.png`, "tex/a.png"},
		{`/mnt/p=P:\proj`, `/mnt/p/..\..\a.png`, `..\..\a.png`},
		{"/mnt/p", "", ""},
		{"/mnt/p", `\mnt\p\a.png`, ""},
	} {
		s, err := ParseShare(c.share)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Below(c.original); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %s lies at %q, not at %q", c.share, c.original, got, c.want)
		}
		n := Needs{Shared: []string{s.From}}
		if want := c.want != "" && c.want != "."; n.Shares(&File{Original: c.original}) != want {
			t.Errorf("%s shares %s: %v", c.share, c.original, !want)
		}
	}
	for _, bad := range []string{"", "/", "p", "./p", "/mnt/p=", "=/mnt/p", "/mnt/p=p", "/.."} {
		if s, err := ParseShare(bad); err == nil {
			t.Errorf("%q is a share: %+v", bad, s)
		}
		spec := JobSpec{Name: "a", Blend: "a.blend", Frames: Frames(1), Needs: Needs{Shared: []string{bad}}}
		spec.Defaults()
		if err := spec.Check(); err == nil && bad != "/mnt/p=" && bad != "/mnt/p=p" {
			t.Errorf("a job shares %q", bad)
		}
	}
	f := Facts{Shared: []string{"/mnt", `P:\`}}
	for folder, want := range map[string]bool{"/mnt": true, "/mnt/p": true, "/": false, `p:\x`: true, "/mn": false} {
		if f.Sees(folder) != want {
			t.Errorf("the worker sees %s: %v", folder, !want)
		}
	}
}
