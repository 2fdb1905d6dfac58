package peer

import (
	"context"
	"io"
	"testing"

	"github.com/netrender/netrender/internal/blob/blobtest"
)

// BenchmarkGive is a blob handed to a reader that throws it away, over loopback; the reader's side is in it.
func BenchmarkGive(b *testing.B) {
	for _, secure := range []bool{false, true} {
		name := "plain"
		if secure {
			name = "encrypted"
		}
		b.Run(name, func(b *testing.B) {
			const size = 64 << 20
			n, ref := stocked(b, blobtest.Bytes(size, 1), func(o *Options) { o.TLS = secure })
			b.SetBytes(size)
			for b.Loop() {
				l, err := n.call(context.Background(), source(n, "reader-1", ref).Peer, ref, size, 0)
				if err != nil {
					b.Fatal(err)
				}
				if got, err := io.Copy(io.Discard, l.body); err != nil || got != size {
					b.Fatal(got, err)
				}
				l.Close()
			}
		})
	}
}
