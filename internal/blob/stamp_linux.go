package blob

import (
	"io/fs"
	"syscall"
)

func (s *stamp) addSystem(fi fs.FileInfo) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.dev, s.inode, s.ctime = uint64(st.Dev), uint64(st.Ino), st.Ctim.Nano()
	}
}
