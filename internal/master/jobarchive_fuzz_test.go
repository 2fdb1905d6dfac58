package master_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// FuzzReadJobArchive reads any bytes as what is packed in an archive: what is taken makes sense.
func FuzzReadJobArchive(f *testing.F) {
	good := []entry{
		{"netrender.json", `{"netrender_archive":1,"kind":"job","about":{"job":1,"files":true,"results":true,"logs":true}}`},
		{"job.json", `{"spec":{"name":"shot","blend":"a.blend","frames":"1-3","options":{"exr":"none","outputs":true}},"state":"active","total":3}`},
		{"manifest/000001.jsonl", `{"path":"a.blend","size":1,"sha256":"` + blob.RefOf([]byte("a")).String() + `"}`},
		{"files/a.blend", "a"},
		{"frames/000001.jsonl", `{"frame":2,"outcome":"done","log":"logs/2.log","results":[{"kind":"output","name":"0002.png","size":1,"sha256":"` + blob.RefOf([]byte("2")).String() + `"}]}`},
		{"outputs/0002.png", "2"},
		{"logs/2.log", "Fra:2"},
		{"missing/000001.jsonl", ""},
		{"netrender.end", ""},
	}
	unpacked := func(text []byte) []byte {
		b, err := io.ReadAll(blob.Decompress(bytes.NewReader(text), 1<<30))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(unpacked(putTogether(f, good)), "", "")
	for _, e := range good {
		f.Add([]byte(nil), e.name, e.text)
	}
	f.Fuzz(func(t *testing.T, plain []byte, name, text string) {
		var packed bytes.Buffer
		if len(plain) > 0 { // a tar of any kind
			z := blob.CompressTo(&packed)
			_, err := z.Write(plain)
			if err := errors.Join(err, z.Close()); err != nil {
				t.Fatal(err)
			}
		} else { // one with a proper sum, one of whose entries is another
			list := slices.Clone(good)
			for i := range list[1 : len(list)-1] {
				if list[i+1].name == name {
					list[i+1].text = text
				}
			}
			packed.Write(putTogether(t, list))
		}
		parts := &checkedParts{t: t}
		a, err := master.ReadJobArchive(&packed, parts)
		if err != nil {
			return
		}
		if err := a.Job.Spec.Check(); err != nil || len(a.Manifest) == 0 {
			t.Fatalf("a job that makes no sense was taken: %v", err)
		}
		if parts.done != a.Done || parts.done > a.Job.Spec.Frames.Count() || a.Bytes < 0 {
			t.Fatalf("%d frames are done, %d were given", a.Done, parts.done)
		}
	})
}

// checkedParts are sure of names.
type checkedParts struct {
	t    *testing.T
	done int
}

func (p *checkedParts) Begin(*master.JobArchive) error { return nil }

func (p *checkedParts) File(f *farm.File, body io.Reader) error { return p.name(f.Path, f.Size, body) }

func (p *checkedParts) Result(_ *master.ArchivedFrame, r *farm.Result, body io.Reader) error {
	return p.name(r.Name, r.Size, body)
}

func (p *checkedParts) name(name string, size int64, body io.Reader) error {
	if _, err := blob.CleanPath(name); err != nil {
		p.t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, body); err == nil && n != size {
		p.t.Fatalf("%s has %d bytes, not %d", name, n, size)
	}
	return nil
}

func (p *checkedParts) Log(*master.ArchivedFrame, int64, io.Reader) error { return nil }

func (p *checkedParts) Wrong() error { return nil }

func (p *checkedParts) Frame(f *master.ArchivedFrame, lacks bool) error {
	if f.Outcome == farm.Rendered && !lacks {
		p.done++
	}
	return nil
}
