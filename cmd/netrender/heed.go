package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// heedReader has the command stop, as with Ctrl-C, when nobody reads its standard output any more: whoever started it is
// gone or wants no more. Else it would be killed while it writes, with half-fetched files left behind, or go on for nobody.
func (a *app) heedReader(ctx context.Context) {
	f, ok := a.out.(*os.File)
	if !ok {
		return
	}
	st, err := f.Stat()
	if err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	signal.Ignore(syscall.SIGPIPE) // writing fails then, and ends nothing
	a.heeds = true
	go func() {
		if readerLeft(ctx, f) {
			a.interrupt()
		}
	}()
}
