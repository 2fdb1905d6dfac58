package farm

import "fmt"

// DiskState sorts how much room the master's disk has.
type DiskState string

// The states of the master's disk.
const (
	DiskOK   DiskState = "ok"
	DiskLow  DiskState = "low"  // files of scenes are refused, results are taken
	DiskFull DiskState = "full" // results are refused too; what is left is for the database
)

// Disk is the room of the master's disk, in bytes.
type Disk struct {
	State         DiskState `json:"state"`
	Free          int64     `json:"free"`           // and promised to nobody
	Reserve       int64     `json:"reserve"`        // kept free of scenes' files
	ResultReserve int64     `json:"result_reserve"` // kept free of results too
	Total         int64     `json:"total"`          // that the disk holds, free or not; 0: not known
}

// StateOf is the state of a disk with so much room.
func (d Disk) StateOf() DiskState {
	switch {
	case d.Free < d.ResultReserve:
		return DiskFull
	case d.Free < d.Reserve:
		return DiskLow
	}
	return DiskOK
}

// Sentence says what the state means, nothing when all is well.
func (s DiskState) Sentence() string {
	switch s {
	case DiskLow:
		return "the master's disk is nearly full: it takes results, but no files of scenes"
	case DiskFull:
		return "the master's disk is full: it takes neither files of scenes nor results"
	case DiskOK:
	}
	return ""
}

// Bytes writes a number of bytes as people read it.
func Bytes(n int64) string {
	switch {
	case n >= 1e12:
		return fmt.Sprintf("%.1f TB", float64(n)/1e12)
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
