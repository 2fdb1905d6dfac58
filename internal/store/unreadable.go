package store

import (
	"encoding/json"

	"github.com/netrender/netrender/internal/farm"
)

// wayOut is what to do when something that was kept cannot be read.
const wayOut = "stop the master, then netrender restore FILE --force puts back a backup; without a recent one, netrender recover saves what can be " +
	"read into a sound database; finished pictures stay in the outputs folder"

// unreadable is the error of what was kept and makes no sense any more.
func unreadable(cause error, format string, args ...any) error {
	e := farm.Errorf(farm.Internal, format, args...).WithHint(wayOut)
	e.Err = cause
	return e
}

func decodeSpans(kept []byte) (farm.Spans, error) {
	set, err := farm.DecodeSpans(kept)
	if err != nil {
		err = unreadable(err, "the record of finished frames cannot be read")
	}
	return set, err
}

// decodeJSON reads a kept document; format and args say what it is.
func decodeJSON(kept []byte, into any, format string, args ...any) error {
	if err := json.Unmarshal(kept, into); err != nil {
		return unreadable(err, "the kept "+format+" cannot be read", args...)
	}
	return nil
}
