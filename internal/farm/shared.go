package farm

import (
	"path"
	"strings"
)

// Share is a folder that a worker sees for itself: where the machines of those who submit have it, and where this one does.
type Share struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ParseShare reads FOLDER, which is the same on both, or FROM=TO.
func ParseShare(text string) (Share, error) {
	from, to, mapped := strings.Cut(text, "=")
	if !mapped {
		to = from
	}
	if !isFolder(from) || !isFolder(to) {
		return Share{}, Errorf(Invalid, "%q names no folder by its whole path", clip(text, 100)).
			WithHint("write an absolute path, as /mnt/projects, or one for those who submit and one for here, as P:\\projects=/mnt/projects")
	}
	return Share{From: from, To: to}, nil
}

// isFolder tells whether a path is absolute on some platform, and not all of a Unix machine.
func isFolder(p string) bool {
	plain, windows := plainPath(p)
	return path.IsAbs(plain) && plain != "/" || windows
}

// plainPath writes a path of any platform with forward slashes and without detours; windows tells that the case of letters
// does not count in it.
func plainPath(p string) (plain string, windows bool) {
	drive := len(p) > 1 && p[1] == ':'
	unc := strings.HasPrefix(p, `\\`)
	if drive || unc {
		p = strings.ReplaceAll(p, `\`, "/")
	}
	plain = path.Clean(p)
	if unc {
		plain = "/" + plain // path.Clean made one of the two
	}
	return plain, drive || unc
}

// below is what of a path follows a folder, with forward slashes; "." for the folder itself.
func below(folder, p string) (rest string, ok bool) {
	folder, windows := plainPath(folder)
	p, other := plainPath(p)
	if windows != other {
		return "", false
	}
	same := func(a, b string) bool { return a == b }
	if windows {
		same = strings.EqualFold
	}
	switch {
	case same(folder, p):
		return ".", true
	case len(p) > len(folder)+1 && p[len(folder)] == '/' && same(folder, p[:len(folder)]):
		return p[len(folder)+1:], true
	}
	return "", false
}

// Below is where a folder or file of those who submit lies below To, with forward slashes; "." for To itself. On a worker
// of another platform it may still lead out of To: who opens it sees to that.
func (s Share) Below(original string) (rest string, ok bool) { return below(s.From, original) }

// Shares tells whether workers read the file for themselves, and the master need not have it.
func (n *Needs) Shares(f *File) bool {
	for _, folder := range n.Shared {
		if rest, ok := below(folder, f.Original); ok && rest != "." {
			return true
		}
	}
	return false
}

// Sees tells whether the worker has a shared folder of a job.
func (f *Facts) Sees(folder string) bool {
	for _, from := range f.Shared {
		if _, ok := below(from, folder); ok {
			return true
		}
	}
	return false
}

func (s *JobSpec) checkShared() error {
	if len(s.Needs.Shared) > maxList {
		return Errorf(TooLarge, "a job has at most %d shared folders", maxList)
	}
	for _, folder := range s.Needs.Shared {
		if len(folder) > 4096 || !isFolder(folder) {
			return Errorf(Invalid, "%q is not a shared folder", clip(folder, 100)).WithHint("write an absolute path, as /mnt/projects")
		}
	}
	return nil
}
