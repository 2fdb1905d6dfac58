package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/desktop"
	"github.com/netrender/netrender/internal/farm"
)

var _ = verb("more", (*app).desktopNotifyVerb)

// notifyTakes is how long a desktop may take to show something.
const notifyTakes = 5 * time.Second

// desktopNotifyVerb is for the add-on: Blender has no notifications of its own.
func (a *app) desktopNotifyVerb() *cobra.Command {
	return &cobra.Command{
		Use: "desktop-notify TEXT", Short: "Show a notification of the desktop (Linux)", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), notifyTakes)
			defer cancel()
			if err := desktop.Notify(ctx, os.Getenv("DBUS_SESSION_BUS_ADDRESS"), args[0]); err != nil {
				return farm.Errorf(farm.NotFound, "no notification can be shown: %v", err)
			}
			return nil
		},
	}
}
