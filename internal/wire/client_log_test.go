package wire

import (
	"net/http"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
)

// logAnswer is what a master answers to one question for a log.
type logAnswer struct {
	ask                       string // the question, encoded
	text, lease, offset, more string
}

// logs answers questions in turn and fails the test for others.
func logs(t *testing.T, answers ...logAnswer) *Client {
	t.Helper()
	t.Cleanup(func() {
		if len(answers) > 0 {
			t.Errorf("%d answers were not asked for", len(answers))
		}
	})
	return against(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("wait_ms")
		if len(answers) == 0 || q.Encode() != answers[0].ask {
			t.Errorf("asked for %s", q.Encode())
			problem(w, farm.Invalid, "not so", "")
			return
		}
		a := answers[0]
		answers = answers[1:]
		for name, value := range map[string]string{HeaderLease: a.lease, HeaderOffset: a.offset, HeaderMore: a.more} {
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		_, _ = w.Write([]byte(a.text))
	})
}

func followed(t *testing.T, c *Client, l LogRange) string {
	t.Helper()
	var all strings.Builder
	for text, err := range c.FollowLog(within(t), l) {
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestFollowLogOverAttempts(t *testing.T) {
	c := logs(t,
		logAnswer{ask: "frame=7", more: "1"}, // nothing yet
		logAnswer{ask: "frame=7", text: "one\n", lease: "5", offset: "4", more: "1"},
		logAnswer{ask: "frame=7&of=5&offset=4", text: "tw", lease: "5", offset: "6", more: "1"},
		logAnswer{ask: "frame=7&of=5&offset=6", lease: "5", offset: "6", more: "1"},
		logAnswer{ask: "frame=7&of=5&offset=6", lease: "9", offset: "0", more: "1"}, // a new one, empty so far
		logAnswer{ask: "frame=7&of=9", text: "three\n", lease: "9", offset: "6", more: "1"},
		logAnswer{ask: "frame=7&of=9&offset=6", text: "four\n", lease: "12", offset: "5"},
	)
	want := "one\ntw\n--- another attempt at frame 7 ---\nthree\n--- another attempt at frame 7 ---\nfour\n"
	if got := followed(t, c, LogRange{Job: 1, Frame: 7}); got != want {
		t.Errorf("%q", got)
	}
}

func TestFollowLogOfOneAttempt(t *testing.T) {
	c := logs(t,
		logAnswer{ask: "frame=7&lease=5", text: "one\n", lease: "5", offset: "4", more: "1"},
		logAnswer{ask: "frame=7&lease=5&offset=4", text: "two\n", lease: "5", offset: "8"},
	)
	if got := followed(t, c, LogRange{Job: 1, Frame: 7, Lease: 5}); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

// TestFollowLogOfAnOlderMaster: it does not say whose the text is.
func TestFollowLogOfAnOlderMaster(t *testing.T) {
	c := logs(t,
		logAnswer{ask: "frame=7", text: "one\n", offset: "4", more: "1"},
		logAnswer{ask: "frame=7&offset=4", text: "two\n", offset: "8"},
	)
	if got := followed(t, c, LogRange{Job: 1, Frame: 7}); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

// TestLogGoesOnInTheSameAttempt: pieces of two attempts are not joined.
func TestLogGoesOnInTheSameAttempt(t *testing.T) {
	c := logs(t,
		logAnswer{ask: "frame=7", text: "one", lease: "5", offset: "3", more: "1"},
		logAnswer{ask: "frame=7&lease=5&offset=3", lease: "5", offset: "3"},
	)
	_, next, more, err := c.Log(within(t), LogRange{Job: 1, Frame: 7}, 0)
	if err != nil || !more || next != (LogRange{Job: 1, Frame: 7, Lease: 5, Offset: 3}) {
		t.Fatal(next, more, err)
	}
	if _, _, more, err = c.Log(within(t), next, 0); more || err != nil {
		t.Fatal(more, err)
	}
}
