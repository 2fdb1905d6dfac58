package blob

// DirOf is the folder of a Disk.
func DirOf(d *Disk) string { return d.dir }

// CheckpointOf is how many bytes a restart would go on from.
func CheckpointOf(name string) (int64, error) {
	c, err := readCheckpoint(name)
	return c.at, err
}
