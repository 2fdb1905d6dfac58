// Package notify delivers messages of the farm to places outside it, once each time it is asked: to webhooks, whose bodies
// are signed as the Standard Webhooks specification says, and through github.com/nicholas-fedor/shoutrrr to chat, e-mail
// and push services. When, to whom and how often is decided elsewhere.
//
// Whoever may set a URL here has the master call it, so only admins may. What is called may be hostile all the same: no
// redirect is followed, link-local addresses (where clouds give out their secrets) are not called, a try ends after 10 s,
// and little of an answer is read.
package notify

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/netrender/netrender/internal/farm"
)

// Limits of a try.
const (
	Limit     = 10 * time.Second
	maxAnswer = 64 << 10 // bytes of an answer that are read
	maxURL    = 2000
	maxShown  = 300 // bytes of an answer, or of an error, that are shown
)

// Options are what a Sender is made of.
type Options struct {
	Now     func() time.Time
	Base    func() string // address of the pages, without a slash at its end; "": not known
	Farm    string        // name of the farm
	Program string        // version
}

// Sender delivers. Its methods may be called by several at once.
type Sender struct {
	opt   Options
	hooks *http.Client
	stuck stuck
}

// New makes a sender. It also puts a guard before what services of the library call; see guard.
func New(opt Options) *Sender {
	guardLibrary()
	return &Sender{
		opt: opt, stuck: stuck{n: make(map[string]int)},
		hooks: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Check refuses a URL to which nothing can be delivered. where is what may be shown of it: it names no secret. A webhook has
// its bodies signed.
func (s *Sender) Check(text string) (where string, webhook bool, err error) {
	u, err := parse(text)
	if err != nil {
		return "", false, err
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		if u.Host == "" || u.Hostname() == "" {
			return "", false, farm.Errorf(farm.Invalid, "the URL names no host").WithHint("write it as https://HOST/PATH")
		}
		return u.Scheme + "://" + u.Host, true, nil
	}
	sv, err := open(u, true)
	if err != nil {
		return "", false, err
	}
	return sv.where(u), false, nil
}

func parse(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	bad := farm.Errorf(farm.Invalid, "that is no URL that anything can be delivered to").
		WithHint("a webhook is https://HOST/PATH; a service is, as one of many, smtp://USER:PASSWORD@HOST:587/?from=FARM@STUDIO&to=YOU@STUDIO")
	plain, escaped := url.PathUnescape(text)
	if escaped != nil || len(text) > maxURL || !utf8.ValidString(text) || strings.ContainsFunc(text+plain, unicode.IsControl) {
		return nil, bad
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return nil, bad
	}
	return u, nil
}

// Send tries once to deliver the messages to the target: those of one kind together to a service, the first one to a webhook.
// It returns within Limit.
func (s *Sender) Send(ctx context.Context, t *farm.Target, list []farm.Message) farm.Answer {
	began := s.opt.Now()
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	var a farm.Answer
	switch u, err := parse(t.URL); {
	case err != nil:
		a.Said = err.Error()
	case u.Scheme == "http" || u.Scheme == "https":
		a = s.hook(ctx, t, &list[0])
	default:
		a = s.service(ctx, u, t.ID, list)
	}
	a.TookS = max(s.opt.Now().Sub(began).Seconds(), 0)
	return a
}

// Gathers tells whether several messages of a kind go as one to the target.
func (s *Sender) Gathers(t *farm.Target) bool { return t.Secret == "" }

// link is the address of the page about a message; "" when there is none.
func (s *Sender) link(m *farm.Message) string {
	base := s.opt.Base()
	if base == "" || m.Path == "" {
		return ""
	}
	return strings.TrimSuffix(base, "/") + m.Path
}

// shown makes text of others fit to be shown: on one line, short, and nothing but text.
func shown(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(text) <= maxShown {
		return text
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
