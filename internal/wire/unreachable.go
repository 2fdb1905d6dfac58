package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Unreachable says that the master could not be asked, or that the connection broke before its answer was complete.
// Whether the call took effect is unknown.
type Unreachable struct {
	Address string // scheme, host and port of the master; empty: none was found
	Err     error
}

func (e *Unreachable) Error() string {
	if e.Address == "" {
		return "cannot reach a master: " + reason(e.Err)
	}
	return fmt.Sprintf("cannot reach the master at %s: %s", e.Address, reason(e.Err))
}

func (e *Unreachable) Unwrap() error { return e.Err }

var (
	errSilent  = errors.New("it did not answer in time")
	errStalled = errors.New("no byte moved for a minute")
)

// reason is a few plain words for a failure of the network.
func reason(err error) string {
	var (
		dns     *net.DNSError
		op      *net.OpError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errSilent), errors.Is(err, errStalled):
		return err.Error()
	case errors.As(err, &dns):
		return "the name " + dns.Name + " is not known"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, connRefusedWindows):
		return "nothing answers there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to that machine"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errSilent.Error()
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not trusted"
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS; write http:// in its address"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return "the connection broke"
	case errors.As(err, &op) && op.Timeout():
		return errSilent.Error()
	}
	text := err.Error()
	if i := strings.LastIndex(text, "\": "); i >= 0 { // url.Error repeats the address
		text = text[i+3:]
	}
	return text
}

// connRefusedWindows is WSAECONNREFUSED, which syscall.ECONNREFUSED does not match there.
const connRefusedWindows = syscall.Errno(10061)
