package client

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Speeds remembers in a file how fast sending to farms was. That it cannot be read or written costs nothing but estimates.
type Speeds struct {
	File string
	Now  func() time.Time
}

type speed struct {
	Rate float64   `json:"bytes_per_s"` // on the wire
	At   time.Time `json:"at"`
}

const (
	speedLeast = 4 << 20 // bytes below which a transfer says little of the network
	speedMost  = 100     // farms
)

// Note remembers a transfer to a farm. The newest counts as much as all before it.
func (s Speeds) Note(farm string, bytes int64, took time.Duration) {
	if bytes < speedLeast || took <= 0 {
		return
	}
	known := s.read()
	rate := float64(bytes) / took.Seconds()
	if before := known[farm]; before.Rate > 0 {
		rate = (rate + before.Rate) / 2
	}
	known[farm] = speed{rate, s.Now()}
	for len(known) > speedMost {
		oldest := farm
		for name := range known {
			if known[name].At.Before(known[oldest].At) {
				oldest = name
			}
		}
		delete(known, oldest)
	}
	text, err := json.Marshal(known)
	if err != nil {
		return
	}
	temp := s.File + ".new"
	if os.MkdirAll(filepath.Dir(s.File), 0o700) == nil && os.WriteFile(temp, text, 0o600) == nil {
		_ = os.Rename(temp, s.File)
	}
}

// Guess is how long sending so many bytes to a farm will take; 0 when nothing is known.
func (s Speeds) Guess(farm string, bytes int64) time.Duration {
	rate := s.read()[farm].Rate
	if rate <= 0 || bytes <= 0 {
		return 0
	}
	return time.Duration(float64(bytes) / rate * float64(time.Second))
}

func (s Speeds) read() map[string]speed {
	known := make(map[string]speed)
	if text, err := os.ReadFile(s.File); err == nil && json.Unmarshal(text, &known) != nil {
		return make(map[string]speed)
	}
	return known
}
