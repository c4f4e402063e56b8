// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const document = "../../docs/hooks.md"

// block is the first block of a language in the document.
func block(t *testing.T, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, document), "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("%s has no block of %s", document, language)
	}
	return text
}

// TestDocumentedFile: the example in the documents can be loaded.
func TestDocumentedFile(t *testing.T) {
	d := dir(t)
	write(t, filepath.Join(d, "etc", "chat.key"), testKey, 0o600)
	write(t, filepath.Join(d, "etc", "dashboard.key"), testKey, 0o600)
	write(t, filepath.Join(d, "bin", "page-oncall"), "", 0o755)
	text := strings.NewReplacer("/etc/caisson/", d+"/etc/", "/usr/local/libexec/", d+"/bin/").Replace(block(t, "yaml"))
	list, err := Load(write(t, filepath.Join(d, "hooks.yaml"), text, 0o644))
	if err != nil || len(list) != 3 || !list[2].All {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestDocumentedNotice: the example is a notice, and every member is described.
func TestDocumentedNotice(t *testing.T) {
	dec := json.NewDecoder(strings.NewReader(block(t, "json")))
	dec.DisallowUnknownFields()
	var n struct {
		V int
		Notice
	}
	if err := dec.Decode(&n); err != nil || n.V != Version || n.check() != nil || n.Commands == nil || n.Deadline.IsZero() {
		t.Errorf("%+v, %v, %v", n, err, n.check())
	}
	text := read(t, document)
	for _, typ := range []reflect.Type{reflect.TypeFor[Notice](), reflect.TypeFor[Commands]()} {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("%s does not describe %s", document, name)
			}
		}
	}
	for _, word := range []string{EventRequest, EventAnswered, Approved, Denied, TimedOut, Withdrawn} {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("%s does not describe %s", document, word)
		}
	}
}

// TestDocumentedReceiver: the receiver in the documents takes what is signed with its key and is new, and nothing else.
func TestDocumentedReceiver(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3: signatures are only checked in Go (TestWebhook)")
		return
	}
	d := dir(t)
	program := write(t, filepath.Join(d, "receiver.py"), block(t, "python"), 0o644)
	secret := write(t, filepath.Join(d, "key"), testKey+"\n", 0o600)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)

	cmd := exec.Command(python, program, secret, port)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})

	n := request("r7")
	n.Host, n.Subject = "build3", "npm run \x1b[2Jdeploy"
	body, err := n.encode()
	if err != nil {
		t.Fatal(err)
	}
	j := &job{id: "r7", event: EventRequest, delivery: newDelivery(), body: body}
	try := func(secret string, at time.Time) result {
		h := hookAt("http://" + addr)
		h.Secret = []byte(secret)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return newWebhook(h, nil, func() time.Time { return at }).deliver(ctx, j)
	}
	if r := try(strings.Repeat("x", 32), time.Now()); !r.final || !strings.Contains(r.err.Error(), "answered 403") {
		t.Errorf("another key: %+v", r)
	}
	if r := try(testKey, time.Now().Add(-time.Hour)); !r.final {
		t.Errorf("old: %+v", r)
	}
	if r := try(testKey, time.Now()); r.err != nil {
		t.Errorf("good: %v", r.err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if want := `approval.request r7 build3 a 'npm run \x1b[2Jdeploy' `; err != nil && err != io.EOF || strings.TrimSuffix(line, "\n") != want {
		t.Errorf("printed %q, %v; want %q", line, err, want)
	}
}
