package blob

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The limits of manifest paths, in bytes. Most file systems allow 255 a component.
const (
	MaxPath      = 1024
	MaxComponent = 255
)

// CleanPath checks a manifest path that came over the network and returns it unchanged: a relative path with slashes
// that names the same file on Linux, macOS and Windows, and stays inside its folder on each. What is not clean already
// is refused, not repaired, so that two manifests never name one file in two ways. ErrPath says why.
//
// Refused: empty, absolute, longer than the limits; bytes that are not UTF-8, NUL and other control characters;
// components that are empty, "." or ".."; any of \ : * ? " < > | (drive letters, streams and patterns of Windows);
// components that end in a dot or space; device names of Windows such as CON, NUL.txt, COM1
// (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
//
// It cannot see that two paths are one on some systems: whoever lays out a manifest must refuse paths for which FoldPath
// is the same.
func CleanPath(p string) (string, error) {
	switch {
	case p == "":
		return "", fmt.Errorf("%w: it is empty", ErrPath)
	case len(p) > MaxPath:
		return "", fmt.Errorf("%w: it has %d bytes, %d are allowed", ErrPath, len(p), MaxPath)
	case !utf8.ValidString(p):
		return "", fmt.Errorf("%w: %q is not UTF-8", ErrPath, p)
	case p[0] == '/':
		return "", fmt.Errorf("%w: %q is absolute", ErrPath, p)
	}
	for part := range strings.SplitSeq(p, "/") {
		if why := badComponent(part); why != "" {
			return "", fmt.Errorf("%w: %q %s", ErrPath, p, why)
		}
	}
	return p, nil
}

// Join is the file of manifest path p inside dir, in the system's form. It looks at names only: Place and os.Root see
// to it that no link leads out of dir.
func Join(dir, p string) (string, error) {
	p, err := CleanPath(p)
	if err != nil {
		return "", err
	}
	local, err := filepath.Localize(p)
	if err != nil {
		return "", fmt.Errorf("%w: %q is not a path of this system", ErrPath, p)
	}
	return filepath.Join(dir, local), nil
}

// FoldPath is the same for two clean paths that some file system takes for one: those of Windows and macOS ignore case,
// and that of macOS in which form accents are written (Unicode, section 3.13, definition D145).
func FoldPath(p string) string {
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			return norm.NFD.String(strings.ToLower(strings.ToUpper(norm.NFD.String(p))))
		}
	}
	return strings.ToLower(p)
}

// badComponent says what is wrong, or nothing.
func badComponent(c string) string {
	switch {
	case c == "":
		return "has an empty component"
	case len(c) > MaxComponent:
		return fmt.Sprintf("has a component of %d bytes, %d are allowed", len(c), MaxComponent)
	case c == "." || c == "..":
		return "has a component " + c
	case c[len(c)-1] == '.' || c[len(c)-1] == ' ':
		return "has a component that ends in a dot or space"
	case reserved(c):
		return "has a component that is a device on Windows"
	}
	for _, r := range c {
		// U+0080 to U+009F are control characters too; U+2028 and U+202E and their like only fool the eye, and pass.
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return "has a control character"
		}
		if strings.ContainsRune(`\:*?"<>|`, r) {
			return fmt.Sprintf("has the character %c", r)
		}
	}
	return ""
}

// reserved knows the device names, which Windows sees also before an extension and before spaces.
func reserved(c string) bool {
	base, _, _ := strings.Cut(c, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(base, port); ok && len(digit) > 0 && strings.Contains("0123456789¹²³", digit) {
			return utf8.RuneCountInString(digit) == 1
		}
	}
	return false
}
