// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var updateDocuments = flag.Bool("update-documents", false, "write what the commands print into the documents")

var (
	docFile    = regexp.MustCompile("(?s)```yaml file=(\\S+)\n(.*?)```")
	docConsole = regexp.MustCompile("(?s)```console\n(.*?)```")
	docWords   = regexp.MustCompile(`'[^']*'|\S+`)
	// What differs from host to host, or whenever a byte of the image does.
	docDigest = regexp.MustCompile(`digest [0-9a-f]{64}`)
	docImage  = regexp.MustCompile(`image: [0-9]+ bytes, [0-9]+ nodes, [0-9]+ edges`)
)

// TestPolicyToolsDocument runs every command of docs/policy-tools.md on the files that stand there, and compares what it
// prints.
func TestPolicyToolsDocument(t *testing.T) {
	path, err := filepath.Abs("../../docs/policy-tools.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, m := range docFile.FindAllStringSubmatch(string(doc), -1) {
		file := filepath.Join(dir, m[1])
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(m[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	t.Chdir(dir)
	commands := 0
	got := docConsole.ReplaceAllStringFunc(string(doc), func(block string) string {
		var b strings.Builder
		b.WriteString("```console\n")
		for line := range strings.Lines(docConsole.FindStringSubmatch(block)[1]) {
			if command, ok := strings.CutPrefix(line, "$ caisson "); ok {
				commands++
				b.WriteString(line + printed(t, command))
			}
		}
		return b.String() + "```"
	})
	if commands < 7 {
		t.Errorf("only %d commands", commands)
	}
	if *updateDocuments {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(doc) {
		t.Errorf("docs/policy-tools.md does not say what the commands print (go test ./cmd/caisson -run Document -update-documents):\n%s", got)
	}
}

// printed is what a command line prints to both outputs.
func printed(t *testing.T, line string) string {
	t.Helper()
	var args []string
	for _, word := range docWords.FindAllString(line, -1) {
		args = append(args, strings.Trim(word, "'"))
	}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	execute(newUI(out, out), args)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return docImage.ReplaceAllString(docDigest.ReplaceAllString(string(text), "digest …"), "image: … bytes, … nodes, … edges")
}
