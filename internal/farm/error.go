package farm

import (
	"errors"
	"fmt"
)

// Kind sorts errors for machines. Doors translate it once into their own codes.
type Kind string

// The kinds of errors. Every door and the command line know all of them.
const (
	Invalid   Kind = "invalid"   // the request makes no sense; repeating it will not help
	NotFound  Kind = "not-found" // no such job, worker, lease, blob or token
	Denied    Kind = "denied"    // not allowed: no token, a wrong one, or too low a role
	Conflict  Kind = "conflict"  // true, but not in this state
	Mismatch  Kind = "mismatch"  // bytes that do not match their announced hash or size
	TooLarge  Kind = "too-large" // over a stated limit
	NoRoom    Kind = "no-room"   // a disk is full
	Outdated  Kind = "outdated"  // program versions that do not fit each other
	Stopping  Kind = "stopping"  // the server is going down or not up yet; try again
	Internal  Kind = "internal"  // a fault of ours
	Throttled Kind = "throttled" // too many attempts; wait
	Untrusted Kind = "untrusted" // a server that is not the one that is known
)

// Error is a kind for machines, a sentence for people and, where there is one, the next step.
type Error struct {
	Kind Kind
	Text string // one plain sentence, no trailing newline
	Hint string // what to do next; may be empty
	Err  error  // the cause; may be nil and is never shown to strangers
}

func (e *Error) Error() string {
	if e.Err != nil && e.Text == "" {
		return e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of the kind. What its %w verbs name becomes its cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Kind: kind, Text: err.Error(), Err: errors.Unwrap(err)}
	if _, several := err.(interface{ Unwrap() []error }); several {
		e.Err = err
	}
	return e
}

// WithHint returns a copy of e that also says what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// KindOf returns the kind of the first Error in err's chain, or Internal. It returns "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
