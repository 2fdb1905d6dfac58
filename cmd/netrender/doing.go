package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/worker"
)

// What passes between a command that runs on and the add-on that started it, besides what it prints: a file that ends it,
// as no signal does on every system, and one that tells what it does.

const (
	stopLooks  = 250 * time.Millisecond // how often it is looked for the file that ends a command
	doingLooks = 250 * time.Millisecond // how often what a worker does is written, if it changed
)

// heedFile interrupts the command when the stop file is there.
func (a *app) heedFile(ctx context.Context) {
	t := time.NewTicker(stopLooks)
	defer t.Stop()
	for {
		if _, err := os.Stat(a.stopFile); err == nil {
			a.interrupt()
			return
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// noteDoing writes what a worker does. Nothing depends on it: a reader that holds the file misses one.
func (a *app) noteDoing(v any) {
	if a.doingFile == "" {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	tmp := filepath.Join(filepath.Dir(a.doingFile), "."+filepath.Base(a.doingFile)+".new")
	if os.WriteFile(tmp, text, 0o600) == nil && os.Rename(tmp, a.doingFile) != nil {
		_ = os.Remove(tmp)
	}
}

// followDoing keeps the file fresh until the function that it returns is called.
func (a *app) followDoing(ctx context.Context, w *worker.Worker, m foundMaster) (stop func()) {
	if a.doingFile == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() {
		t := time.NewTicker(doingLooks)
		defer t.Stop()
		var last []byte
		for {
			d := struct {
				State string `json:"state"`
				worker.Doing
			}{"works", w.Doing()}
			d.Master = plainURL(m)
			if text, err := json.Marshal(d); err == nil && !bytes.Equal(text, last) {
				last = text
				a.noteDoing(d)
			}
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		over.Wait()
	}
}
