package classic

// page answers in the dialect of 2009.
func (c *call) page() error { return errUnknown }
