package blender

import (
	"errors"
	"net"
	"os"
)

// socketPair is not for Windows: Python there cannot take over an inherited socket.
func socketPair() (net.Conn, *os.File, error) {
	return nil, nil, errors.New("this system cannot hand a socket to Blender")
}
