package addon

import (
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Platform is a system and a processor as Go names them: linux-amd64.
type Platform string

// Platforms are those that programs are made for, in the order in which they are offered.
var Platforms = []Platform{"windows-amd64", "darwin-arm64", "darwin-amd64", "linux-amd64", "linux-arm64"}

// Known tells whether programs are made for it.
func (p Platform) Known() bool { return slices.Contains(Platforms, p) }

// Exe is the name of the program there.
func (p Platform) Exe() string {
	if strings.HasPrefix(string(p), "windows-") {
		return "netrender.exe"
	}
	return "netrender"
}

// Title names the platform for people.
func (p Platform) Title() string {
	switch p {
	case "windows-amd64":
		return "Windows"
	case "darwin-arm64":
		return "macOS (Apple chip)"
	case "darwin-amd64":
		return "macOS (Intel chip)"
	case "linux-amd64":
		return "Linux"
	case "linux-arm64":
		return "Linux (ARM)"
	}
	return string(p)
}

// blenders are the names of the platforms by which Blender knows where the program runs.
func (p Platform) blenders() []string {
	name := strings.NewReplacer("darwin-", "macos-", "amd64", "x64").Replace(string(p))
	if p == "windows-amd64" {
		return []string{name, "windows-arm64"} // which runs programs for x64
	}
	return []string{name}
}

// Inspect says which platform a file is the netrender program of. Nothing is run: it reads the heads of the file and what
// Go has noted in it.
func Inspect(r io.ReaderAt) (Platform, error) {
	found, err := machine(r)
	if err != nil {
		return "", err
	}
	info, err := buildinfo.Read(r)
	if err != nil || path.Base(info.Path) != "netrender" {
		return "", errors.New("it is another program than netrender")
	}
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	switch made := Platform(noted["GOOS"] + "-" + noted["GOARCH"]); {
	case made != found:
		return "", fmt.Errorf("its head says %s, but it was made for %s", found, made)
	case !found.Known():
		return "", fmt.Errorf("it is a program for %s, and the add-on is made for none such", found)
	}
	return found, nil
}

// machine reads the heads of a program. Those of several systems are alike (ELF); they count as Linux here.
func machine(r io.ReaderAt) (Platform, error) {
	var system, chip string
	if f, err := elf.NewFile(r); err == nil {
		system, chip = "linux", map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[f.Machine]
	} else if f, err := macho.NewFile(r); err == nil {
		system, chip = "darwin", map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu]
	} else if f, err := pe.NewFile(r); err == nil {
		system, chip = "windows", map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}[f.Machine]
	}
	if system == "" {
		return "", errors.New("it is no program for Linux, macOS or Windows")
	}
	if chip == "" {
		return "", fmt.Errorf("it is a program for %s, but for another processor than the add-on is made for", system)
	}
	return Platform(system + "-" + chip), nil
}
