package master

import (
	"context"
	"errors"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Soundness is what is known of the database's own state. At a start the store checks what it stands on; the rest is
// read through while the master works.
type Soundness struct {
	Checked time.Time // when all of it was last found whole; zero: it was not read to the end yet
	Damage  string    // what was found, as a sentence; "": nothing
}

// Soundness tells what the inspection of the database has come to.
func (m *Master) Soundness() Soundness {
	if s := m.sound.Load(); s != nil {
		return *s
	}
	return Soundness{}
}

// damagedWhere is what is said of a damaged database to who is not to know where it lies.
const damagedWhere = "the database is damaged: the master's log says where"

// Told is the damage as somebody may know it; "": there is none.
func (s Soundness) Told(who Identity) string {
	if s.Damage != "" && who.Role != farm.RoleAdmin {
		return damagedWhere
	}
	return s.Damage
}

// inspect reads the database through once, and says what it found.
func (m *Master) inspect(ctx context.Context) {
	began := m.opt.Now()
	rows, err := m.opt.Store.Inspect(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		m.opt.Log.Info("the database was read through and is whole", "rows", rows, "took", m.opt.Now().Sub(began).Round(time.Millisecond))
		m.sound.Store(&Soundness{Checked: m.opt.Now()})
	default:
		var said *farm.Error
		hint := ""
		if errors.As(err, &said) {
			hint = said.Hint
		}
		m.opt.Log.Error("the database is damaged", "err", err, "cause", errors.Unwrap(err), "hint", hint)
		m.sound.Store(&Soundness{Damage: err.Error()})
		m.notice(farm.NeedsDatabase, damagedWhere, hint)
	}
}
