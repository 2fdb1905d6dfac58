package notify

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/netrender/netrender/internal/farm"
)

// services are those of the library that are offered, with the way that text is written for them. Their calls go by
// http.DefaultTransport, where guard holds them, or are SMTP. Those of mattermost, ntfy and gotify do not; all three take
// what generic sends.
var services = map[string]func(string) string{
	"bark": bare, "discord": markdown, "generic": bare, "googlechat": pointed, "ifttt": bare, "join": bare, "lark": pointed,
	"matrix": pointed, "notifiarr": markdown, "opsgenie": bare, "pagerduty": bare, "pushbullet": bare, "pushover": bare,
	"rocketchat": markdown, "signal": bare, "slack": slackText, "smtp": bare, "teams": markdown, "telegram": bare, "wecom": pointed, "zulip": markdown,
}

// fixed are words of a URL that change how text is read, or how long is waited: they are ours.
var fixed = []string{"usehtml", "parsemode", "json", "timeout", "subject", "title", "splitlines"}

type service struct {
	types.Service
	name  string
	write func(string) string
}

// open reads the URL of a service. With dry nobody is called: Matrix logs in when its URL is read.
func open(u *url.URL, dry bool) (*service, error) {
	name, custom, _ := strings.Cut(strings.ToLower(u.Scheme), "+")
	write, offered := services[name]
	if !offered {
		names := make([]string, 0, len(services))
		for n := range services {
			names = append(names, n)
		}
		slices.Sort(names)
		e := farm.Errorf(farm.Invalid, "there is no service %s", shown(name))
		if slices.Contains([]string{"mattermost", "ntfy", "gotify"}, name) {
			return nil, e.WithHint("use generic+https://..., docs/notifications.md says how")
		}
		return nil, e.WithHint("there are https (a webhook), %s", strings.Join(names, ", "))
	}
	sv, err := (&router.ServiceRouter{}).NewService(name)
	if err != nil {
		return nil, err
	}
	at := *u
	if custom != "" {
		c, ok := sv.(types.CustomURLService)
		if !ok {
			return nil, farm.Errorf(farm.Invalid, "%s takes no address in this form", name)
		}
		got, err := c.GetConfigURLFromCustom(u)
		if err != nil {
			return nil, wrongURL(name, u, err)
		}
		at = *got
	}
	if name == "matrix" && dry && at.User != nil {
		password, _ := at.User.Password()
		at.User = url.UserPassword("", password) // is taken for a token
	}
	q := at.Query()
	for word := range q {
		if slices.Contains(fixed, strings.ToLower(word)) {
			q.Del(word)
		}
	}
	at.RawQuery = q.Encode()
	if err := sv.Initialize(&at, nil); err != nil {
		return nil, wrongURL(name, u, err)
	}
	return &service{sv, name, write}, nil
}

func wrongURL(name string, u *url.URL, err error) error {
	return farm.Errorf(farm.Invalid, "that is not how a URL for %s is written: %s", name, scrub(u, err.Error())).
		WithHint("see https://shoutrrr.nickfedor.com/latest/services/overview/")
}

// where names the service, and of e-mail and such the server: their hosts are no secrets.
func (sv *service) where(u *url.URL) string {
	switch sv.name {
	case "smtp":
		return "e-mail by " + u.Hostname() + " to " + shown(u.Query().Get("to")+u.Query().Get("toaddresses"))
	case "matrix", "rocketchat", "zulip", "signal", "generic":
		return sv.name + " at " + u.Hostname()
	}
	return sv.name
}

// stuck counts the tries at each target that have been given up and do not end: the library cannot be told to stop.
type stuck struct {
	mu sync.Mutex
	n  map[string]int
}

const mostStuck = 3

func (s *stuck) enter(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[id] >= mostStuck {
		return false
	}
	s.n[id]++
	return true
}

func (s *stuck) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[id]--; s.n[id] == 0 {
		delete(s.n, id)
	}
}

// service sends the messages as one.
func (s *Sender) service(ctx context.Context, u *url.URL, id string, list []farm.Message) farm.Answer {
	sv, err := open(u, true)
	if err != nil {
		return farm.Answer{Said: err.Error()}
	}
	if !s.stuck.enter(id) {
		return farm.Answer{Said: fmt.Sprintf("%d tries before have not ended yet", mostStuck)}
	}
	text, params := s.text(sv.write, list), types.Params{}
	if sv.name == "smtp" {
		params["subject"] = mime.QEncoding.Encode("utf-8", s.subject(list))
	}
	ended := make(chan error, 1)
	go func() {
		defer s.stuck.leave(id)
		ended <- send(u, text, &params)
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = context.DeadlineExceeded
	}
	if err != nil {
		return farm.Answer{Said: scrub(u, plain(err))}
	}
	return farm.Answer{OK: true}
}

// send is Send of a library that may panic.
func send(u *url.URL, text string, params *types.Params) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the library that speaks to it failed")
		}
	}()
	sv, err := open(u, false)
	if err != nil {
		return err
	}
	return sv.Send(text, params)
}

var anyURL = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://\S+`)

// scrub takes the secrets of a URL out of text.
func scrub(u *url.URL, text string) string {
	text = anyURL.ReplaceAllString(text, "(its URL)")
	secrets := strings.Split(u.EscapedPath(), "/")
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.User.Username(), password)
	}
	for name, values := range u.Query() {
		if !slices.Contains([]string{"to", "toaddresses", "from", "fromaddress"}, strings.ToLower(name)) {
			secrets = append(secrets, values...)
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), unescaped(secret)} {
			if len(form) >= 4 {
				text = strings.ReplaceAll(text, form, "(secret)")
			}
		}
	}
	return shown(text)
}

func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
