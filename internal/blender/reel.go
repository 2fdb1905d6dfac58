package blender

import (
	"encoding/json"
	"os"
	"strconv"
)

// Reel is what a film shows.
type Reel struct {
	First, Last int            // frames, both inclusive
	Step        int            // every so many frames there is a picture, which is held until the next; 1 or more
	Pictures    map[int]string // names of files beside the reel's own; frames that are not there are marked in the film
	Format      string         // "", scene, mp4, webm or lossless: see farm.FilmFormat
	Name        string         // of the film's file, without its ending
}

// Write writes the reel where Task.Film names it.
func (r *Reel) Write(path string) error {
	pictures := make(map[string]string, len(r.Pictures))
	for frame, name := range r.Pictures {
		pictures[strconv.Itoa(frame)] = name
	}
	text, err := json.Marshal(map[string]any{
		"first": r.First, "last": r.Last, "step": r.Step, "pictures": pictures, "format": r.Format, "name": r.Name,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
