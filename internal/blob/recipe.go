package blob

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Chunk is a part of a blob: the SHA-256 of its bytes, and how many they are. The whole hash is kept: whoever may
// send files could otherwise make two chunks of one name.
type Chunk struct {
	Sum  Ref
	Size int // bytes, 1 to MaxChunk
}

// Recipe is the chunks of a blob, in order. Its binary form, on disk and on the wire:
//
//	0    8   "nr-cuts1"
//	8    36  of each chunk: SHA-256, size (32 bits, big endian)
//	end  32  SHA-256 of all before
//
// Who reads one trusts it for nothing but speed: bytes are verified chunk by chunk, and then the whole.
type Recipe []Chunk

const (
	recipeMagic = "nr-cuts1"
	recipeEntry = sha256.Size + 4
	// MaxRecipe is the most bytes of a recipe; that of a blob of ChunkUpTo bytes has about so many.
	MaxRecipe = 64 << 20
)

// ErrRecipe says that bytes are no recipe of the blob that they were asked for.
var ErrRecipe = errors.New("not a recipe")

// Encode is the binary form.
func (r Recipe) Encode() []byte {
	b := make([]byte, 0, len(recipeMagic)+len(r)*recipeEntry+sha256.Size)
	b = append(b, recipeMagic...)
	for _, c := range r {
		b = append(b, c.Sum[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(c.Size))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// DecodeRecipe reads the binary form of a recipe for a blob of size bytes.
func DecodeRecipe(b []byte, size int64) (Recipe, error) {
	body := len(b) - sha256.Size - len(recipeMagic)
	if body < 0 || body%recipeEntry != 0 || len(b) > MaxRecipe || string(b[:len(recipeMagic)]) != recipeMagic {
		return nil, fmt.Errorf("%w: %d bytes of another form", ErrRecipe, len(b))
	}
	if sum := sha256.Sum256(b[:len(b)-sha256.Size]); sum != [sha256.Size]byte(b[len(b)-sha256.Size:]) {
		return nil, fmt.Errorf("%w: it is damaged", ErrRecipe)
	}
	r := make(Recipe, 0, body/recipeEntry)
	for e := range slices.Chunk(b[len(recipeMagic):len(b)-sha256.Size], recipeEntry) {
		n := binary.BigEndian.Uint32(e[sha256.Size:])
		if n == 0 || n > MaxChunk || int64(n) > size {
			return nil, fmt.Errorf("%w: a chunk of %d bytes", ErrRecipe, n)
		}
		size -= int64(n)
		r = append(r, Chunk{Ref(e[:sha256.Size]), int(n)})
	}
	if size != 0 {
		return nil, fmt.Errorf("%w: %d bytes are missing", ErrRecipe, size)
	}
	return r, nil
}

// recipeOf cuts what r gives. each, which may be nil, is called after every chunk and may end it.
func recipeOf(r io.Reader, each func(n int) error) (Recipe, error) {
	var recipe Recipe
	for c := NewCutter(r); ; {
		b, err := c.Next()
		if err == io.EOF {
			return recipe, nil
		}
		if err == nil && (len(recipe)+1)*recipeEntry > MaxRecipe-recipeEntry-sha256.Size {
			err = fmt.Errorf("%w: too many chunks", ErrRecipe)
		}
		if err == nil {
			recipe = append(recipe, Chunk{RefOf(b), len(b)})
			if each != nil {
				err = each(len(b))
			}
		}
		if err != nil {
			return nil, err
		}
	}
}
