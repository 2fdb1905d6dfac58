package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// proveTime is how long a master may take to prove itself.
const proveTime = 10 * time.Second

// OverTLS is where a master is that shows the key with the pin.
func OverTLS(pin string) string { return "tls " + pin }

// OverHTTP is where a master is that does not encrypt: at an address of its own.
func OverHTTP(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		at := tcp.AddrPort()
		return "http " + netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()).String()
	}
	if a == nil {
		return "http"
	}
	return "http " + a.String()
}

// prove has whoever is at the other end of a new connection prove that it knows the token, before the token goes there.
// where is the place that the proof must be made for; when it is empty, any that is not encrypted will do. target is
// the address of the call as it stands in the request's first line.
func prove(ctx context.Context, conn net.Conn, at *place, target, token, where string) error {
	var raw [24]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return err
	}
	hash := farm.TokenHash(token)
	ask := ProveRequest{Mark: farm.TokenMark(hash), Nonce: hex.EncodeToString(raw[:])}
	resp, err := askProof(ctx, conn, at, target, ask)
	if err != nil {
		return err
	}
	var reply ProveReply
	if err := json.Unmarshal(resp, &reply); err != nil || !farm.SameProof(reply.Proof, farm.Proof(hash, ask.Nonce, reply.Where)) {
		return farm.Errorf(farm.Untrusted, "what answers at %s cannot prove that it is the master of the farm that gave the token; the token was not shown", at.base).
			WithHint("somebody else may answer at its address: ask whoever runs the farm")
	}
	switch {
	case where == "" && strings.HasPrefix(reply.Where, "http"), where == reply.Where:
		return nil
	case strings.HasPrefix(reply.Where, "tls") && !strings.HasPrefix(where, "tls"):
		return farm.Errorf(farm.Untrusted, "the master encrypts its connections, but what answers at %s does not: somebody stands between; the token was not shown", at.base).
			WithHint("give the https address that the master prints at its start")
	}
	return farm.Errorf(farm.Untrusted, "what answers at %s passes the master's words on: somebody stands between; the token was not shown", at.base).
		WithHint("if that is meant to be so (a proxy, a port that is forwarded), name the master's address with --master")
}

// askProof makes the call by hand, for the connection is not the transport's yet. Errors are farm's where the other side
// said something, else the network's.
func askProof(ctx context.Context, conn net.Conn, at *place, target string, ask ProveRequest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", target, at.host, len(body), body)
	if _, err := conn.Write(text.Bytes()); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: at.scheme, Host: at.host}})
	if err != nil {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: err}
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, MaxSmall))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, notProven(at, resp, reply)
	}
	if resp.Close || in.Buffered() > 0 {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return reply, nil
}

// notProven is what an answer means that is no proof. Whoever gave it is not known, so little of it is believed.
func notProven(at *place, resp *http.Response, reply []byte) error {
	resp.Body = io.NopCloser(bytes.NewReader(reply))
	err := readProblem(resp)
	switch kind := farm.KindOf(err); kind {
	case farm.Denied:
		return farm.Errorf(farm.Denied, "the master at %s does not know this token, or it was revoked", at.base).
			WithHint("ask an admin of the farm for one, or run netrender pair; if the token is right, another farm's master answers there")
	case farm.Untrusted, farm.Throttled, farm.Stopping:
		return err
	}
	return farm.Errorf(farm.Untrusted, "what answers at %s cannot prove that it is a master that knows this token; the token was not shown", at.base).
		WithHint("check that %s is the address of a Netrender master of a version that fits", at.base)
}

// said tells whether an error is the other side's word, or about it, and not the network's.
func said(err error) (*farm.Error, bool) {
	var e *farm.Error
	return e, errors.As(err, &e)
}
