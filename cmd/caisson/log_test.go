// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"caisson/audit"
)

// logStart is the time of the first record; each record is a minute later than the one before.
var logStart = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// sampleLog has one record of every sort that is shown in its own way.
func sampleLog() []audit.Record {
	list := []audit.Record{
		{Kind: audit.KindDaemonStart, Where: "daemon", Text: "caissond 0.1"},
		{Kind: audit.KindAgentStart, Agent: "coding-agent", Run: "aaaabbbbcccc", Where: "daemon", Actor: &audit.Actor{UID: 1000, GID: 1000, PID: 42}},
		{Kind: audit.KindFileOpen, Op: "open", Agent: "coding-agent", Run: "aaaabbbbcccc", Action: "file_write", Verdict: "ALLOW", Enforced: "allow",
			Rule: "allow-src-writes", Where: "kernel", Path: "/project/src/main.go"},
		{Kind: audit.KindFileRename, Op: "rename-from", Agent: "coding-agent", Run: "aaaabbbbcccc", Action: "file_write", Verdict: "DENY", Enforced: "deny",
			Reason: "no-rule", Where: "kernel", Path: "/project/a", Path2: "/project/b"},
		{Kind: audit.KindExec, Op: "exec", Agent: "deploy-agent", Run: "ddddeeeeffff", Action: "shell_exec", Verdict: "REQUIRE_APPROVAL", Enforced: "deny",
			Rule: "allow-deploy-command", Reason: "denied: by root", Where: "daemon", Path: "/usr/bin/npm", Argv: []string{"run", "deploy"}},
		{Kind: audit.KindNetConnect, Op: "connect", Agent: "research-agent", Action: "network", Verdict: "DENY", Enforced: "deny",
			Reason: "no-rule", Where: "kernel", Proto: "tcp", Addr: "2001:db8::1", Port: 443, Host: "evil.example"},
		{Kind: audit.KindFileOpen, Op: "open", Agent: "research-agent", Action: "file_read", Verdict: "ALLOW", Enforced: "allow",
			Rule: "baseline:libraries", Where: "kernel", Count: 17},
		{Kind: audit.KindFileOpen, Op: "open", Agent: "research-agent", Action: "file_read", Verdict: "DENY", Enforced: "deny",
			Reason: "no-rule", Where: "kernel", Path: "/tmp/\x1b[2Jx\u202egnp.\xff"},
		{Kind: audit.KindGap, Where: "daemon", Counts: map[string]uint64{"ring": 3, "missing": 1}},
	}
	for i := range list {
		list[i].T = logStart.Add(time.Duration(i) * time.Minute)
	}
	return list
}

// writeLog makes a log of records.
func writeLog(dir string, records ...audit.Record) error {
	l, err := audit.Open(dir, audit.Options{Boot: "test"})
	if err != nil {
		return err
	}
	for _, r := range records {
		if _, err := l.AppendSync(r); err != nil {
			return err
		}
	}
	return l.Close()
}

// mklogCmd runs "mklog DIR": it makes the sample log.
func mklogCmd(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(writeLog(ts.MkAbs(args[0]), sampleLog()...))
}

// tearCmd runs "tear DIR": it leaves the log as a crash in the middle of a write would.
func tearCmd(ts *testscript.TestScript, _ bool, args []string) {
	name := segment(ts, args[0])
	info, err := os.Stat(name)
	ts.Check(err)
	ts.Check(os.Truncate(name, info.Size()-20))
}

// tamperCmd runs "tamper DIR OLD NEW": it changes text in the log.
func tamperCmd(ts *testscript.TestScript, _ bool, args []string) {
	name := segment(ts, args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	if !bytes.Contains(b, []byte(args[1])) {
		ts.Fatalf("the log does not hold %q", args[1])
	}
	ts.Check(os.WriteFile(name, bytes.Replace(b, []byte(args[1]), []byte(args[2]), 1), 0o600))
}

// segment is the newest file of a log, made writable: a closed one is not.
func segment(ts *testscript.TestScript, dir string) string {
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(dir), "segments", "*.jsonl"))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("no segment in %s", dir)
	}
	ts.Check(os.Chmod(names[len(names)-1], 0o600))
	return names[len(names)-1]
}
