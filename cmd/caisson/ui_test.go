// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"caisson/daemon/api"
)

// recorded is a printer whose output can be read.
func recorded() (u *ui, out, err *bytes.Buffer) {
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	return &ui{out: bufio.NewWriter(out), err: err}, out, err
}

func TestFail(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"nothing more to say", silent(10), ""},
		{"plain", errors.New("reading x: no such file"), "caisson: reading x: no such file\n"},
		{"joined", errors.Join(errors.New("one"), errors.Join(errors.New("two"), errors.New("three"))),
			"caisson: one\ncaisson: two\ncaisson: three\n"},
		{"hint", usage("use y", "x is wrong"), "caisson: x is wrong\nhint: use y\n"},
		{"no hint", usage("", "x is wrong"), "caisson: x is wrong\n"},
		{"of the daemon", fmt.Errorf("run: %w", &api.Error{Message: "refused", Hint: "sudo"}), "caisson: run: refused\nhint: sudo\n"},
		{"with a status", &exitError{3, errors.New("unreadable")}, "caisson: unreadable\n"},
		{"forged line", errors.New("file \"a\ncaisson: all is well\""), "caisson: file \"a\\u000acaisson: all is well\"\n"},
		{"two causes in one text", fmt.Errorf("%w and %w", errors.New("a"), errors.New("b")), "caisson: a and b\n"},
		{"quoted before", fmt.Errorf("%q", "\x1b"), "caisson: \"\\x1b\"\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, out, err := recorded()
			u.fail(tc.err)
			if err.String() != tc.want || u.out.Buffered() > 0 || out.Len() > 0 {
				t.Errorf("got %q, want %q", err, tc.want)
			}
		})
	}
}

type word string

func TestPrintfEscapes(t *testing.T) {
	u, out, _ := recorded()
	u.printf("%s|%s|%s|%s|%d\n", "a\x1b\\", word("b\x9b"), prose(`c\x07`+"\x07"), errors.New("d\u202e"), 7)
	if err := u.flush(); err != nil {
		t.Fatal(err)
	}
	want := `a\u001b\\|b\x9b|c\x07\u0007|d\u202e|7` + "\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestTable(t *testing.T) {
	long := strings.Repeat("x", maxWidth+1)
	for _, tc := range []struct {
		name  string
		color bool
		rows  [][]any
		want  string
	}{
		{"aligned", false, [][]any{{"a", "b"}, {"ccc", 1}}, "a    b\nccc  1\n"},
		{"empty cell", false, [][]any{{"", "b", ""}}, "-  b  -\n"},
		{"wide characters count once", false, [][]any{{"ää", "b"}, {"c", "d"}}, "ää  b\nc   d\n"},
		{"one long cell", false, [][]any{{long, "b"}, {"c", "d"}}, long + "  b\nc  d\n"},
		{"no colour", false, [][]any{{tint("DENY"), "x"}}, "DENY  x\n"},
		{"colour is no width", true, [][]any{{tint("DENY"), "x"}, {"ALLOWED", "y"}}, "\x1b[31mDENY\x1b[0m     x\nALLOWED  y\n"},
		{"colour does not stop escaping", true, [][]any{{tinted{"\x1b[2J", green}, "x"}}, "\x1b[32m\\u001b[2J\x1b[0m  x\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, out, _ := recorded()
			u.color = tc.color
			tab := u.table()
			for _, row := range tc.rows {
				tab.row(row...)
			}
			tab.flush()
			if err := u.flush(); err != nil || out.String() != tc.want {
				t.Errorf("got %q, want %q, error %v", out, tc.want, err)
			}
		})
	}
}

func TestJSONIsSafeOnTerminals(t *testing.T) {
	in := "a\x1b\u009b\u202e\u007f\U000e0041<ä>"
	u, out, _ := recorded()
	if err := u.jsonLine(map[string]string{"k": in}); err != nil {
		t.Fatal(err)
	}
	if err := u.flush(); err != nil {
		t.Fatal(err)
	}
	if want := `{"k":"a\u001b\u009b\u202e\u007f\udb40\udc41<ä>"}` + "\n"; out.String() != want {
		t.Errorf("got %s, want %s", out, want)
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["k"] != in {
		t.Errorf("read back as %q, error %v", back["k"], err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestBrokenOutput(t *testing.T) {
	u := &ui{out: bufio.NewWriter(full{}), err: new(bytes.Buffer)}
	u.printf("x\n")
	if err := u.flush(); err == nil || err.Error() != "writing output: no space" {
		t.Errorf("got %v", err)
	}
}
