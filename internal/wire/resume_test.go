//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// TestFetchGoesOn: a fetch whose process was killed goes on where it was; what it left is verified with the rest, and
// where it is of another result, longer, or nothing can be known of it, all is fetched.
func TestFetchGoesOn(t *testing.T) {
	whole := bytes.Repeat([]byte("picture "), 100_000)
	sum := sha256.Sum256(whole)
	ref := hex.EncodeToString(sum[:])
	wrong := slices.Clone(whole)
	wrong[10] ^= 1
	half := len(whole) / 2
	for what, c := range map[string]struct {
		left   []byte
		ref    string
		begins []string // of the requests
	}{
		"nothing":       {nil, ref, []string{""}},
		"half":          {whole[:half], ref, []string{"bytes=" + strconv.Itoa(half) + "-"}},
		"all":           {whole, ref, nil},
		"another's":     {wrong[:half], ref, []string{"bytes=" + strconv.Itoa(half) + "-", ""}},
		"all another's": {wrong, ref, []string{""}},
		"more than all": {append(slices.Clone(whole), 1), ref, []string{""}},
		"no name":       {whole[:half], "", []string{""}},
	} {
		var begins []string
		client := against(t, func(w http.ResponseWriter, r *http.Request) {
			begins = append(begins, r.Header.Get("Range"))
			w.Header().Set("ETag", `"x"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(whole))
		})
		path := filepath.Join(t.TempDir(), "0001.exr")
		killed, err := createBeside(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := killed.Write(c.left); err != nil {
			t.Fatal(err)
		}
		killed.Close() // as the system does
		var told int64
		r := farm.Result{Name: "0001.exr", Size: int64(len(whole)), Ref: c.ref}
		if err := client.FetchVerified(within(t), 1, r, path, func(n, _ int64) { told = n }); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
		if !slices.Equal(begins, c.begins) {
			t.Errorf("%s: asked for %q, not %q", what, begins, c.begins)
		}
		if told != int64(len(whole)) {
			t.Errorf("%s: %d bytes were told of", what, told)
		}
		if names := filesIn(t, filepath.Dir(path)); len(names) != 1 {
			t.Errorf("%s: left: %q", what, names)
		}
	}
}
