package classic

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/netrender/netrender/internal/farm"
)

// said is a connection on which bytes come and nothing is sent.
type said struct {
	net.Conn
	r io.Reader
}

func (s *said) Read(p []byte) (int, error) { return s.r.Read(p) }

// FuzzFront: whatever comes, in whatever pieces, comes through as it is but for slashes before targets.
func FuzzFront(f *testing.F) {
	f.Add([]byte("GET version HTTP/1.1\r\nHost: x\r\n\r\nHEAD status HTTP/1.1\r\n\r\n"))
	f.Add([]byte("PUT file HTTP/1.1\r\nContent-Length: 22\r\n\r\nGET version HTTP/1.1\r\nPOST job HTTP/1.1\r\n\r\n"))
	f.Add([]byte("PUT file HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nGET a\r\n0\r\nGET b HTTP/1.1\r\n\r\nGET c HTTP/1.0\n\n"))
	f.Add([]byte("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\nGET a HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\r\nPOST http://x/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		whole, err := io.ReadAll(&front{Conn: &said{r: bytes.NewReader(sent)}})
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := io.ReadAll(iotest.OneByteReader(&front{Conn: &said{r: iotest.OneByteReader(bytes.NewReader(sent))}}))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole, pieces) {
			t.Fatalf("in one piece %q, in many %q", whole, pieces)
		}
		i := 0
		for _, b := range whole {
			if i < len(sent) && sent[i] == b {
				i++
			} else if b != '/' {
				t.Fatalf("%q became %q", sent, whole)
			}
		}
		if i != len(sent) {
			t.Fatalf("%q lost something: %q", sent, whole)
		}
	})
}

// TestFront: the slash is put before targets, and nowhere else, over a connection that goes on.
func TestFront(t *testing.T) {
	const like = "GET version HTTP/1.1\r\n\r\n" // 24 bytes that are a body
	sent := "GET version HTTP/1.1\r\nHost: x\r\n\r\n" +
		"PUT file HTTP/1.1\r\nContent-Length: 24\r\n\r\n" + like +
		"PUT file HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n18\r\n" + like + "\r\n0\r\nX: y\r\n\r\n" +
		"GET /version HTTP/1.1\r\n\r\n"
	want := strings.NewReplacer("PUT file", "PUT /file").Replace(sent)
	want = "GET /" + strings.TrimPrefix(want, "GET ")
	got, err := io.ReadAll(&front{Conn: &said{r: iotest.HalfReader(strings.NewReader(sent))}})
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
}

// FuzzJob: what is taken of a description makes a job that can be asked for.
func FuzzJob(f *testing.F) {
	f.Add(describe([]int{1, 2, 3}, 5))
	f.Add([]byte(`{"files":[{"filepath":"C:\\a\\b.blend","start":1,"end":2},{"original_path":"//x"}],"frames":[{"number":-5}],"chunks":-1,"priority":1e3}`))
	f.Add([]byte(`{"files":[{"filepath":"a"},{"filepath":"a"}],"frames":[{}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rec, err := readJob(bytes.NewReader(text))
		if err != nil {
			if kind := farm.KindOf(err); kind != farm.Invalid && kind != farm.TooLarge {
				t.Fatalf("%v is a fault of ours", err)
			}
			return
		}
		for i := range rec.Files {
			rec.Files[i].Ref, rec.Files[i].Size = strings.Repeat("0", 64), 1
		}
		rec.Blacklist = nil
		d := &Door{}
		spec, files, err := d.jobOf(t.Context(), rec, rec.Frames)
		if err != nil {
			return
		}
		spec.Defaults()
		if err := spec.Check(); err != nil {
			t.Fatalf("%+v: %v", spec, err)
		}
		seen := map[string]bool{}
		for _, file := range files {
			if strings.Contains("/"+file.Path+"/", "/../") || strings.HasPrefix(file.Path, "/") || seen[file.Path] {
				t.Fatalf("a file lies at %q", file.Path)
			}
			seen[file.Path] = true
		}
		var told []renderFile
		for i := range rec.Files {
			name := flat(told, rec.Files[i].Path)
			if strings.ContainsAny(name, `/\`) || name == "" || name == ".." || slices.ContainsFunc(told, func(f renderFile) bool { return f.Filepath == name }) {
				t.Fatalf("a slave keeps %q as %q", rec.Files[i].Path, name)
			}
			told = append(told, renderFile{Filepath: name})
		}
	})
}

// FuzzNames: numbers in paths and headers are within bounds, and so are names of results.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"/render_1_2.exr", "/file_1_-0", "1:2", "-5:5", "../x", "BLENDER-v279REND", "\x1f\x8b\x08\x00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, shape := range [][2]string{{"/render_", ".exr"}, {"/file_", ""}} {
			if job, n, ok := named(s, shape[0], shape[1]); ok && (n > farm.MaxFrame || n < -farm.MaxFrame || strings.Contains(job, "_")) {
				t.Fatalf("%q is %q, %d", s, job, n)
			}
		}
		if set, err := readRange(s); err == nil && (set.Count() < 1 || set.Count() > maxFrames || set.First() < -farm.MaxFrame || set.Last() > farm.MaxFrame) {
			t.Fatalf("%q is %s", s, set)
		}
		if name, err := outputName(3, s); err == nil && (strings.Count(name, "/") != 2 || strings.Contains(name, "..") && strings.HasPrefix(s, ".")) {
			t.Fatalf("%q lies at %q", s, name)
		}
		if v := sceneVersion([]byte(s)); v.Major < 0 || v.Major > 9 {
			t.Fatalf("%q is of %s", s, v)
		}
	})
}

// TestSceneVersion: the first bytes of a scene say which Blender wrote it.
func TestSceneVersion(t *testing.T) {
	for head, want := range map[string]farm.Version{
		"BLENDER-v279REND": {Major: 2, Minor: 79}, "BLENDER_V304....": {Major: 3, Minor: 4}, "BLENDER17-01v0500": {}, "no scene at all": {}, "BLENDER-v": {}, "BLENDER-vabc": {},
	} {
		if got := sceneVersion([]byte(head)); got != want {
			t.Errorf("%q: %s", head, got)
		}
	}
}
