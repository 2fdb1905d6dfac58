package notify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func sender() *Sender {
	return New(Options{Now: time.Now, Base: func() string { return "https://farm.studio/" }, Farm: "farm", Program: "1"})
}

func message(text string) farm.Message {
	return farm.Message{
		ID: "msg_1_a", Kind: farm.TellDone, Time: time.Unix(1_790_000_000, 0).UTC(), Text: text, Path: "/jobs/7",
		Job: &farm.MessageJob{ID: 7, Name: "shot", Owner: "anna", State: farm.Done, Total: 2, Done: 2},
	}
}

// TestSign: the example of the specification's own libraries.
func TestSign(t *testing.T) {
	got, err := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, %v, not %s", got, err, want)
	}
	for _, bad := range []string{"", "whsec_", "whsec_!"} {
		if _, err := Sign(bad, "a", time.Now(), nil); err == nil {
			t.Errorf("%q signs", bad)
		}
	}
	if s := Secret(make([]byte, 32)); s != "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" {
		t.Error(s)
	}
}

// receiver keeps what is posted to it.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.bodies, r.heads = append(r.bodies, string(body)), append(r.heads, q.Header)
		r.mu.Unlock()
		answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies
}

func fine(http.ResponseWriter, *http.Request) {}

// TestWebhook: what is posted is what the documentation says, and its example in Python finds it good and lies bad.
func TestWebhook(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks\n<b>") })
	a := sender().Send(context.Background(), &farm.Target{URL: r.URL + "/in", Secret: secret}, []farm.Message{message("shot is done"), message("not this one")})
	if !a.OK || a.Status != 200 || a.Said != "thanks <b>" {
		t.Fatalf("%+v", a)
	}
	var b struct {
		Type, Timestamp string
		Data            struct {
			Farm, Text, Link string
			Job              struct {
				ID    int
				State string
			}
		}
	}
	text, head := r.got()[0], r.heads[0]
	if err := json.Unmarshal([]byte(text), &b); err != nil || len(r.got()) != 1 {
		t.Fatal(err, r.got())
	}
	if b.Type != "job.done" || b.Timestamp != "2026-09-21T14:13:20Z" || b.Data.Farm != "farm" || b.Data.Text != "shot is done" ||
		b.Data.Link != "https://farm.studio/jobs/7" || b.Data.Job.ID != 7 || b.Data.Job.State != "done" {
		t.Errorf("%s", text)
	}
	if head.Get(headerID) != "msg_1_a" || head.Get("Content-Type") != "application/json" {
		t.Errorf("%v", head)
	}
	doc, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(doc)
	if code == nil {
		t.Fatal("docs/notifications.md has no example in Python")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no Python")
	}
	verify := func(body string, headers map[string]string, secret string) string {
		given, _ := json.Marshal(map[string]any{"body": body, "headers": headers, "secret": secret})
		cmd := exec.Command(python, "-c", string(code[1])+`
import json, sys
given = json.load(sys.stdin)
try:
    print(verify(given["secret"], given["headers"], given["body"].encode())["data"]["text"])
except ValueError as err:
    print("refused:", err)
`)
		cmd.Stdin = strings.NewReader(string(given))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	headers := func(edit ...string) map[string]string {
		h := map[string]string{}
		for _, name := range []string{headerID, headerTimestamp, headerSignature} {
			h[name] = head.Get(name)
		}
		if len(edit) == 2 {
			h[edit[0]] = edit[1]
		}
		return h
	}
	if got := verify(text, headers(), secret); got != "shot is done" {
		t.Error(got)
	}
	two := headers(headerSignature, "v1a,AAAA v1,AAAA "+head.Get(headerSignature))
	if got := verify(text, two, secret); got != "shot is done" {
		t.Errorf("of several signatures: %s", got)
	}
	for what, got := range map[string]string{
		"another body":   verify(text+" ", headers(), secret),
		"another id":     verify(text, headers(headerID, "msg_2"), secret),
		"another secret": verify(text, headers(), Secret([]byte("another secret"))),
		"an old one":     verify(text, headers(headerTimestamp, "1790000000"), secret),
		"no signature":   verify(text, headers(headerSignature, ""), secret),
	} {
		if !strings.HasPrefix(got, "refused: ") {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// TestBadReceivers: none gets the master to call somebody else, to wait long or to read much.
func TestBadReceivers(t *testing.T) {
	inside := receive(t, fine) // a page that only the master's machine can reach
	gone := receive(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	fails := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		fmt.Fprint(w, "\x1b[31moh\x00 no\u202e")
	})
	long := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				return
			}
		}
		t.Error("a gigabyte was read")
	})
	held := make(chan struct{})
	slow := receive(t, func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-q.Context().Done():
		case <-held:
		}
	})
	defer close(held)
	closed := httptest.NewServer(http.HandlerFunc(fine))
	closed.Close()
	redirects := func(status int, to string) string {
		return receive(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", to); w.WriteHeader(status) }).URL
	}
	plainHTTP := func(url string) string { return strings.TrimPrefix(url, "http://") }
	for _, c := range []struct{ url, text string }{
		{redirects(301, inside.URL), "a redirect (301), which is not followed"},
		{redirects(303, inside.URL), "a redirect (303), which is not followed"},
		{redirects(307, inside.URL), "a redirect (307), which is not followed"},
		{redirects(308, "http://169.254.169.254/latest/meta-data"), "a redirect (308), which is not followed"},
		{"http://169.254.169.254/latest/meta-data", "a link-local address is not called"},
		{"http://[fe80::1%25lo]/", "a link-local address is not called"},
		{"http://[::ffff:169.254.169.254]/", "a link-local address is not called"},
		{gone.URL, "Gone"},
		{fails.URL, "[31moh no"},
		{long.URL, "..."},
		{slow.URL, "no answer came within 10 s"},
		{closed.URL, "it cannot be reached: "},
		{"generic://" + plainHTTP(redirects(307, inside.URL)) + "/x?disabletls=yes", "a redirect (307), which is not followed"},
		{"matrix://:token-of-matrix@" + plainHTTP(redirects(307, inside.URL)) + "/?disabletls=yes&rooms=a", "a redirect (307), which is not followed"},
		{"rocketchat://" + plainHTTP(redirects(307, inside.URL)) + "/tokenA/tokenB", ""},
		{"generic://169.254.169.254/x?disabletls=yes", "a link-local address is not called"},
		{"generic://" + plainHTTP(slow.URL) + "/x?disabletls=yes", "no answer came within 10 s"},
		{"smtp://" + plainHTTP(slow.URL) + "/?from=a@b&to=c@d", "no answer came within 10 s"},
		{"matrix://:token-of-matrix@" + plainHTTP(fails.URL) + "/?disabletls=yes&rooms=a", ""},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
		a := sender().Send(ctx, &farm.Target{ID: c.url, URL: c.url, Secret: secret}, []farm.Message{message("x")})
		cancel()
		if a.OK != (c.url == long.URL) || !strings.Contains(a.Said, c.text) || strings.Contains(a.Said, "token-of-matrix") || len(a.Said) > maxShown+3 {
			t.Errorf("%s: %+v, wanted %q", c.url, a, c.text)
		}
		if a.Gone != (c.url == gone.URL) {
			t.Errorf("%s: %+v", c.url, a)
		}
	}
	if n := len(inside.got()); n > 0 {
		t.Errorf("the page inside was called %d times: %q", n, inside.got())
	}
}

// TestStuckTries: a service that never lets go holds a few tries, no more.
func TestStuckTries(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := sender()
	for i := range mostStuck + 2 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		a := s.Send(ctx, &farm.Target{ID: "a", URL: "smtp://" + l.Addr().String() + "/?from=a@b&to=c@d"}, []farm.Message{message("x")})
		cancel()
		if want := map[bool]string{true: "no answer came", false: "3 tries before have not ended"}[i < mostStuck]; !strings.Contains(a.Said, want) {
			t.Errorf("try %d: %+v", i+1, a)
		}
	}
}

// mailbox is an SMTP server that takes one mail.
func mailbox(t *testing.T) (address string, mail <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		p := textproto.NewConn(c)
		_ = p.PrintfLine("220 box")
		var to string
		for {
			line, err := p.ReadLine()
			if err != nil {
				return
			}
			switch word, _, _ := strings.Cut(strings.ToUpper(line), " "); word {
			case "EHLO":
				_ = p.PrintfLine("250-box\r\n250 AUTH PLAIN")
			case "DATA":
				_ = p.PrintfLine("354 go on")
				text, _ := io.ReadAll(p.DotReader())
				got <- to + "\n" + string(text)
				_ = p.PrintfLine("250 taken")
			case "QUIT":
				_ = p.PrintfLine("221 bye")
				return
			default:
				to += line + "\n"
				_ = p.PrintfLine("250 fine")
			}
		}
	}()
	return l.Addr().String(), got
}

const hostile = "é <script>alert(1)</script> @everyone <!channel> *bold* _u_ [x](https://evil.example) `c` :smile:\r\nBcc: all@studio\u202etxt"

// TestMail: an e-mail has one head, whatever a job is called.
func TestMail(t *testing.T) {
	address, mail := mailbox(t)
	a := sender().Send(context.Background(), &farm.Target{ID: "a", URL: "smtp://" + address + "/?from=farm@studio&to=anna@studio&usehtml=yes&subject=x&timeout=1h"}, []farm.Message{message(hostile)})
	if !a.OK {
		t.Fatalf("%+v", a)
	}
	text := <-mail
	envelope, text, _ := strings.Cut(text, "\n\n")
	head, body, _ := strings.Cut(text, "\n\n")
	heads := bufio.NewScanner(strings.NewReader(head))
	for heads.Scan() {
		if strings.HasPrefix(strings.ToLower(heads.Text()), "bcc") || strings.Contains(heads.Text(), "multipart") {
			t.Errorf("a head of the mail is %s", heads.Text())
		}
	}
	if !strings.Contains(envelope, "RCPT TO:<anna@studio>") || !strings.Contains(head, "Subject: =?utf-8?q?=C3=A9_<script>") {
		t.Errorf("the head is\n%s", head)
	}
	if want := "é <script>alert(1)</script> @everyone <!channel> *bold* _u_ [x](https://evil.example) `c` :smile: Bcc: all@studiotxt\nhttps://farm.studio/jobs/7"; !strings.Contains(body, want) {
		t.Errorf("the body is\n%s", body)
	}
}

// TestChat: text that people chose is text for every service.
func TestChat(t *testing.T) {
	for name, bad := range map[string][]string{
		"discord": {"@everyone", "<!ch", " *bold", "](h", "https://evil", "<script", ":smile:"},
		"slack":   {"@everyone", "<", " *bold", "https://evil", ":smile:"},
		"matrix":  {"@everyone", "<script"},
		"zulip":   {"@everyone", "](h", "https://evil"},
		"teams":   {"<script", "](h", "https://evil"},
	} {
		got := sender().text(services[name], []farm.Message{message(hostile)})
		first, link, two := strings.Cut(got, "\n")
		if !two || link != "https://farm.studio/jobs/7" {
			t.Errorf("%s: %q", name, got)
		}
		for _, b := range bad {
			if strings.Contains(first, b) {
				t.Errorf("%s: %q is in %q", name, b, first)
			}
		}
		if strings.ContainsAny(first, "\r\u202e") {
			t.Errorf("%s: %q", name, first)
		}
	}
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	many := make([]farm.Message, 500)
	for i := range many {
		many[i] = message(fmt.Sprintf("shot %d is done", i))
	}
	url := "generic://" + strings.TrimPrefix(r.URL, "http://") + "/hooks/x?disabletls=yes&template=json&messagekey=text"
	if a := sender().Send(context.Background(), &farm.Target{ID: "a", URL: url}, many); !a.OK {
		t.Fatalf("%+v", a)
	}
	var said struct{ Text string }
	if err := json.Unmarshal([]byte(r.got()[0]), &said); err != nil || len(r.got()) != 1 ||
		!strings.HasPrefix(said.Text, "shot 0 is done\n") || !strings.HasSuffix(said.Text, "... and 490 more") || strings.Count(said.Text, "is done") != 10 {
		t.Errorf("%v %q", err, r.got())
	}
	if got := sender().subject(many); got != "farm: 500 times a job is done" {
		t.Error(got)
	}
}

// TestCheck: what is a target, what is shown of it, and that what is wrong with one tells no secret.
func TestCheck(t *testing.T) {
	s := sender()
	for _, c := range []struct {
		url, where string
		webhook    bool
	}{
		{"https://hooks.studio:8443/in/TOPSECRET?key=TOPSECRET", "https://hooks.studio:8443", true},
		{"https://user:TOPSECRET@hooks.studio/", "https://hooks.studio", true},
		{" http://10.0.0.7/x ", "http://10.0.0.7", true},
		{"discord://TOPSECRET-TOKEN@123456789", "discord", false},
		{"telegram://123456789:TOPSECRET-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@telegram?chats=@farm", "telegram", false},
		{"slack://hook:TTTTTTTTT-BBBBBBBBB-TOPSECRETAAAAAAAAAAAAAAA@webhook", "slack", false},
		{"matrix://bot:TOPSECRET@matrix.studio/?rooms=!a:b", "matrix at matrix.studio", false},
		{"smtp://farm:TOPSECRET@mail.studio:587/?from=farm@studio&to=anna@studio", "e-mail by mail.studio to anna@studio", false},
		{"generic+https://ntfy.studio/TOPSECRET?@authorization=Bearer+TOPSECRET", "generic at ntfy.studio", false},
	} {
		where, webhook, err := s.Check(c.url)
		if err != nil || where != c.where || webhook != c.webhook {
			t.Errorf("%s: %q %v %v", c.url, where, webhook, err)
		}
	}
	for _, bad := range []string{
		"", "x", "https://", "https:///TOPSECRET", "ftp://a/TOPSECRET", "logger://", "ntfy://a/TOPSECRET", "mattermost://a/TOPSECRET", "https://a/\nb", "https://a/%0aX: b", "smtp://a/?from=x@y",
		"smtp://u:TOPSECRET@h:99999999/?from=a@b&to=c@d&auth=TOPSECRET", "telegram://TOPSECRET@telegram", "discord://TOPSECRET", "slack://TOPSECRET@x", "https://" + strings.Repeat("a", 3000),
		"https+discord://TOPSECRET",
	} {
		where, _, err := s.Check(bad)
		if farm.KindOf(err) != farm.Invalid || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%q: %q, %v", bad, where, err)
		}
	}
}
