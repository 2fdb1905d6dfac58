package worker

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// Identity reads the worker's id from its folder, or makes both at the first start.
func Identity(dir string) (farm.WorkerID, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", farm.Errorf(farm.Internal, "the worker's folder cannot be made: %w", err)
	}
	path := filepath.Join(dir, "worker-id")
	text, err := os.ReadFile(path)
	if err == nil {
		if id := strings.TrimSpace(string(text)); len(id) >= 8 && len(id) <= 64 {
			return farm.WorkerID(id), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", farm.Errorf(farm.Internal, "the worker's id cannot be read: %w", err)
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	id := hex.EncodeToString(b[:])
	if err := writeDurable(path, []byte(id+"\n"), noSteps); err != nil {
		return "", farm.Errorf(farm.Internal, "the worker's id cannot be kept: %w", err)
	}
	return farm.WorkerID(id), nil
}
