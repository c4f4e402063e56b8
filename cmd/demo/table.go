// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"caisson/policy"
)

// The three agents of the policies, and one that has none.
const (
	research = "research-agent"
	coding   = "coding-agent"
	deployer = "deploy-agent"
	ghost    = "ghost"
	nobody   = "(no agent)"
)

// Files that the attempts are about; [world.furnish] makes them.
const (
	dataset = "/data/research/dataset.csv"
	readme  = "/project/README.md"
	source  = "/project/src/main.go"
)

// What is in them, so that whoever really read one can be told from its output.
const (
	datasetText = "sample,value"
	readmeText  = "A small project"
	sourceText  = "package main"
	addedText   = "// changed"
)

// What the log's reasons contain.
const (
	noRule   = policy.ReasonNoRule
	noPolicy = "no policy is in force for this agent"
	byRoot   = "by root"
	tooLate  = "timed-out: nobody answered in time"
)

// attempts is the whole demo, in order.
func attempts(w *world) []attempt {
	var all []attempt
	for _, part := range [][]attempt{researchAttempts(w), codingAttempts(w), codingTricks(w), deployAttempts(w), otherAttempts(w)} {
		all = append(all, part...)
	}
	return all
}

// reading is about opening a file or directory for reading.
func reading(path string) subject { return subject{op: "open", action: policy.FileRead, path: path} }

// writing is about opening a file for writing.
func writing(path string) subject { return subject{op: "open", action: policy.FileWrite, path: path} }

// changing is about another change of a file.
func changing(op, path string) subject { return subject{op: op, action: policy.FileWrite, path: path} }

// executing is about starting a program.
func executing(path string) subject { return subject{op: "exec", action: policy.ShellExec, path: path} }

// connecting is about a TCP connection.
func connecting(t target) subject {
	return subject{op: "connect", action: policy.Network, addr: t.addr.String(), port: t.port}
}

// line is a command of one line for bash, whose first program is bash itself: the operator's choice.
func line(format string, args ...any) []string {
	return []string{"bash", "-c", fmt.Sprintf(format, args...)}
}

// dial is a line of bash that connects and prints what the other side says first.
func dial(host string, port uint16) string {
	return fmt.Sprintf("exec 3<>/dev/tcp/%s/%d && read -r answer <&3 && echo $answer", host, port)
}
