package blob

// DirOf is the folder of a Disk.
func DirOf(d *Disk) string { return d.dir }

// CheckpointOf is how many bytes a restart would go on from.
func CheckpointOf(name string) (int64, error) {
	c, err := readCheckpoint(name)
	return c.at, err
}

// Keeper makes a keeper whose data is synced by sync.
func Keeper(sync func() error, name string) (later func(at int64), wait func() error) {
	k := &keeper{data: syncer(sync), name: name}
	return k.later, k.wait
}

type syncer func() error

func (s syncer) Sync() error { return s() }
