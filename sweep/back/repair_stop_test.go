package back_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/sweep/back"
	"github.com/regsweep/regsweep/walker"
	"github.com/regsweep/regsweep/walker/disk"
)

// A repair that is told to stop does not read a large blob to its end.
func TestRepairStopsInTheMidstOfABlob(t *testing.T) {
	s := memoryStore(t, "age 10d\nimage a:v1 layers=big:20000k as=x\n")
	path := layout.BlobDir(s.Digest("big")) + "/" + layout.Data
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	read := 0
	fault := func(op disk.Op, at string) error {
		if op == disk.OpRead && strings.HasSuffix(at, path) {
			if read++; read == 2 {
				cancel()
			}
		}
		return nil
	}
	err := locked(s, fault, func(store *disk.Dir, _ *disk.Lock) error {
		_, err := back.NewRepair(ctx, store, []walker.Problem{{Kind: walker.CorruptBlob, Path: path}}, nil, true)
		return err
	})
	if !errors.Is(err, context.Canceled) || read < 2 || read > 3 {
		t.Errorf("%v after %d pieces", err, read)
	}
}
