package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/beacon"
	"github.com/netrender/netrender/internal/wire"
)

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// note is what a master says of itself on the network.
type netNote struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Port     int    `json:"port"`
	Scheme   string `json:"scheme"`
	Program  string `json:"program"`
	Protocol int    `json:"protocol"`
}

// foundMaster is a master on the network.
type foundMaster struct {
	URL, ID, Name string
}
