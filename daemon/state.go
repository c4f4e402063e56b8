// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"caisson/daemon/resolver"
)

// savedState is what one daemon leaves for the next on the same boot. It lives beside the control socket, on a file system
// that is gone after a reboot; losing it costs a gap record that is larger than need be, nothing else.
type savedState struct {
	Clean bool            `json:"clean"` // the daemon stopped in good order
	Time  time.Time       `json:"time"`
	Folds []resolver.Fold `json:"folds,omitempty"` // reads counted and not yet written
	// Digests of the policies in force, by generation: names of rules are not in the kernel.
	Digests map[uint32]string `json:"digests,omitempty"`
	resolver.State
}

func (d *Daemon) statePath() string { return filepath.Join(filepath.Dir(d.opt.Socket), "state.json") }

// readState returns the state left on this boot; false: there is none.
func readState(path, boot string) (savedState, bool, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return savedState{}, false, nil
	}
	if err != nil {
		return savedState{}, false, fmt.Errorf("state of the last daemon: %w", err)
	}
	var st savedState
	if err := json.Unmarshal(b, &st); err != nil {
		return savedState{}, false, fmt.Errorf("state of the last daemon: %s: %w", path, err)
	}
	return st, st.Boot == boot, nil
}

// writeState replaces the file.
func writeState(path string, st savedState) error {
	b, err := json.Marshal(st)
	if err == nil {
		err = replace(path, b)
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}

// replace replaces a file at once: a reader finds the old content or the new one.
func replace(path string, content []byte) error {
	tmp := path + ".new"
	return errors.Join(os.WriteFile(tmp, content, 0o600), os.Rename(tmp, path))
}

// bootID names the current boot of the host.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
