package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// offered is what a shell offers after the words; the last of them is the beginning of a word.
func offered(t *testing.T, words ...string) (list []string, how string) {
	t.Helper()
	out, _, code := command(t, append([]string{"__complete"}, words...)...)
	if code != exitDone {
		t.Fatalf("%q: exit %d", words, code)
	}
	text, how, _ := strings.Cut(strings.TrimSuffix(out, "\n"), "\n:")
	if strings.HasPrefix(out, ":") {
		text, how = "", out[1:]
	}
	return strings.Split(text, "\n"), strings.TrimSpace(how)
}

func TestValuesAreCompleted(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"render --order ", "linear reverse outside-in"},
		{"render --order o", "outside-in"},
		{"addon --platform li", "linux-amd64 linux-arm64"},
		{"submit --exr ", "full half none"},
		{"render --gpu o", "optix oneapi"},
		{"worker --confine ", "auto always never"},
		{"worker --devices cuda,o", "cuda,optix cuda,oneapi"},
		{"jobs --state ", "collecting queued active paused done failed canceled"},
		{"jobs --state done,f", "done,failed"},
		{"jobs --state done,d", ""},
		{"token create anna --role ", "view submit worker admin"},
		{"pair --role ", "view submit worker"},
		{"render x.blend --priority ", ""},
		{"set 1 t", "timeout= tags="},
		{"rules c", "cap="},
		{"worker-set oak e", "enabled=yes enabled=no"},
		{"version ", ""},
	} {
		words := strings.Split(c.line, " ")
		if got, how := offered(t, words...); strings.Join(got, " ") != c.want || how == "0" {
			t.Errorf("%q is completed with %q (%s), not %q", c.line, got, how, c.want)
		}
	}
	// Files of the right kind are offered by the shell itself: 8 says by their ends, 16 folders.
	for line, want := range map[string]string{"render ": "blend 8", "submit ": "blend 8", "fetch 1 -o ": " 16", "addon --program ": " 0", "render x.blend --out ": " 16"} {
		got, how := offered(t, strings.Split(line, " ")...)
		if strings.Join(got, " ")+" "+how != want {
			t.Errorf("%q is completed with %q %s, not %q", line, got, how, want)
		}
	}
}

// Numbers and names come from the master of this machine.
func TestNamesAreCompleted(t *testing.T) {
	f := startFarm(t)
	f.submit("1-4", true)
	f.submit("1-4", true)
	f.ok("pause 2")
	f.worker("oak", time.Millisecond)
	f.worker("elm", time.Millisecond)
	anna := lines[wire.NewToken](t, f.ok("token create anna --json"))[0]
	p := begin(t, f.ctx, "pair", "--json", "--master", f.client.Address(), "--data", t.TempDir())
	waitFor(t, "a code is shown", func() bool { return strings.Contains(p.out.String(), "\n") })
	code := lines[struct{ Code string }](t, p.out.String())[0].Code
	for _, c := range []struct{ line, want string }{
		{"job ", "2\tshot (paused, 0/4)|1\tshot (collecting, 0/4)"},
		{"logs ", "2\tshot (paused, 0/4)|1\tshot (collecting, 0/4)"},
		{"job 1 ", ""},
		{"delete 2 ", "1\tshot (collecting, 0/4)"},
		{"cancel 1", "1\tshot (collecting, 0/4)"},
		{"pause ", "1\tshot (collecting, 0/4)"},
		{"resume ", "2\tshot (paused, 0/4)"},
		{"jobs --before ", "2\tshot (paused, 0/4)|1\tshot (collecting, 0/4)"},
		{"worker-set ", "elm\tonline|oak\tonline"},
		{"render --allow oak,", "oak,elm\tonline"},
		{"token revoke " + anna.ID[:3], anna.ID + "\tanna (submit)"},
		{"pair accept " + code[:2], code},
	} {
		got, how := offered(t, strings.Split(c.line, " ")...)
		if text := strings.Join(got, "|"); text != c.want && !(c.want == code && strings.HasPrefix(text, code+"\t")) || how == "0" {
			t.Errorf("%q is completed with %q (%s), not %q", c.line, got, how, c.want)
		}
	}
	if got, _ := offered(t, "job", "--master", f.client.Address(), ""); len(got) != 2 {
		t.Errorf("with the master named: %q", got)
	}
	if got, _ := offered(t, "job", "--token", "nr_wrong", ""); got[0] != "" {
		t.Errorf("with a wrong token: %q", got)
	}
}

// A master that does not answer is not waited for.
func TestCompletionDoesNotWait(t *testing.T) {
	command(t, "version")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	began := time.Now()
	for _, words := range [][]string{{"job", "--master", silent.Addr().String(), ""}, {"job", ""}, {"worker-set", "--master", "127.0.0.1:1", ""}} {
		if got, _ := offered(t, words...); got[0] != "" {
			t.Errorf("%q: %q", words, got)
		}
	}
	if took := time.Since(began); took > 10*completeTime {
		t.Errorf("it took %s", took)
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"1-5", "1-5"}, {"10,20,30,40", "10,20,..."}, {"abcdefghijklmnop", "abcdefgh..."}, {"1,abcdefghijk", "1,abcdef..."}, {"abcdefgäh", "abcdefg..."},
	} {
		if got := shorten(c.text, 8); got != c.want {
			t.Errorf("%q becomes %q, not %q", c.text, got, c.want)
		}
	}
	if got := framesText(farm.Frames(3)); got != "frame 3" {
		t.Error(got)
	}
}
