// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"caisson/daemon/api"
	"caisson/daemon/control"
	"caisson/policy"
)

// Names of the variables of a run.
const (
	varHome      = "HOME"
	varWorkspace = "WORKSPACE"
)

// binding is the values that one run gives to its policy's variables. Both are kept even if the policy mentions only one:
// a later one may mention the other.
type binding struct {
	Home      string `json:"home"`
	Workspace string `json:"workspace"`
}

// standIn binds the variables of a policy that is only to be checked: no run has these directories.
var standIn = &binding{"/" + varHome, "/" + varWorkspace}

// variables are the values by name. One that could not be found out, and was not needed when the run began, is missing.
func (b *binding) variables() map[string]string {
	all := map[string]string{varHome: b.Home, varWorkspace: b.Workspace}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// bind gives a policy its values. Nil: the policy is taken as it is.
func (b *binding) bind(p *policy.Policy) (*policy.Policy, error) {
	if b == nil || len(p.Variables) == 0 {
		return p, nil
	}
	return p.Bind(b.variables())
}

// String says, as the end of a sentence, what was bound; "" for nothing.
func (b *binding) String() string {
	if b == nil {
		return ""
	}
	return ", for runs as " + b.text()
}

// text is the values in words.
func (b *binding) text() string {
	all := b.variables()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, name+"="+all[name])
	}
	return strings.Join(parts, " ")
}

// bindingOf finds out the values for a run that a peer asks for, of a policy that has variables.
func (d *Daemon) bindingOf(p control.Peer, req api.RunRequest, pol *policy.Policy) (*binding, error) {
	uses := func(name string) bool { return slices.Contains(pol.Variables, name) }
	b := &binding{}
	home, err := d.opt.Home(p.UID)
	if err == nil {
		err = confining(varHome, home)
	}
	if err == nil {
		b.Home = home
	} else if uses(varHome) {
		return nil, &api.Error{Status: http.StatusConflict, Message: err.Error(),
			Hint: fmt.Sprintf("the policy of %s mentions ${%s}: give user %d a home directory in /etc/passwd", req.Agent, varHome, p.UID)}
	}

	asked := req.Workspace != ""
	b.Workspace, err = workspace(p.PID, req.Workspace)
	if err != nil && (asked || uses(varWorkspace)) {
		return nil, &api.Error{Status: http.StatusBadRequest, Message: err.Error(),
			Hint: "name a directory: caisson run --workspace DIR"}
	}
	return b, nil
}

// unusedWorkspace refuses a workspace that nothing would confine the agent to.
func unusedWorkspace(req api.RunRequest, pol *policy.Policy) error {
	if req.Workspace == "" || slices.Contains(pol.Variables, varWorkspace) {
		return nil
	}
	return &api.Error{Status: http.StatusBadRequest,
		Message: fmt.Sprintf("the policy of agent %q does not mention ${%s}, so a workspace changes nothing", req.Agent, varWorkspace),
		Hint:    "leave --workspace out, or write rules with ${" + varWorkspace + "}"}
}

// workspace checks the directory that a caller asked for, or takes the one it is in. It must not lead through a symlink:
// whoever may change that could move the workspace, and the caller should see the place that is meant.
func workspace(pid int, asked string) (string, error) {
	dir, there := asked, asked
	if asked == "" {
		there = fmt.Sprintf("/proc/%d/cwd", pid)
		var err error
		if dir, err = os.Readlink(there); err != nil {
			return "", fmt.Errorf("working directory of the caller: %w", err)
		}
	}
	if err := confining(varWorkspace, dir); err != nil {
		return "", err
	}

	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("workspace: %w", err)
	}
	if real != dir {
		return "", fmt.Errorf("workspace %s leads through a symlink to %s (name that, if it is meant)", dir, real)
	}
	named, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("workspace: %w", err)
	}
	meant, err := os.Stat(there)
	if err != nil {
		return "", fmt.Errorf("workspace: %w", err)
	}
	if !named.IsDir() {
		return "", fmt.Errorf("workspace %s: %w", dir, syscall.ENOTDIR)
	}
	if !os.SameFile(named, meant) {
		// In another mount namespace, or below another root, the caller's path means another directory than the host's.
		return "", fmt.Errorf("working directory of the caller is %s for it, which is another directory on the host", dir)
	}
	return dir, nil
}

// confining says whether a value of a variable is a place that rules can be confined to.
func confining(name, dir string) error {
	switch {
	case !filepath.IsAbs(dir):
		return fmt.Errorf("%s %q is not an absolute path", name, dir)
	case filepath.Clean(dir) != dir:
		return fmt.Errorf("%s %q is not a clean path (%s is)", name, dir, filepath.Clean(dir))
	case dir == "/":
		return fmt.Errorf("%s is /, and rules about it would be rules about everything", name)
	}
	return nil
}

// homeOf asks the user database. Without cgo, as caissond is built, that is /etc/passwd.
func homeOf(uid uint32) (string, error) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return "", fmt.Errorf("home directory: %w", err)
	}
	if u.HomeDir == "" {
		return "", errors.New("home directory: user " + u.Username + " has none")
	}
	return filepath.Clean(u.HomeDir), nil
}
