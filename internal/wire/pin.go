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

// Pinned is a TLS configuration that takes the key with the pin, whoever signed the certificate and whatever name it
// bears, and no other.
func Pinned(address, pin string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection decides, for resumed sessions too
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 && PinOf(s.PeerCertificates[0]) == pin {
				return nil
			}
			shown := "none"
			if len(s.PeerCertificates) > 0 {
				shown = PinOf(s.PeerCertificates[0])
			}
			return farm.Errorf(farm.Untrusted, "the master at %s does not show the certificate that this machine knows (%.16s..., not %.16s...): "+
				"its key was made anew, or somebody else answers at its address", address, shown, pin).
				WithHint("if its key was made anew, netrender pair --forget lets you begin again; else ask whoever runs it")
		},
	}
}
