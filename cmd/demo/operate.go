// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"caisson/daemon/api"
)

// requestTime is how long a request for approval may take to be listed.
const requestTime = 10 * time.Second

// operate is the other terminal: it waits until the attempt is held and answers it, by the commands that people use.
func (w *world) operate(ctx context.Context, a *attempt) error {
	answer := wants[a.want].answer
	if answer == "" {
		return nil
	}
	id := ""
	var failed error
	until(ctx, requestTime, func() bool {
		id, failed = w.request(ctx, a.agent)
		return failed != nil || id != ""
	})
	if failed != nil {
		return failed
	}
	if id == "" {
		return fmt.Errorf("no request for approval of %s is listed", a.agent)
	}
	out, err := exec.CommandContext(ctx, w.caisson, answer, id, "--socket", w.socket).CombinedOutput()
	if err != nil {
		return fmt.Errorf("caisson %s %s: %w: %s", answer, id, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// request is the id of what waits of an agent; "": nothing does.
func (w *world) request(ctx context.Context, agent string) (string, error) {
	out, err := exec.CommandContext(ctx, w.caisson, "approvals", "--socket", w.socket, "--json").Output()
	if err != nil {
		return "", fmt.Errorf("caisson approvals: %w", err)
	}
	var list api.Approvals
	if err := json.Unmarshal(out, &list); err != nil {
		return "", fmt.Errorf("caisson approvals: %w", err)
	}
	for _, r := range list.Requests {
		if r.Agent == agent {
			return r.ID, nil
		}
	}
	return "", nil
}

// impatient shortens the time that the rule about deployments waits.
func impatient(w *world) error {
	file := filepath.Join(w.policies, deployer+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("shortening a timeout: %w", err)
	}
	const effect = "    effect: REQUIRE_APPROVAL\n"
	if strings.Count(string(text), effect) != 1 {
		return errors.New("shortening a timeout: the policy has not one rule that asks")
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), effect, effect+"    timeout: 2s\n", 1)), 0o644); err != nil {
		return fmt.Errorf("shortening a timeout: %w", err)
	}
	if out, err := exec.Command(w.caisson, "reload", deployer, "--socket", w.socket).CombinedOutput(); err != nil {
		return fmt.Errorf("caisson reload: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
