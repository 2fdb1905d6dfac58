package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestOwnIdentity(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	first, err := ownIdentity(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if !wire.IsPin(first.pin) {
		t.Fatalf("pin %q", first.pin)
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the key: %v %v", info.Mode(), err)
	}
	again, err := ownIdentity(dir, now.Add(time.Hour))
	if err != nil || again.pin != first.pin || again.current.Leaf.SerialNumber.Cmp(first.current.Leaf.SerialNumber) != 0 {
		t.Errorf("after a restart: %v, another certificate", err)
	}
	// It is renewed while the master runs, and after it was off for long; the pin stays.
	running := first.certificate(now.Add(certificateLife * 3 / 4))
	if running.Leaf.SerialNumber.Cmp(first.current.Leaf.SerialNumber) != 0 && wire.PinOf(running.Leaf) != first.pin {
		t.Error("the pin changed with the certificate")
	}
	if !running.Leaf.NotAfter.After(now.Add(certificateLife)) {
		t.Error("a certificate near its end was not renewed")
	}
	late, err := ownIdentity(dir, now.Add(3*certificateLife))
	if err != nil || late.pin != first.pin || !late.current.Leaf.NotAfter.After(now.Add(3*certificateLife)) {
		t.Errorf("long after: %v, ends %v", err, late.current.Leaf.NotAfter)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownIdentity(dir, now); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged key: %v", err)
	}
}

func TestStudioIdentity(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	one, err := ownIdentity(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile)
	i, err := studioIdentity(cert, key, now)
	if err != nil {
		t.Fatal(err)
	}
	if i.host != "localhost" || i.pin != "" || i.current.Leaf.SerialNumber.Cmp(one.current.Leaf.SerialNumber) != 0 {
		t.Errorf("host %q, pin %q", i.host, i.pin)
	}
	k, err := ownKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := makeCertificate(cert, k, now); err != nil {
		t.Fatal(err)
	}
	if c := i.certificate(now.Add(lookAgain)); c.Leaf.SerialNumber.Cmp(one.current.Leaf.SerialNumber) == 0 {
		t.Error("a replaced file was not taken up")
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := i.certificate(now.Add(2 * lookAgain)); c == nil {
		t.Error("a file that is being replaced took the certificate away")
	}
	if _, err := studioIdentity(cert, key, now); farm.KindOf(err) != farm.Invalid {
		t.Errorf("a bad file: %v", err)
	}
}

func TestPinned(t *testing.T) {
	i, err := ownIdentity(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", i.config())
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	url := "https://" + l.Addr().String()
	get := func(address string) error {
		c, err := wire.NewClient(address, "", wire.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Info(t.Context())
		return err
	}
	if err := get(wire.WithPin(url, i.pin)); err != nil {
		t.Error(err)
	}
	for _, address := range []string{url, "http" + strings.TrimPrefix(url, "https"), wire.WithPin(url, strings.Repeat("0", 64))} {
		if err := get(address); farm.KindOf(err) != farm.Untrusted || wire.Again(err) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
