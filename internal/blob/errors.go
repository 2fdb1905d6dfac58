package blob

import (
	"errors"
	"fmt"
)

// The kinds of error of this package, for errors.Is.
var (
	ErrRef      = errors.New("not a SHA-256")                         // a name that no blob can have
	ErrNotFound = errors.New("blob not found")                        // Stat, Open, Place
	ErrMismatch = errors.New("bytes do not match their name")         // see MismatchError
	ErrCorrupt  = errors.New("stored blob is damaged")                // the text names the Ref
	ErrNoRoom   = errors.New("not enough room on the disk")           // see NoRoomError
	ErrBusy     = errors.New("blob is being uploaded by another")     // a second Append
	ErrOffset   = errors.New("upload does not continue where it was") // see OffsetError
	ErrChanged  = errors.New("file changed while it was read")        // HashFile
	ErrPath     = errors.New("path is not allowed")                   // CleanPath, Join, Place
	ErrTooLarge = errors.New("more bytes than allowed")               // Decompress
)

// MismatchError names what was promised and what came. It Is ErrMismatch. Got is zero where the size alone told.
type MismatchError struct {
	Want, Got         Ref
	WantSize, GotSize int64 // bytes; GotSize is a lower bound if it is greater than WantSize
}

func (e *MismatchError) Error() string {
	if e.WantSize != e.GotSize {
		return fmt.Sprintf("blob %s should have %d bytes, %d came", e.Want, e.WantSize, e.GotSize)
	}
	return fmt.Sprintf("blob %s was promised, but the bytes are those of %s", e.Want, e.Got)
}

// Is makes errors.Is(err, ErrMismatch) true.
func (e *MismatchError) Is(target error) bool { return target == ErrMismatch }

// OffsetError tells where an upload must go on. It Is ErrOffset.
type OffsetError struct {
	Have int64 // bytes that are here
	Sent int64 // the offset that was asked for
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("upload continues at byte %d, not %d", e.Have, e.Sent)
}

// Is makes errors.Is(err, ErrOffset) true.
func (e *OffsetError) Is(target error) bool { return target == ErrOffset }

// NoRoomError tells how much room was asked for and how much there is above the reserve. It Is ErrNoRoom.
type NoRoomError struct {
	Need, Free int64 // bytes; Free is -1 where the disk ran full while writing
}

func (e *NoRoomError) Error() string {
	if e.Free < 0 {
		return fmt.Sprintf("the disk ran full while %d bytes were written", e.Need)
	}
	return fmt.Sprintf("%d bytes are needed, %d are free above the reserve", e.Need, e.Free)
}

// Is makes errors.Is(err, ErrNoRoom) true.
func (e *NoRoomError) Is(target error) bool { return target == ErrNoRoom }
