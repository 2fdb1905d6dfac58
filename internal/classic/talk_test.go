package classic

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestConversations replays conversations of each dialect on one connection: testdata/*.talk, written by hand from what is
// known of the original. Lines of requests begin with ">", lines of answers with "<"; the first lines and the bodies of answers
// are compared byte by byte, and every header that is named. {picture} and {scene} stand for bytes, {length} for how many of
// them follow, {time} for a time; another name for what was first read there.
func TestConversations(t *testing.T) {
	talks, err := filepath.Glob("testdata/*.talk")
	if err != nil || len(talks) < 2 {
		t.Fatalf("%d conversations, %v", len(talks), err)
	}
	for _, path := range talks {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			h := open(t, func(o *Options) {
				if strings.Contains(path, "page") {
					o.Dialect = Page
				}
			})
			c := h.dial()
			known := map[string]string{"picture": string(picture(t)), "scene": "BLENDER-v279 is the scene"}
			for i, e := range exchanges(string(text)) {
				method, _, _ := strings.Cut(e.request, " ")
				head, body := c.ask(fill(e.request, known), method)
				if err := e.compare(head, body, known); err != nil {
					t.Fatalf("exchange %d, %s: %v\ngot %s%.2000s", i+1, strings.SplitN(e.request, "\n", 2)[0], err, head, body)
				}
			}
		})
	}
}

// exchange is a request and its answer.
type exchange struct{ request, answer string }

// exchanges reads a conversation.
func exchanges(text string) (list []exchange) {
	asking := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		said := strings.TrimPrefix(line[1:], " ")
		if line[0] == '>' {
			if !asking {
				list = append(list, exchange{})
			}
			list[len(list)-1].request += said + "\n"
		} else {
			list[len(list)-1].answer += said + "\n"
		}
		asking = line[0] == '>'
	}
	return list
}

// fill makes the bytes of a request: lines of the head end as HTTP's do, and the body has no line end behind it.
func fill(request string, known map[string]string) string {
	head, body, _ := strings.Cut(request, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	known["length"] = ""
	for name, value := range known {
		body = strings.ReplaceAll(body, "{"+name+"}", value)
	}
	known["length"] = strconv.Itoa(len(body))
	for name, value := range known {
		if name != "picture" && name != "scene" {
			head = strings.ReplaceAll(head, "{"+name+"}", value)
		}
	}
	return strings.ReplaceAll(strings.TrimSuffix(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + body
}

var placeholder = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// compare holds an answer against what it must be.
func (e *exchange) compare(head, body string, known map[string]string) error {
	want, wantBody, _ := strings.Cut(e.answer, "\n\n")
	wantBody = strings.TrimSuffix(wantBody, "\n")
	lines := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	got := strings.Split(strings.TrimRight(head, "\r\n"), "\r\n")
	if got[0] != lines[0] {
		return fmt.Errorf("it begins %q, not %q", got[0], lines[0])
	}
	for _, line := range lines[1:] {
		found := false
		for _, g := range got[1:] {
			name, _, _ := strings.Cut(line, ":")
			if strings.HasPrefix(strings.ToLower(g), strings.ToLower(name)+":") && match(line[len(name):], g[len(name):], known) == nil {
				found = true
			}
		}
		if !found {
			return fmt.Errorf("it lacks the header %q", line)
		}
	}
	if name := strings.Trim(wantBody, "{}"); name == "picture" || name == "scene" {
		if body != known[name] {
			return fmt.Errorf("the body is not the %s", name)
		}
	} else if err := match(wantBody, body, known); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}

// match compares texts, and learns what is not known yet.
func match(want, got string, known map[string]string) error {
	var names []string
	pattern := placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(want), func(p string) string {
		name := p[2 : len(p)-2]
		if name == "time" {
			return `[0-9]+\.[0-9]+`
		}
		if value, ok := known[name]; ok && name != "length" {
			return regexp.QuoteMeta(value)
		}
		names = append(names, name)
		return `([0-9a-f]+)`
	})
	found := regexp.MustCompile("(?s)^" + pattern + "$").FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("want %.3000q", want)
	}
	for i, name := range names {
		if name != "length" {
			known[name] = found[i+1]
		}
	}
	return nil
}
