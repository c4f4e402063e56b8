// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"caisson/bpf"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Options say where the pins are and how large the ring buffer is.
type Options struct {
	// PinDir is a directory on a bpffs of the host's mount namespace.
	PinDir string
	// RingBytes is the size of the event buffer, a power of two and at least a page; 0 takes the default of 64 MiB. A
	// buffer that is already pinned keeps its size.
	RingBytes int
}

// Kernel is the loaded programs and their maps. Methods may be called from several goroutines; Read from one at a time.
type Kernel struct {
	*Holds
	maps    map[string]*ebpf.Map
	reader  *ringbuf.Reader
	busy    bool // it has read something since it last looked in vain
	adopted bool

	mu          sync.Mutex
	generations map[uint32]uint32 // slot -> generation of the image in force; guarded by mu
}

// Load proves that the host enforces (see [Probe]), then adopts the pins of an earlier daemon that ran the same programs,
// or loads, attaches and pins its own. New programs are attached before older ones are let go, so there is no moment
// without enforcement.
func Load(opt Options) (*Kernel, error) {
	if err := Probe(); err != nil {
		return nil, err
	}

	spec, err := bpf.LoadCaisson()
	if err != nil {
		return nil, fmt.Errorf("reading the embedded programs: %w", err)
	}
	if err := choosePrograms(spec); err != nil {
		return nil, err
	}

	k := &Kernel{maps: map[string]*ebpf.Map{}, generations: map[uint32]uint32{}}
	if err := k.open(spec, opt); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// mapsDir is where maps are pinned, below the directory of the pins.
const mapsDir = "maps"

func (k *Kernel) open(spec *ebpf.CollectionSpec, opt Options) error {
	mapDir := filepath.Join(opt.PinDir, mapsDir)
	if err := os.MkdirAll(mapDir, 0o700); err != nil {
		return fmt.Errorf("pin directory: %w (is a bpffs mounted at /sys/fs/bpf?)", err)
	}
	if err := k.openMaps(spec, mapDir, opt.RingBytes); err != nil {
		return err
	}

	digest := bpf.Digest()
	linkDir := filepath.Join(opt.PinDir, "links-"+hex.EncodeToString(digest[:8]))
	if !complete(linkDir, spec) {
		if err := k.attach(spec, linkDir); err != nil {
			return err
		}
	} else {
		k.adopted = true
	}
	if err := removeOtherLinks(opt.PinDir, linkDir); err != nil {
		return err
	}
	if err := k.recover(); err != nil {
		return err
	}

	reader, err := ringbuf.NewReader(k.maps[bpf.CaissonMapEvents])
	if err != nil {
		return fmt.Errorf("event buffer: %w", err)
	}
	reader.SetDeadline(time.Now().Add(lookLast))
	k.reader = reader
	return nil
}

// openMaps opens the pinned maps, or creates and pins them.
func (k *Kernel) openMaps(spec *ebpf.CollectionSpec, dir string, ringBytes int) error {
	events := spec.Maps[bpf.CaissonMapEvents]
	if ringBytes != 0 {
		events.MaxEntries = uint32(ringBytes)
	}
	if pinned, err := ebpf.LoadPinnedMap(filepath.Join(dir, events.Name), nil); err == nil {
		events.MaxEntries = pinned.MaxEntries()
		pinned.Close()
	}

	for name, ms := range spec.Maps {
		ms.Pinning = ebpf.PinByName
		m, err := ebpf.NewMapWithOptions(ms, ebpf.MapOptions{PinPath: dir})
		if errors.Is(err, ebpf.ErrMapIncompatible) {
			return fmt.Errorf("map %s: %w (another version of caisson has pinned it: end all runs, then `caissond detach`)", name, err)
		}
		if err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
		k.maps[name] = m
	}
	k.Holds = &Holds{k.maps[bpf.CaissonMapHearts], k.maps[bpf.CaissonMapRequests], k.maps[bpf.CaissonMapAnswers]}
	return nil
}

// complete reports whether every program's link is pinned in dir.
func complete(dir string, spec *ebpf.CollectionSpec) bool {
	for name := range spec.Programs {
		l, err := link.LoadPinnedLink(filepath.Join(dir, name), nil)
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// attach loads the programs over the open maps, attaches and pins each. What an interrupted attempt left is redone.
func (k *Kernel) attach(spec *ebpf.CollectionSpec, dir string) error {
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: k.maps})
	if err != nil {
		return fmt.Errorf("loading programs: %w", verifierHint(err))
	}
	defer coll.Close()

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("pin directory: %w", err)
	}
	for name, prog := range coll.Programs {
		if err := attachOne(prog, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("attach %s: %w", name, err)
		}
	}
	return nil
}

func attachOne(prog *ebpf.Program, pin string) error {
	l, err := link.AttachLSM(link.LSMOptions{Program: prog})
	if err != nil {
		return err
	}
	defer l.Close()

	if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("stale pin: %w", err)
	}
	return l.Pin(pin)
}

// verifierHint adds the last lines of the verifier's log, which say what it objected to.
func verifierHint(err error) error {
	var ve *ebpf.VerifierError
	if errors.As(err, &ve) {
		return fmt.Errorf("%w\n%-20v", err, ve)
	}
	return err
}

// removeOtherLinks lets go of the programs of earlier versions, now that the present ones are attached.
func removeOtherLinks(pinDir, keep string) error {
	old, err := filepath.Glob(filepath.Join(pinDir, "links-*"))
	if err != nil {
		return fmt.Errorf("old pins: %w", err)
	}
	for _, dir := range old {
		if dir == keep {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("old pins: %w", err)
		}
	}
	return nil
}

// Adopted reports whether the programs were already attached by an earlier daemon.
func (k *Kernel) Adopted() bool { return k.adopted }

// Close lets go of the maps and ends Read. Enforcement goes on.
func (k *Kernel) Close() error {
	var errs []error
	if k.reader != nil {
		errs = append(errs, k.reader.Close())
	}
	for _, m := range k.maps {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// Detach removes every pin below pinDir: enforcement ends when no process holds the programs any more, and running agents
// are then confined by nothing.
func Detach(pinDir string) error {
	if err := os.RemoveAll(pinDir); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return nil
}
