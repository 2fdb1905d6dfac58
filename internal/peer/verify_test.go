package peer

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/blob/blobtest"
	"github.com/netrender/netrender/internal/farm"
)

// TestRecipe: with a recipe a liar is found within a chunk, the rest comes from elsewhere from there on, and the master
// hears that it lied, when that is sure. A recipe that is wrong makes nobody a liar.
func TestRecipe(t *testing.T) {
	whole := blobtest.Bytes(blob.ChunkFrom+1_000_000, 1)
	size, ref := int64(len(whole)), blob.RefOf(whole)
	recipe := blobtest.Recipe(t, whole)
	broken := len(recipe) / 2
	begins := int64(0) // of that chunk
	for _, c := range recipe[:broken] {
		begins += int64(c.Size)
	}
	wrong := slices.Clone(whole)
	wrong[begins+5] ^= 1
	spoilt := slices.Clone(recipe)
	spoilt[broken].Sum[0] ^= 1
	for what, c := range map[string]struct {
		gives  []byte
		recipe blob.Recipe
		had    int64 // bytes that an earlier transfer left
		want   []farm.FaultKind
		begins int64 // where the master goes on; -1: it is not needed
	}{
		"honest":                {whole, recipe, 0, nil, -1},
		"honest, for the rest":  {whole, recipe, 1_000_001, nil, -1},
		"a liar":                {wrong, recipe, 0, []farm.FaultKind{farm.FaultDoubtful, farm.FaultLied}, begins},
		"a liar, for the rest":  {wrong, recipe, 1_000_001, []farm.FaultKind{farm.FaultDoubtful, farm.FaultLied}, begins},
		"a liar before that":    {wrong, recipe, begins + 6, []farm.FaultKind{farm.FaultDoubtful, farm.FaultLied}, begins + 6},
		"the recipe is wrong":   {whole, spoilt, 0, []farm.FaultKind{farm.FaultDoubtful}, begins},
		"there is no recipe":    {whole, nil, 0, nil, -1},
		"a liar and no recipe":  {wrong, nil, 0, []farm.FaultKind{farm.FaultLied}, 0},
		"a rest, and no recipe": {wrong, nil, 1_000_001, []farm.FaultKind{farm.FaultDoubtful}, 0}, // what was there may be wrong
	} {
		t.Run(what, func(t *testing.T) {
			address := bad(t, func(conn net.Conn, offset int64) {
				head(conn, size, offset)
				conn.Write(c.gives[offset:])
			})
			var mu sync.Mutex
			var heard []farm.FaultKind
			n := node(t, "worker-a", func(q farm.SourceQuestion) (farm.Source, error) {
				mu.Lock()
				defer mu.Unlock()
				for _, f := range q.Failed {
					heard = append(heard, f.How)
				}
				if len(heard) > 0 || q.Have == size {
					return farm.Source{}, nil
				}
				return sourceAt(address, "worker-bad", "", "worker-a", ref), nil
			})
			if c.had > 0 { // the line breaks there, for good
				n.Keyed(nil)
				left := &master{whole: whole[:c.had]}
				if err := n.Fetch(context.Background(), ref, size, Origin{Open: left.open}); err == nil {
					t.Fatal("it is whole already")
				}
				n.key.Store(&key{secret: theKey, least: 1})
			}
			m := &master{whole: whole}
			asked := 0
			err := n.Fetch(context.Background(), ref, size, Origin{Open: m.open, Recipe: func(context.Context) (blob.Recipe, error) {
				asked++
				return c.recipe, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			holds(t, n, ref, whole)
			if !slices.Equal(heard, c.want) {
				t.Errorf("the master heard %v, not %v", heard, c.want)
			}
			if c.begins < 0 && len(m.offsets) > 0 || c.begins >= 0 && !slices.Equal(m.offsets, []int64{c.begins}) {
				t.Errorf("the master was read from at %v, not %d", m.offsets, c.begins)
			}
			if asked != 1 {
				t.Errorf("the recipe was asked for %d times", asked)
			}
		})
	}
}
