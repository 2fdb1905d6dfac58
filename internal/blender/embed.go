package blender

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed agent/*.py agent/netagent/*.py
var agentFiles embed.FS

//go:embed collector/*.py collector/netcollect/*.py
var collectorFiles embed.FS

//go:embed agent/netagent/*.py collector/netcollect/*.py
var packages embed.FS

// Packages are the Python packages by which a Blender that has a scene open can say itself what Collect says:
// netcollect.facts.answer, given netagent.opening. Each is a folder of one of the file systems.
func Packages() []fs.FS {
	var list []fs.FS
	for _, root := range []string{"agent", "collector"} {
		sub, err := fs.Sub(packages, root)
		if err != nil {
			panic(err) // the roots are those above
		}
		list = append(list, sub)
	}
	return list
}

// unpackAgent writes the agent's scripts below home, once for each version of them, and returns their folder.
func unpackAgent(home string) (string, error) { return unpack(agentFiles, "agent", home) }

// unpackCollector does the same for the collector's.
func unpackCollector(home string) (string, error) { return unpack(collectorFiles, "collector", home) }

// unpack writes the scripts of one of the folders below home.
func unpack(from embed.FS, root, home string) (string, error) {
	sum := sha256.New()
	var names []string
	err := fs.WalkDir(from, root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			data, _ := from.ReadFile(name)
			fmt.Fprintf(sum, "%s %d\n%s", name, len(data), data)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	folder := filepath.Join(home, root+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	for _, name := range names {
		data, _ := from.ReadFile(name)
		path := filepath.Join(folder, filepath.FromSlash(name[len(root)+1:]))
		if err := replaceFile(path, data); err != nil {
			return "", fmt.Errorf("a script of the %s cannot be written: %w", root, err)
		}
	}
	return folder, nil
}

// replaceFile makes path hold data, whole or not at all: sessions that start together share the folder.
func replaceFile(path string, data []byte) error {
	if have, err := os.ReadFile(path); err == nil && string(have) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
