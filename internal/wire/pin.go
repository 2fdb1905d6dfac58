package wire

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// A pin names a master's key: the SHA-256 of its certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4), as 64
// hex digits. A certificate that is renewed with the same key has the same pin. In an address the pin stands behind a
// #, as https://HOST:PORT#PIN.

// PinOf is the pin of a certificate.
func PinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// IsPin tells whether text is a pin.
func IsPin(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size && text == strings.ToLower(text)
}

// WithPin is the address with the pin, in place of the one it may have; an empty pin takes it away.
func WithPin(address, pin string) string {
	base, _, _ := strings.Cut(address, "#")
	if pin == "" {
		return base
	}
	return base + "#" + pin
}

// PinIn is the pin in an address, or "".
func PinIn(address string) string {
	_, pin, _ := strings.Cut(address, "#")
	return pin
}

// trust is a TLS configuration that takes the key with the place's pin, whoever signed its certificate and whatever
// name it bears, and no other. Where there is no pin, certificates are checked as browsers do.
func trust(now func() *place) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection decides, for resumed sessions too
		VerifyConnection:   func(s tls.ConnectionState) error { return now().verify(s) },
	}
}

func (p *place) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return farm.Errorf(farm.Untrusted, "the master at %s shows no certificate", p.base)
	}
	leaf := s.PeerCertificates[0]
	if p.pin != "" {
		if shown := PinOf(leaf); shown != p.pin {
			return farm.Errorf(farm.Untrusted, "the master at %s does not show the key that this machine knows (%.16s..., not %.16s...): "+
				"it was made anew, or somebody else answers at its address", p.base, shown, p.pin).
				WithHint("ask whoever runs it; if the key was made anew, netrender pair --again lets this machine in again")
		}
		return nil
	}
	chain := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		chain.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: p.name, Intermediates: chain}); err != nil {
		return farm.Errorf(farm.Untrusted, "the certificate of the master at %s is not one that this machine trusts: %w", p.base, err).
			WithHint("netrender pair --master %s lets this machine in and has its key compared; or write its address with the key behind a #, as the master prints it at its start", p.base)
	}
	return nil
}
