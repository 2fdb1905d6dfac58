//go:build windows || darwin

package desktop

import "context"

// Notify shows nothing here: programs of these systems that have no bundle or shortcut of their own may not. The add-on
// asks a program of the system's.
func Notify(context.Context, string, string) error {
	return &Unusable{"notifications are the system's own programs' here"}
}
