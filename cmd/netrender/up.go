package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).upVerb)

func (a *app) upVerb() *cobra.Command {
	var m masterOptions
	var w workerOptions
	c := &cobra.Command{
		Use: "up", Short: "Run a farm on this machine: a master and a worker", Args: classicArg(&m.classic),
		Long: `Run a farm on this machine: a master and a worker. It prints its address and opens nothing. Other machines join with
netrender worker.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			return a.up(cmd.Context(), m, w)
		},
	}
	masterSettings(c, &m)
	workerSettings(c, &w)
	return c
}

// up runs a master and, beside it, a worker of it. The first signal drains the worker and then stops both.
func (a *app) up(polite context.Context, m masterOptions, o workerOptions) error {
	log := a.newLogger(m.logJSON, m.verbose)
	s, err := a.openMaster(polite, m, log)
	if err != nil {
		return err
	}
	hard, stopSignals := drainContext(polite, nil)
	defer stopSignals()
	serving, stopServing := context.WithCancel(hard)
	defer stopServing()
	ready := make(chan struct{})
	masterDone := make(chan error, 1)
	go func() { masterDone <- s.run(serving, func() { close(ready) }) }()
	select {
	case err := <-masterDone:
		return err
	case <-ready:
	}
	workerErr := func() error {
		token, err := s.workerToken(polite, a)
		if err != nil {
			return err
		}
		o.name = s.name
		w, err := a.makeWorker(polite, &o, foundMaster{URL: s.url, heard: wire.PinIn(s.url) == ""}, token, log)
		if err != nil {
			return withoutWorker(err)
		}
		a.welcome(s, true)
		return a.runWorker(hard, polite, w, log)
	}()
	if workerErr != nil && !errors.Is(workerErr, context.Canceled) {
		stopServing()
		<-masterDone
		return workerErr
	}
	stopServing()
	return <-masterDone
}

// withoutWorker adds to what keeps this machine from rendering that it can be a master all the same.
func withoutWorker(err error) error {
	var e *farm.Error
	if !errors.As(err, &e) || e.Kind != farm.NotFound {
		return err
	}
	return e.WithHint("%s; netrender master runs a farm whose frames other machines render", e.Hint)
}
