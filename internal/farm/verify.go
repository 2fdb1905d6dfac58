package farm

// Damage is a stored file, or a result, that is not what it should be.
type Damage struct {
	Part   Part    `json:"part"` // inputs: a scene's file; outputs: a result
	State  Harm    `json:"state"`
	Ref    string  `json:"sha256"`         // what it should be
	Name   string  `json:"name,omitempty"` // of the result, or the path in a manifest that names the file
	Jobs   []JobID `json:"jobs,omitempty"` // that name the file, at most MaxDamageJobs of them; or whose result it is
	Frame  *int    `json:"frame,omitempty"`
	Mended bool    `json:"mended"`         // it was taken out and is asked for again, or the frame waits to be rendered again
	Text   string  `json:"text,omitempty"` // what follows
}

// MaxDamageJobs bounds the jobs named with a damaged file.
const MaxDamageJobs = 20

// Harm says what is wrong with a file.
type Harm string

// What may be wrong.
const (
	Damaged    Harm = "damaged"    // other bytes
	Missing    Harm = "missing"    // no such file
	Unreadable Harm = "unreadable" // the disk does not give it
)

// Verified counts what a verification has read.
type Verified struct {
	Files   int   `json:"files"` // of scenes
	Results int   `json:"results"`
	Bytes   int64 `json:"bytes"`
	Harmed  int   `json:"harmed"`
	Mended  int   `json:"mended"`
}

// VerifyStep is what a verification tells: one of its fields is set.
type VerifyStep struct {
	Damage   *Damage   `json:"damage,omitempty"`
	Verified *Verified `json:"verified,omitempty"` // so far; the last one is the sum
}

// Suspicion answers who found a result other than it should be.
type Suspicion struct {
	Fine  bool   `json:"fine"`  // the bytes on the master's disk are right
	Again bool   `json:"again"` // the frame has been rendered again since, or is going to be
	Text  string `json:"text,omitempty"`
}
