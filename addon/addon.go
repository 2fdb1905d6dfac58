// Package addon is the add-on for Blender as people install it: one zip that holds the Python, which is a legacy add-on
// (Blender 3.4 to 4.1) and an extension (4.2 and later) at once, and beside it the program of one platform. Both take a
// zip with a single folder at its top.
package addon

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// files are the add-on's own. Those of another folder must be named here: of a whole folder Go leaves out what begins
// with an underscore.
//
//go:embed netrender/*.py netrender/blender_manifest.toml netrender/LICENSE
var files embed.FS

const (
	top      = "netrender/" // the only folder at the top
	farmFile = top + "farm.json"
)

// Farm is what the add-on knows from the zip, as farm.json in it. There is never a token.
type Farm struct {
	Master   string   `json:"master,omitempty"`   // as --master takes it, with the pin of its key behind a #
	ID       string   `json:"farm,omitempty"`     // of the farm, when it is known
	Version  string   `json:"version"`            // of the program
	Platform Platform `json:"platform,omitempty"` // of the program inside; left out where there is none
}

// Zip is an add-on to hand out. Its bytes depend on what is here and on nothing else.
type Zip struct {
	Version string    // of the program
	Master  string    // "": not known
	Farm    string    // id; "": not known
	Program *zip.File // from Pack; nil: none is inside
	Modules []fs.FS   // Python packages that stand beside the add-on's own files, each a folder at the top
}

// Pack writes a zip with nothing but a platform's program, packed. Zip.Program takes it from there as it is, so that a
// program is packed once for any number of add-ons.
func Pack(w io.Writer, platform Platform, program io.Reader) error {
	out := zip.NewWriter(w)
	// Above level 6 it takes three times as long for less than one hundredth.
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 6) })
	h := header(programIn(platform), 0o755)
	h.Comment = string(platform)
	f, err := out.CreateHeader(h)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, program); err != nil {
		return err
	}
	return out.Close()
}

// Packed reads what Pack has written.
func Packed(r io.ReaderAt, size int64) (*zip.File, error) {
	in, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(in.File) != 1 || in.File[0].Name != programIn(Platform(in.File[0].Comment)) {
		return nil, errors.New("this is no packed program")
	}
	return in.File[0], nil
}

// programIn is where the program of a platform lies in a zip.
func programIn(p Platform) string { return top + "bin/" + p.Exe() }

// Platform is that of the program inside, "" when there is none.
func (z *Zip) Platform() Platform {
	if z.Program == nil {
		return ""
	}
	return Platform(z.Program.Comment)
}

// Write writes the zip.
func (z *Zip) Write(w io.Writer) error {
	out := zip.NewWriter(w)
	if err := z.write(out); err != nil {
		return err
	}
	return out.Close()
}

func (z *Zip) write(out *zip.Writer) error {
	names, err := fs.Glob(files, top+"*")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		switch name {
		case top + "__init__.py":
			text, err = replaceLine(text, `    "version": (`, `    "version": `+tuple(z.Version)+",")
		case top + "blender_manifest.toml":
			text, err = replaceLine(text, `version = "`, z.manifestLines())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := add(out, name, text); err != nil {
			return err
		}
	}
	for _, from := range z.Modules {
		if err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(from, name)
			if err != nil {
				return err
			}
			return add(out, top+name, text)
		}); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(Farm{Master: z.Master, ID: z.Farm, Version: z.Version, Platform: z.Platform()}, "", "  ")
	if err != nil {
		return err
	}
	if err := add(out, farmFile, append(text, '\n')); err != nil {
		return err
	}
	if z.Program == nil {
		return nil
	}
	return out.Copy(z.Program)
}

// manifestLines are the lines of the manifest that differ from zip to zip.
func (z *Zip) manifestLines() string {
	text := `version = "` + semantic(z.Version) + `"`
	if p := z.Platform(); p != "" {
		text += "\nplatforms = [\"" + strings.Join(p.blenders(), `", "`) + `"]`
	}
	return text
}

// replaceLine replaces the only line that begins so.
func replaceLine(text []byte, begin, with string) ([]byte, error) {
	lines := strings.Split(string(text), "\n")
	found := 0
	for i, line := range lines {
		if strings.HasPrefix(line, begin) {
			lines[i] = with
			found++
		}
	}
	if found != 1 {
		return nil, fmt.Errorf("%d lines begin with %q, not one", found, begin)
	}
	return []byte(strings.Join(lines, "\n")), nil
}

func header(name string, mode fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} // the oldest a zip knows
	h.SetMode(mode)
	return h
}

func add(out *zip.Writer, name string, text []byte) error {
	f, err := out.CreateHeader(header(name, 0o644))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	return err
}
