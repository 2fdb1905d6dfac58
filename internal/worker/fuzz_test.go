package worker

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRecord reads any text as a parcel's record: what is taken holds together, names no file outside its folder, and
// is written as it was read.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"seq":7,"slot":1,"reports":[{"lease":4294967297,"worker":"w","job":1,"frame":-3,"attempt":1,"outcome":"done","seconds":1.5,` +
		`"results":[{"kind":"exr","name":"a.exr","size":9,"sha256":"00","frame":-3}]}],"paths":["files/a.exr"],"log":true}`))
	f.Add([]byte(`{"seq":1,"reports":[{"frame":1,"outcome":"returned"},{"frame":2,"outcome":"returned"}]}`))
	f.Add([]byte(`{"reports":[{"results":[{"size":-1}]}],"paths":["../../etc/passwd"]}`))
	f.Add([]byte(`{"reports":[{"results":[{}]}],"paths":["/etc/passwd"]}`))
	f.Add([]byte(`{"reports":[{"results":[{}]}],"paths":["files/../.."]}`))
	f.Add([]byte(`{"reports":[],"paths":null}`))
	f.Add([]byte(`{"seq":18446744073709551615,"slot":-1,"reports":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := readRecord(text)
		if err != nil {
			return
		}
		p := parcel{record: r}
		p.size()
		for i := range p.Reports[0].Results {
			if path := filepath.Join("outbox", filepath.FromSlash(p.Paths[i])); !filepath.IsLocal(path) || path[:6] != "outbox" {
				t.Fatalf("%q names %s", text, path)
			}
		}
		kept, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := readRecord(kept)
		if d := cmp.Diff(r, again, cmpopts.EquateEmpty()); d != "" || err != nil {
			t.Fatalf("%q is kept as %q, %v:\n%s", text, kept, err, d)
		}
	})
}
