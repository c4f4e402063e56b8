// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// report is what one boot gave.
type report struct {
	Kernel string
	Costs  []cost
	Work   []workResult
}

// cost is what one operation of one subject costs, in instructions of the guest.
type cost struct {
	Who          string
	What         string
	Instructions float64
}

// Subjects: who does the operation.
const (
	whoBare     = "unconfined"       // before caisson's programs are loaded
	whoAgain    = "unconfined again" // after they are gone: how steady the machine was
	whoFloor    = "empty program"    // the same with an LSM program that returns at once
	whoLandlock = "landlock"         // with one Landlock rule, without caisson's programs
	whoOutsider = "no agent"         // with caisson's programs, of a process that is no agent
	whoFew      = "10 rules"         // an agent
	whoMany     = "10,000 rules"     // an agent
	whoGlobs    = "10 rules, globs"  // an agent with a rule about file names everywhere
	whoWatched  = "daemon reads"     // an agent with 10 rules, while the daemon runs on the same processor
)

// of returns the cost of an operation; 0 if it was not measured.
func (r *report) of(who, what string) float64 {
	for _, c := range r.Costs {
		if c.Who == who && c.What == what {
			return c.Instructions
		}
	}
	return 0
}

// readReports reads reports; those of one kernel become one, in the place of the first.
func readReports(files []string) ([]report, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("no report named")
	}
	var reports []report
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		var r report
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, fmt.Errorf("report %s: %w", file, err)
		}
		at := slices.IndexFunc(reports, func(o report) bool { return o.Kernel == r.Kernel })
		if at < 0 {
			reports = append(reports, r)
			continue
		}
		reports[at].Costs = append(reports[at].Costs, r.Costs...)
		reports[at].Work = append(reports[at].Work, r.Work...)
	}
	return reports, nil
}
