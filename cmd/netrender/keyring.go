package main

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/netrender/netrender/internal/desktop"
	"github.com/netrender/netrender/internal/farm"
)

// Where tokens are kept. That of a person, who asked with netrender pair or in Blender to be let in, goes into the system's
// keyring where there is one; it is for commands that the person gives, in that desktop session. Those of workers and
// masters never do: they must start when nobody is logged in and every keyring is locked.

// The values of --keyring.
const (
	keyringAuto = "auto"
	keyringOff  = "off"
)

// Shorter in tests.
var (
	keyringLooks = time.Second     // how long the keyring may take to be one
	keyringOpens = 3 * time.Second // how long it may take when it is known to have the token
)

// keyring is that of whoever sits here.
func (a *app) keyring() desktop.Keyring {
	return desktop.Keyring{Bus: os.Getenv("DBUS_SESSION_BUS_ADDRESS")}
}

// userToken is this user's token of a farm, "" when there is none. One that is in the keyring and cannot be had is an
// error.
func (a *app) userToken(f knownFarm) (string, error) {
	if f.Token != "" || f.Ring == "" {
		return f.Token, nil
	}
	const hint = "netrender pair asks for another one, which is kept in a file where there is no keyring"
	if a.settings.keyring == keyringOff {
		return "", farm.Errorf(farm.Denied, "the token of this farm is in the system's keyring, and that is turned off").WithHint(hint)
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyringOpens)
	defer cancel()
	token, err := a.keyring().Get(ctx, f.Ring)
	switch {
	case errors.Is(err, desktop.ErrNotFound):
		return "", farm.Errorf(farm.Denied, "the token of this farm is not in the system's keyring any more").WithHint(hint)
	case err != nil:
		return "", farm.Errorf(farm.Denied, "the token of this farm is in the system's keyring, and that cannot be used now: %v", err).
			WithHint("log in to the desktop, or unlock it; or %s", hint)
	}
	return token, nil
}

// giveUser keeps a token of this user: in the keyring, or else in the file. It is in one of them at any time.
func (a *app) giveUser(farmID, token string, more func(*knownFarm)) error {
	known, err := a.readFarms()
	if err != nil {
		return err
	}
	before := known[farmID].Ring
	name := before
	if name == "" {
		name = farmID + " " + cryptorand.Text()
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyringLooks)
	defer cancel()
	inRing := a.settings.keyring != keyringOff && a.keyring().Set(ctx, name, token) == nil
	err = a.keepFarm(farmID, func(f *knownFarm) {
		if f.Token, f.Ring = token, ""; inRing {
			f.Token, f.Ring = "", name
		}
		more(f)
	})
	// What was not said to be in the keyring may be there all the same, when it answered too late.
	if err == nil && !inRing || err != nil && before == "" {
		a.dropFromKeyring(name)
	}
	return err
}

// dropFromKeyring removes a token that is of no more use. Where that cannot be done it does no harm.
func (a *app) dropFromKeyring(name string) {
	if name == "" || a.settings.keyring == keyringOff {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyringLooks)
	defer cancel()
	_ = a.keyring().Delete(ctx, name)
}

// checkKeyring tells where tokens that people get are kept.
func (a *app) checkKeyring(ctx context.Context, tell func(finding)) {
	file := filepath.Join(a.settings.data, tokensFile)
	if a.settings.keyring == keyringOff {
		tell(finding{What: "keyring", OK: true, Text: "turned off: a token that this machine gets is kept in " + file})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keyringLooks)
	defer cancel()
	if err := a.keyring().Check(ctx); err != nil {
		tell(finding{What: "keyring", OK: true, Text: fmt.Sprintf("the system's keyring is not used (%v): a token that this machine gets is kept in %s", err, file)})
		return
	}
	tell(finding{What: "keyring", OK: true, Text: "a token that netrender pair gets is kept in the system's keyring; those of workers and masters in files"})
}
