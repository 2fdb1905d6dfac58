package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Server returns a server with the settings the door is made for: headers must come soon, bodies and answers have a
// minute, and calls that transfer or wait move their own deadlines. handler is the API or a mux that it is part of;
// set ErrorLog, and TLSConfig for TLS.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       stall,
		WriteTimeout:      stall,
		IdleTimeout:       3 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnContext:       withConn,
	}
}

// Serve serves until ctx ends; then calls that wait are ended, others have grace to finish, and what is left is cut.
func (a *API) Serve(ctx context.Context, s *http.Server, l net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			failed <- s.ServeTLS(l, "", "")
			return
		}
		failed <- s.Serve(l)
	}()
	select {
	case err := <-failed:
		a.Stop()
		return err
	case <-ctx.Done():
	}
	a.Stop()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	<-failed
	return err
}
