package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const (
	keyFile         = "tls-key.pem"  // below the master's folder; made once, so that its pin stays
	certificateFile = "tls-cert.pem" // of this key; renewed when it has run for two thirds of its time
	certificateLife = 396 * 24 * time.Hour
	renewBefore     = certificateLife / 3
	lookAgain       = time.Minute // how often a studio's own files are looked at
)

// identity is what a master proves itself with. Its certificate may change while the master runs.
type identity struct {
	pin  string // of a key made here; "" with a studio's own certificate that clients can check by its name
	host string // name in a studio's own certificate

	mu      sync.Mutex
	current *tls.Certificate
	checked time.Time
	renew   func(now time.Time, old *tls.Certificate) (*tls.Certificate, error)
}

// config is for the server.
func (i *identity) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // browsers; Netrender's own clients ask for 1.3
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return i.certificate(time.Now()), nil
		},
	}
}

// shown is the pin of the key that is shown now, "" without TLS.
func (i *identity) shown() string {
	if i == nil {
		return ""
	}
	return wire.PinOf(i.certificate(time.Now()).Leaf)
}

// kept is the pin of a key that stays for ever, "" when there is none.
func (i *identity) kept() string {
	if i == nil {
		return ""
	}
	return i.pin
}

// certificate is the one to show now. When a new one cannot be had, the old one is shown on.
func (i *identity) certificate(now time.Time) *tls.Certificate {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.checked) >= lookAgain {
		i.checked = now
		if c, err := i.renew(now, i.current); err == nil {
			i.current = c
		}
	}
	return i.current
}

// fingerprint is that of the certificate, as browsers show it.
func (i *identity) fingerprint() string {
	sum := sha256.Sum256(i.certificate(time.Now()).Leaf.Raw)
	text := fmt.Sprintf("% X", sum[:])
	return strings.ReplaceAll(text, " ", ":")
}

// ownIdentity is made by the master itself and kept in dir.
func ownIdentity(dir string, now time.Time) (*identity, error) {
	key, err := ownKey(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, certificateFile)
	i := &identity{checked: now, renew: func(now time.Time, old *tls.Certificate) (*tls.Certificate, error) {
		if old != nil && now.Before(old.Leaf.NotAfter.Add(-renewBefore)) && !now.Before(old.Leaf.NotBefore) {
			return old, nil
		}
		return makeCertificate(path, key, now)
	}}
	if i.current, err = i.renew(now, readCertificate(path, key)); err != nil {
		return nil, err
	}
	i.pin = wire.PinOf(i.current.Leaf)
	return i, nil
}

// ownKey reads the master's key, which is made at the first start.
func ownKey(path string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		raw, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writePrivate(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	}
	if err != nil {
		return nil, farm.Errorf(farm.Invalid, "the master's key cannot be read: %s", reasonOf(err))
	}
	block, _ := pem.Decode(text)
	if block != nil {
		if raw, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := raw.(*ecdsa.PrivateKey); ok {
				return key, nil
			}
		}
	}
	return nil, farm.Errorf(farm.Invalid, "the master's key %s is damaged", path).
		WithHint("put it back from a backup; or remove it: a new one is made, and every machine must be let in anew")
}

// readCertificate reads the kept certificate; nil when it is not there or of another key.
func readCertificate(path string, key crypto.Signer) *tls.Certificate {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	if of, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || !of.Equal(key.Public()) {
		return nil
	}
	return &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key, Leaf: leaf}
}

func makeCertificate(path string, key crypto.Signer, now time.Time) (*tls.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host, host+".local")
	}
	ask := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Netrender master", Organization: []string{"Netrender"}},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateLife - 24*time.Hour), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names, IPAddresses: ownAddresses(),
	}
	raw, err := x509.CreateCertificate(rand.Reader, &ask, &ask, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, writePrivate(path, text)
}

func ownAddresses() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// studioIdentity is a studio's own certificate; files that are replaced are taken up while the master runs.
func studioIdentity(certPath, keyPath string, now time.Time) (*identity, error) {
	var seen []byte
	i := &identity{checked: now, renew: func(_ time.Time, old *tls.Certificate) (*tls.Certificate, error) {
		text, err := os.ReadFile(certPath)
		if err == nil && old != nil && bytes.Equal(text, seen) {
			return old, nil
		}
		c, err := tls.LoadX509KeyPair(certPath, keyPath)
		if err != nil {
			return nil, err
		}
		seen = text
		return &c, nil
	}}
	var err error
	if i.current, err = i.renew(now, nil); err != nil {
		return nil, farm.Errorf(farm.Invalid, "the certificate cannot be used: %s", reasonOf(err)).
			WithHint("--tls-cert names a PEM file with the certificate and its chain, --tls-key one with its key")
	}
	if names := i.current.Leaf.DNSNames; len(names) > 0 {
		i.host = names[0]
	} else {
		i.pin = wire.PinOf(i.current.Leaf)
	}
	return i, nil
}
