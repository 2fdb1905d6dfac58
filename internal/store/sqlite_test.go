package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/netrender/netrender/internal/store"
	"github.com/netrender/netrender/internal/store/storetest"
)

var ctx = context.Background()

func open(t testing.TB, path string) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSQLite(t *testing.T) {
	for _, as := range []struct {
		name  string
		ready func(*store.SQLite)
	}{
		{"as it is", func(*store.SQLite) {}},
		{"resets that wait", func(s *store.SQLite) { s.SmallParts(); s.StopSweep() }},
	} {
		t.Run(as.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Store {
				s := open(t, filepath.Join(t.TempDir(), "farm.db"))
				as.ready(s)
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			})
		})
	}
}
