package blender

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"testing"
)

// cold renders one frame alone in a fresh process, the way an artist would, and returns the folder with what it wrote.
// what is "own" for the scene's own format or "exr" for the multilayer EXR.
func cold(t *testing.T, in Install, blend string, frame int, what string) string {
	t.Helper()
	folder := t.TempDir()
	script, _ := filepath.Abs("testdata/cold.py")
	var cmd *exec.Cmd
	n := strconv.Itoa(frame)
	if in.Kind == Module {
		cmd = exec.Command(in.Path, script, "--", blend, n, folder, what)
	} else {
		// -f stands behind the script: it renders with what the script has set.
		cmd = exec.Command(in.Path, "--background", "--factory-startup", "-noaudio", "--python-exit-code", "70",
			"--python", script, "-f", n, "--", blend, n, folder, what)
	}
	cmd.Env = environment(os.Environ(), t.TempDir(), t.TempDir(), nil)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the cold render failed: %v\n%s", err, out)
	}
	return folder
}

// pixelsOf are the decoded pixels of every picture of a folder, by name, as a digest.
func pixelsOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(path) == ".exr" {
		return exrDigest(t, data)
	}
	img, format, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	flat := image.NewNRGBA64(img.Bounds())
	draw.Draw(flat, flat.Bounds(), img, img.Bounds().Min, draw.Src)
	sum := sha256.Sum256(flat.Pix)
	return fmt.Sprintf("%s %v %s", format, img.Bounds().Size(), hex.EncodeToString(sum[:6]))
}

// exrDigest names an EXR by its channels and its compressed chunks: ZIP packs equal pixels into equal bytes. Attributes
// like the date are left out. The format: openexr.com/en/latest/OpenEXRFileLayout.html.
func exrDigest(t *testing.T, data []byte) string {
	t.Helper()
	if len(data) < 8 || binary.LittleEndian.Uint32(data) != 20000630 {
		t.Fatal("this is no OpenEXR file")
	}
	if flags := binary.LittleEndian.Uint32(data[4:]); flags&0x1000 != 0 {
		t.Fatal("this OpenEXR file has several parts")
	}
	at := 8
	word := func() string {
		end := at + bytes.IndexByte(data[at:], 0)
		text := string(data[at:end])
		at = end + 1
		return text
	}
	attributes := map[string][]byte{}
	for data[at] != 0 {
		name := word()
		word()
		size := int(binary.LittleEndian.Uint32(data[at:]))
		attributes[name] = data[at+4 : at+4+size]
		at += 4 + size
	}
	window := attributes["dataWindow"]
	height := int(int32(binary.LittleEndian.Uint32(window[12:]))-int32(binary.LittleEndian.Uint32(window[4:]))) + 1
	lines := map[byte]int{0: 1, 1: 1, 2: 1, 3: 16}[attributes["compression"][0]]
	if lines == 0 {
		t.Fatal("this OpenEXR file is not compressed with ZIP")
	}
	at += 1 + 8*((height+lines-1)/lines)
	sum := sha256.Sum256(append(append([]byte{}, attributes["channels"]...), data[at:]...))
	channels := 0
	for rest := attributes["channels"]; len(rest) > 1; channels++ {
		rest = rest[bytes.IndexByte(rest, 0)+1+16:]
	}
	return fmt.Sprintf("exr %d channels, %d lines, %s", channels, height, hex.EncodeToString(sum[:6]))
}

// pictures are the digests of every picture below a folder, in order of their names.
func pictures(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(folder, path)
			all = append(all, filepath.ToSlash(name)+": "+pixelsOf(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(all)
	return all
}
