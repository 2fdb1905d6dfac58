// Package desktop reaches what belongs to the person in front of this machine: the system's keyring, and notifications.
// It never asks that person for anything and never waits for long: a keyring that is locked or does not answer is none.
package desktop

import (
	"context"
	"errors"
	"fmt"
)

// service is what the keyring's own program shows as the owner of our secrets.
const service = "netrender"

// ErrNotFound says that the keyring can be read and has no secret of the name.
var ErrNotFound = errors.New("the keyring has no such secret")

// Unusable says why there is no keyring, or no place for notifications, now: nobody is logged in to a desktop, it is
// locked, it would ask somebody.
type Unusable struct{ Why string }

func (e *Unusable) Error() string { return e.Why }

// Keyring keeps small secrets where the system keeps passwords: the Secret Service of a Linux desktop, the keychain of
// macOS, the Credential Manager of Windows.
type Keyring struct {
	// Bus is the address of the session's D-Bus, as $DBUS_SESSION_BUS_ADDRESS has it; "": there is none. Linux only.
	Bus string
}

// Check tells whether secrets can be kept and read now; else the error is *Unusable. It ends with ctx at the latest.
func (k Keyring) Check(ctx context.Context) error {
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, k.check(ctx) })
	return err
}

// Set keeps a secret by a name, in the place of one that has the name already. When it returns nil the secret was read
// back. Else the error is *Unusable. It ends with ctx at the latest.
func (k Keyring) Set(ctx context.Context, name, secret string) error {
	got, err := within(ctx, func() (string, error) {
		if err := k.set(ctx, name, secret); err != nil {
			return "", err
		}
		return k.get(ctx, name)
	})
	if errors.Is(err, ErrNotFound) || err == nil && got != secret {
		return &Unusable{"what is put into it does not come back"}
	}
	return err
}

// Get returns the secret of a name; the error is ErrNotFound or *Unusable. It ends with ctx at the latest.
func (k Keyring) Get(ctx context.Context, name string) (string, error) {
	return within(ctx, func() (string, error) { return k.get(ctx, name) })
}

// Delete removes a secret; the error is ErrNotFound or *Unusable. It ends with ctx at the latest.
func (k Keyring) Delete(ctx context.Context, name string) error {
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, k.delete(ctx, name) })
	return err
}

// within does something that may never end, in its own goroutine: what the systems' own libraries do cannot be broken off.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	var unusable *Unusable
	switch {
	case r.err == nil, errors.Is(r.err, ErrNotFound), errors.As(r.err, &unusable):
		return r.value, r.err
	case ctx.Err() != nil:
		return r.value, &Unusable{"it does not answer"}
	}
	return r.value, &Unusable{fmt.Sprint(r.err)}
}
