package master

// Breathless has the master's chores never rest.
func Breathless(m *Master) { m.breath = 0 }
