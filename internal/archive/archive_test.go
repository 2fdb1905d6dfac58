package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

type file struct {
	Entry
	text string
}

var files = []file{
	{Entry{Name: "farm/netrender.db", Size: 1300, Private: true}, strings.Repeat("0123456789", 130)},
	{Entry{Name: "farm/empty"}, ""},
	{Entry{Name: "outputs/schön " + strings.Repeat("lang/", 60) + "0001.png", Size: 4}, "\x00\x01\xff\n"},
}

var made = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func write(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Head{Kind: "test", Made: made, Program: "1.2.3", About: []byte(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := w.Add(f.Entry, strings.NewReader(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte) (h Head, got []file, err error) {
	h, err = Read(bytes.NewReader(b), "test", func(e Entry, r io.Reader) error {
		text, err := io.ReadAll(r)
		got = append(got, file{e, string(text)})
		return err
	})
	return h, got, err
}

func TestReturns(t *testing.T) {
	b := write(t, files...)
	h, got, err := read(b)
	if d := cmp.Diff(files, got, cmp.AllowUnexported(file{})); err != nil || d != "" {
		t.Fatalf("%v\n%s", err, d)
	}
	if h.Program != "1.2.3" || !h.Made.Equal(made) || string(h.About) != `{"a":1}` || h.Format != format {
		t.Errorf("%+v", h)
	}
	// What is not read is verified all the same, and a caller's error comes back.
	if _, err := Read(bytes.NewReader(b), "test", nil); err != nil {
		t.Error(err)
	}
	enough := errors.New("enough")
	if _, err := Read(bytes.NewReader(b), "test", func(Entry, io.Reader) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	// An empty one is whole, and other programs read it.
	if _, _, err := read(write(t)); err != nil {
		t.Error(err)
	}
	r, n := tar.NewReader(bytes.NewReader(b)), 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != len(files)+2 {
		t.Errorf("tar sees %d entries", n)
	}
}

func TestRefused(t *testing.T) {
	good := write(t, files...)
	pack := func(entries ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range entries {
			text := []byte(h.Linkname)
			if h.Typeflag == tar.TypeReg {
				h.Size, h.Linkname = int64(len(text)), ""
			}
			h.Mode = 0o600
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if h.Typeflag == tar.TypeReg {
				w.Write(text)
			}
		}
		w.Close()
		return b.Bytes()
	}
	reg := func(name, text string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Linkname: text}
	}
	head := reg(headName, `{"netrender_archive":1,"kind":"test"}`)
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrOther},
		{"some text", []byte(strings.Repeat("certainly not a tar ", 100)), ErrOther},
		{"another tar", pack(reg("a", "b")), ErrOther},
		{"another kind", pack(reg(headName, `{"netrender_archive":1,"kind":"other"}`)), ErrOther},
		{"newer", pack(reg(headName, `{"netrender_archive":2,"kind":"test","program":"9"}`)), ErrNewer},
		{"a head that is no JSON", pack(reg(headName, `{`)), ErrDamaged},
		{"no end", pack(head, reg("a", "b")), ErrCut},
		{"two heads", pack(head, head), ErrDamaged},
		{"a path that leads out", pack(head, reg("../a", "b")), ErrDamaged},
		{"an absolute path", pack(head, reg("/a", "b")), ErrDamaged},
		{"a path of Windows", pack(head, reg(`a\..\b`, "b")), ErrDamaged},
		{"a link", pack(head, tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), ErrDamaged},
		{"a device", pack(head, tar.Header{Name: "a", Typeflag: tar.TypeChar}), ErrDamaged},
		{"a wrong sum", pack(head, reg("a", "b"), reg(endName, `{"entries":1,"sha256":"00"}`)), ErrDamaged},
		{"more after the end", append(bytes.Clone(good[:len(good)-1024]), pack(reg("a", "b"))...), ErrDamaged},
	} {
		if _, _, err := read(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := Read(iotest.ErrReader(broken), "test", nil); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestEveryCut cuts an archive after every byte, and spoils each: nothing but padding can change unseen.
func TestEveryCut(t *testing.T) {
	b := write(t, files[1:]...)
	_, whole, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(b, '}') // of the end; after it come zeros that say nothing
	for n := range last + 1 {
		if _, _, err := read(b[:n]); !errors.Is(err, ErrCut) && !errors.Is(err, ErrOther) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(b), err)
		}
		spoilt := bytes.Clone(b)
		spoilt[n] ^= 0x10
		if _, got, err := read(spoilt); err == nil && !cmp.Equal(got, whole, cmp.AllowUnexported(file{})) {
			t.Fatalf("byte %d was spoilt and nobody saw it", n)
		}
	}
}

func TestBadFiles(t *testing.T) {
	w, err := NewWriter(io.Discard, Head{Kind: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []Entry{{Name: ""}, {Name: "/a"}, {Name: "a/../b"}, {Name: headName}, {Name: endName}, {Name: "a", Size: -1}, {Name: strings.Repeat("a", maxName+1)}} {
		if err := w.Add(e, strings.NewReader("")); err == nil {
			t.Errorf("%q was added", e.Name)
		}
	}
	if err := w.Add(Entry{Name: "a", Size: 9}, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// FuzzRead reads any bytes: what is taken is an archive that can be written again.
func FuzzRead(f *testing.F) {
	good := write(f, files...)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(write(f))
	f.Add([]byte("netrender.json"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []file
		total := int64(0)
		h, err := Read(bytes.NewReader(b), "test", func(e Entry, r io.Reader) error {
			text, err := io.ReadAll(r)
			if total += int64(len(text)); total > int64(len(b)) {
				t.Fatalf("%d bytes came out of %d", total, len(b))
			}
			got = append(got, file{e, string(text)})
			return err
		})
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := NewWriter(&again, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			if err := w.Add(g.Entry, strings.NewReader(g.text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
