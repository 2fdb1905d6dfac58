package master

import "github.com/netrender/netrender/internal/farm"

// resultShare is the part of the reserve that results leave free, for the database.
const resultShare = 4

// Disk tells how much room there is.
func (m *Master) Disk() (farm.Disk, error) {
	d := farm.Disk{Reserve: m.opt.Reserve, ResultReserve: m.opt.Reserve / resultShare}
	var err error
	if d.Free, err = m.opt.Room.Left(); err != nil {
		return d, plainDisk(err, "the disk's room cannot be read")
	}
	d.State = d.StateOf()
	d.Total, _ = m.opt.Room.Total()
	return d, nil
}

// roomForLogs refuses what would take from the database's room. What the disk cannot tell is left to the writing.
func (m *Master) roomForLogs() error {
	if d, err := m.Disk(); err == nil && d.State == farm.DiskFull {
		return farm.Errorf(farm.NoRoom, "the master's disk is full, the log is not kept")
	}
	return nil
}

// watchDisk tells of the disk running low, and of its recovery.
func (m *Master) watchDisk(was farm.DiskState) farm.DiskState {
	d, err := m.Disk()
	if err != nil || d.State == was {
		return was
	}
	log := m.opt.Log.With("free", d.Free, "reserve", d.Reserve)
	if text := d.State.Sentence(); text != "" {
		log.Warn(text)
	} else {
		log.Info("the disk has room again")
	}
	m.notice(farm.NeedsDisk, d.State.Sentence(), "delete jobs or let the farm clean: netrender clean; or give it a larger disk")
	m.hub.publish([]farm.Event{{Time: m.opt.Now(), Kind: farm.EventDisk, State: string(d.State), Text: d.State.Sentence()}})
	return d.State
}
