// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/daemon/doctor"
	"caisson/daemon/kernel"
	"caisson/policy"
)

// diagnosis is what doctor writes as JSON.
type diagnosis struct {
	OK     bool           `json:"ok"`
	Checks []doctor.Check `json:"checks"`
}

func newDoctor(u *ui) *cobra.Command {
	var socket, policies, auditDir string
	asJSON := false
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find out whether this host can enforce, and what is in the way",
		Long: `Find out whether this host can enforce, and what is in the way. As root it loads a small probe program, sees the kernel
refuse what the probe refuses, and removes it: nothing less is proof. Without root it says what it could not check.` +
			exits(meaning{exitOK, "every check passed"}, meaning{exitFailed, "at least one did not, or could not be made"}, wrongUsage),
		Example: "  sudo caisson doctor",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := doctor.Run(cmd.Context(), doctor.Options{
				Socket: socket, Policies: policies, Audit: auditDir, Probe: kernel.Probe, Load: countPolicies,
			})
			return printChecks(u, checks, asJSON)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSocket(cmd, &socket)
	addPolicies(cmd, &policies)
	cmd.Flags().StringVar(&auditDir, "audit", defaultAudit, "`DIR` of the audit log")
	must(cmd.MarkFlagDirname("audit"))
	addJSON(cmd, &asJSON)
	return cmd
}

// countPolicies loads a directory.
func countPolicies(dir string) (int, error) {
	set, err := policy.LoadDir(dir)
	if set == nil {
		return 0, err
	}
	return len(set.Policies), err
}

// printChecks writes each check with its remedy.
func printChecks(u *ui, checks []doctor.Check, asJSON bool) error {
	d := diagnosis{OK: doctor.Healthy(checks), Checks: checks}
	if asJSON {
		if err := u.json(d); err != nil {
			return err
		}
	} else {
		t := u.table()
		for _, c := range checks {
			t.row(tint(checkState(c)), c.Name, prose(c.Detail))
			if c.Remedy != "" && !c.OK {
				t.row(" ", " ", prose("remedy: "+c.Remedy))
			}
		}
		t.flush()
	}
	if !d.OK {
		return silent(exitFailed)
	}
	return nil
}

// checkState is the outcome of a check in one word. What is not known does not count as fine.
func checkState(c doctor.Check) string {
	switch {
	case c.OK:
		return "ok"
	case c.Known:
		return "FAIL"
	}
	return "unknown"
}
