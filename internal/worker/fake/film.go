package fake

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blender"
)

// film writes what stands for a film: a line for each frame with the sum of its picture, or the word missing.
func film(dir, reel string) (f blender.File, err error) {
	text, err := os.ReadFile(reel)
	if err != nil {
		return f, err
	}
	var plan struct {
		First, Last, Step int
		Pictures          map[string]string
		Name              string
	}
	if err := json.Unmarshal(text, &plan); err != nil {
		return f, err
	}
	var out strings.Builder
	for frame := plan.First; frame <= plan.Last; frame++ {
		name, there := plan.Pictures[strconv.Itoa(frame-(frame-plan.First)%plan.Step)]
		if !there {
			fmt.Fprintf(&out, "%d missing\n", frame)
			continue
		}
		picture, err := os.ReadFile(filepath.Join(filepath.Dir(reel), name))
		if err != nil {
			return f, err
		}
		fmt.Fprintf(&out, "%d %x\n", frame, sha256.Sum256(picture))
	}
	f = blender.File{Kind: blender.KindFilm, Name: plan.Name + ".mp4", Path: filepath.Join(dir, plan.Name+".mp4"), Size: int64(out.Len())}
	return f, os.WriteFile(f.Path, []byte(out.String()), 0o600)
}
