//go:build !windows && !darwin

package desktop

import (
	"context"
	"errors"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The Secret Service, https://specifications.freedesktop.org/secret-service/latest/. Whatever would need a person's yes
// comes back from it as a prompt that its caller has to open: here none is opened, so that no dialog can ever show.

const (
	secretsName = "org.freedesktop.secrets"
	secretsPath = dbus.ObjectPath("/org/freedesktop/secrets")
	secretsIs   = "org.freedesktop.Secret."
	noPrompt    = dbus.ObjectPath("/")
)

// secret is how the service hands one over.
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// errNoDesktop is that of machines nobody sits at.
var errNoDesktop = &Unusable{"no desktop session runs here"}

// bus connects to the session's bus, and never starts one.
func (k Keyring) bus(ctx context.Context) (*dbus.Conn, error) { return sessionBus(ctx, k.Bus) }

func sessionBus(ctx context.Context, address string) (*dbus.Conn, error) {
	if !strings.HasPrefix(address, "unix:") { // others start programs
		return nil, errNoDesktop
	}
	c, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil && ctx.Err() == nil {
		return nil, errNoDesktop
	}
	return c, err
}

// vault is the keyring's default collection, unlocked, and a session to speak of secrets in.
type vault struct {
	ctx        context.Context
	c          *dbus.Conn
	collection dbus.ObjectPath
	session    dbus.ObjectPath
}

// open finds the default collection. It is an error when it is locked.
func (k Keyring) open(ctx context.Context) (*vault, error) {
	c, err := k.bus(ctx)
	if err != nil {
		return nil, err
	}
	v := &vault{ctx: ctx, c: c}
	if err := v.open(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return v, nil
}

func (v *vault) open() error {
	if err := v.call(secretsPath, "Service.ReadAlias", "default").Store(&v.collection); err != nil {
		return reasonOf(err)
	}
	if v.collection == "/" {
		return &Unusable{"the desktop has none yet"}
	}
	var locked dbus.Variant
	err := v.c.Object(secretsName, v.collection).
		CallWithContext(v.ctx, "org.freedesktop.DBus.Properties.Get", 0, secretsIs+"Collection", "Locked").Store(&locked)
	if err != nil {
		return reasonOf(err)
	}
	if is, ok := locked.Value().(bool); !ok || is {
		return &Unusable{"it is locked"}
	}
	var output dbus.Variant
	return reasonOf(v.call(secretsPath, "Service.OpenSession", "plain", dbus.MakeVariant("")).Store(&output, &v.session))
}

func (v *vault) call(at dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return v.c.Object(secretsName, at).CallWithContext(v.ctx, secretsIs+method, 0, args...)
}

// asks refuses what needs a person's yes.
func (v *vault) asks(prompt dbus.ObjectPath) error {
	if prompt == noPrompt || prompt == "" {
		return nil
	}
	v.c.Object(secretsName, prompt).Go(secretsIs+"Prompt.Dismiss", dbus.FlagNoReplyExpected, nil)
	return &Unusable{"it wants to ask somebody first"}
}

func attributes(name string) map[string]string {
	return map[string]string{"service": service, "username": name}
}

// items are those of a name that can be read.
func (v *vault) items(name string) (items []dbus.ObjectPath, err error) {
	var locked []dbus.ObjectPath
	if err := v.call(secretsPath, "Service.SearchItems", attributes(name)).Store(&items, &locked); err != nil {
		return nil, reasonOf(err)
	}
	switch {
	case len(items) > 0:
		return items, nil
	case len(locked) > 0:
		return nil, &Unusable{"it is locked"}
	}
	return nil, ErrNotFound
}

func (k Keyring) check(ctx context.Context) error {
	v, err := k.open(ctx)
	if err != nil {
		return err
	}
	return v.c.Close()
}

func (k Keyring) set(ctx context.Context, name, value string) error {
	v, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer v.c.Close()
	var item, prompt dbus.ObjectPath
	err = v.call(v.collection, "Collection.CreateItem", map[string]dbus.Variant{
		secretsIs + "Item.Label":      dbus.MakeVariant("Netrender: token of a farm"),
		secretsIs + "Item.Attributes": dbus.MakeVariant(attributes(name)),
	}, secret{Session: v.session, Parameters: []byte{}, Value: []byte(value), ContentType: "text/plain; charset=utf8"}, true).Store(&item, &prompt)
	if err != nil {
		return reasonOf(err)
	}
	return v.asks(prompt)
}

func (k Keyring) get(ctx context.Context, name string) (string, error) {
	v, err := k.open(ctx)
	if err != nil {
		return "", err
	}
	defer v.c.Close()
	items, err := v.items(name)
	if err != nil {
		return "", err
	}
	var s secret
	err = v.call(items[0], "Item.GetSecret", v.session).Store(&s)
	return string(s.Value), reasonOf(err)
}

func (k Keyring) delete(ctx context.Context, name string) error {
	v, err := k.open(ctx)
	if err != nil {
		return err
	}
	defer v.c.Close()
	items, err := v.items(name)
	if err != nil {
		return err
	}
	for _, item := range items {
		var prompt dbus.ObjectPath
		if err := v.call(item, "Item.Delete").Store(&prompt); err != nil {
			return reasonOf(err)
		}
		if err := v.asks(prompt); err != nil {
			return err
		}
	}
	return nil
}

// reasonOf says in plain words what the bus answers.
func reasonOf(err error) error {
	var e dbus.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
		return &Unusable{"this desktop has none"}
	case secretsIs + "Error.IsLocked":
		return &Unusable{"it is locked"}
	}
	return &Unusable{"its service answers: " + e.Error()}
}
