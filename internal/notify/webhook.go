package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const (
	headerID        = "webhook-id"        // the same however often a message is sent
	headerTimestamp = "webhook-timestamp" // of this try, Unix seconds
	headerSignature = "webhook-signature"
	secretPrefix    = "whsec_"
)

// body is what a webhook gets.
type body struct {
	Type      farm.MessageKind `json:"type"`
	Timestamp time.Time        `json:"timestamp"` // when it happened
	Data      data             `json:"data"`
}

type data struct {
	Farm string           `json:"farm"`
	Text string           `json:"text"`
	Hint string           `json:"hint,omitempty"`
	Link string           `json:"link,omitempty"`
	Job  *farm.MessageJob `json:"job,omitempty"`
}

// Secret writes the bytes of a key as the specification has it.
func Secret(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// Sign is the signature of a body: v1 and an HMAC-SHA256 over id, seconds and body.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || len(key) == 0 {
		return "", errors.New("the secret is not one of a webhook")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// hook posts one message.
func (s *Sender) hook(ctx context.Context, t *farm.Target, m *farm.Message) farm.Answer {
	text, err := json.Marshal(body{m.Kind, m.Time, data{s.opt.Farm, m.Text, m.Hint, s.link(m), m.Job}})
	if err != nil {
		return farm.Answer{Said: shown(err.Error())}
	}
	now := s.opt.Now()
	signature, err := Sign(t.Secret, m.ID, now, text)
	if err != nil {
		return farm.Answer{Said: err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(text))
	if err != nil {
		return farm.Answer{Said: "its URL is none"}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Netrender/"+s.opt.Program)
	r.Header.Set(headerID, m.ID)
	r.Header.Set(headerTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(headerSignature, signature)
	resp, err := s.hooks.Do(r)
	if err != nil {
		return farm.Answer{Said: plain(err)}
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4*maxShown))
	a := farm.Answer{OK: resp.StatusCode/100 == 2, Status: resp.StatusCode, Gone: resp.StatusCode == http.StatusGone, Said: shown(string(said))}
	if resp.StatusCode/100 == 3 {
		a.Said = redirectError{resp.StatusCode}.Error()
	}
	if a.Said == "" {
		a.Said = http.StatusText(resp.StatusCode)
	}
	return a
}

// plain says what went wrong without the URL that it went wrong with.
func plain(err error) string {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	var redirect redirectError
	var dns *net.DNSError
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &redirect):
		return redirect.Error()
	case errors.Is(err, errLinkLocal):
		return errLinkLocal.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer came within %d s", int(Limit.Seconds()))
	case errors.As(err, &dns):
		return "its name is not known: " + shown(dns.Err)
	case errors.As(err, &op):
		return "it cannot be reached: " + shown(op.Err.Error())
	}
	return shown(err.Error())
}

// Secret writes a key as the secret of a webhook.
func (s *Sender) Secret(key []byte) string { return Secret(key) }
