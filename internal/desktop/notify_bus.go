//go:build !windows && !darwin

package desktop

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// Notify shows a notification of the desktop: one line, which nothing reads as markup. It ends with ctx at the latest; the
// error is *Unusable.
func Notify(ctx context.Context, bus, text string) error {
	_, err := within(ctx, func() (struct{}, error) {
		c, err := sessionBus(ctx, bus)
		if err != nil {
			return struct{}{}, err
		}
		defer c.Close()
		var id uint32
		return struct{}{}, reasonOf(c.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx,
			"org.freedesktop.Notifications.Notify", 0, "Netrender", uint32(0), "", text, "", []string{}, map[string]dbus.Variant{}, int32(-1)).Store(&id))
	})
	return err
}
