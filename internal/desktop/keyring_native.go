//go:build windows || darwin

package desktop

import (
	"context"
	"errors"

	"github.com/zalando/go-keyring"
)

// check looks for a secret that nobody has.
func (k Keyring) check(ctx context.Context) error {
	_, err := k.get(ctx, "nothing")
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (Keyring) set(_ context.Context, name, secret string) error {
	return keyring.Set(service, name, secret)
}

func (Keyring) get(_ context.Context, name string) (string, error) {
	secret, err := keyring.Get(service, name)
	return secret, notFound(err)
}

func (Keyring) delete(_ context.Context, name string) error {
	return notFound(keyring.Delete(service, name))
}

func notFound(err error) error {
	if errors.Is(err, keyring.ErrNotFound) {
		return ErrNotFound
	}
	return err
}
