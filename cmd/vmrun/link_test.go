// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	frames := func(write func(*frameWriter)) []byte {
		var buf bytes.Buffer
		write(&frameWriter{w: &buf})
		return buf.Bytes()
	}
	big := strings.Repeat("0123456789", maxFrame/5)
	output := func(f *frameWriter) {
		_ = f.Write(frameReady, nil)
		_ = f.Write(frameStdout, []byte(big))
		_ = f.Write(frameStderr, []byte("warn\r\n\x00"))
	}

	for _, tc := range []struct {
		name   string
		write  func(*frameWriter)
		cut    int // bytes missing at the end
		status int
		err    string
	}{
		{"status", func(f *frameWriter) { output(f); _ = f.Write(frameExit, []byte{3}) }, 0, 3, ""},
		{"no status", output, 0, 0, "without a status"},
		{"cut frame", func(f *frameWriter) { output(f); _ = f.Write(frameExit, []byte{3}) }, 1, 0, "without a status"},
		{"empty status", func(f *frameWriter) { output(f); _ = f.Write(frameExit, nil) }, 0, 0, "malformed"},
		{"init failed", func(f *frameWriter) { output(f); _ = f.Write(frameFailed, []byte("no lo")) }, 0, 0, "no lo"},
		{"stray bytes", func(f *frameWriter) { output(f); _, _ = f.w.Write([]byte("login: ")) }, 0, 0, "unknown kind"},
		{"absurd length", func(f *frameWriter) { output(f); _, _ = f.w.Write([]byte{'O', 0xff, 0, 0, 0}) }, 0, 0, "exceed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sent := frames(tc.write)
			var stdout, stderr bytes.Buffer

			res := serve(bytes.NewReader(sent[:len(sent)-tc.cut]), &stdout, &stderr)
			if res.status != tc.status || (res.err == nil) != (tc.err == "") {
				t.Fatalf("got %+v", res)
			}
			if res.err != nil && !strings.Contains(res.err.Error(), tc.err) {
				t.Errorf("error %q does not say %q", res.err, tc.err)
			}
			if stdout.String() != big || stderr.String() != "warn\r\n\x00" {
				t.Errorf("output was changed on the way")
			}
		})
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("O\x00\x00\x00\x02hiX\x00\x00\x00\x01\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			_, payload, err := readFrame(r)
			if err != nil {
				return
			}
			if len(payload) > maxFrame {
				t.Fatal("frame over the limit")
			}
		}
	})
}

func TestConsoleTail(t *testing.T) {
	var echo bytes.Buffer
	c := newConsoleTail(2, &echo)
	for _, chunk := range []string{"one\r\ntw", "o\r\nthree\n", strings.Repeat("x", 2*maxConsoleLine)} {
		n, err := io.WriteString(c, chunk)
		if n != len(chunk) || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
	}

	want := "two\nthree\n" + strings.Repeat("x", maxConsoleLine) + "\n"
	if got := string(c.Bytes()); got != want {
		t.Errorf("got %d bytes starting %.20q", len(got), got)
	}
	if !strings.HasPrefix(echo.String(), "one\r\ntwo") {
		t.Error("the echo is not what was written")
	}
}
