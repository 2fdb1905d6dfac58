package blender

import (
	"path/filepath"
	"testing"
)

// FuzzAnswer reads any text as what the collector wrote: every file that is said to be there has an absolute path.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"scene":{"name":"Scene","engine":"CYCLES","frame_start":1,"frame_end":250,"fps":24},"files":[{"path":"/a/b.png","original":"//b.png",` +
		`"kind":"image","users":["Image b.png"],"first":1}],"warnings":[]}`))
	f.Add([]byte(`{"error":{"kind":"script","message":"x"}}`))
	f.Add([]byte(`{"files":[{"path":"b.png"}]}`))
	f.Add([]byte(`{"files":[{"path":"C:\\b.png","missing":true},{"path":""}]}`))
	f.Add([]byte(`{"scene":{"fps":1e999}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := parseAnswer(data)
		if err != nil {
			return
		}
		for _, file := range answer.Files {
			if file.Path == "" || !file.Missing && !filepath.IsAbs(file.Path) {
				t.Errorf("%q names %q", data, file.Path)
			}
		}
	})
}
