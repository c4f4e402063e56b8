// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// Hook is one receiver: a command or an address.
type Hook struct {
	Name    string   // for people: log, status
	Command []string // absolute path of a program, and its words; or:
	URL     string   // https, or http to an address of this host itself
	Secret  []byte   // key of the signatures; with URL, at least MinSecret bytes
	// All wants to know of requests that were answered before they could be announced, too.
	All bool
}

// Bounds of what an operator can write; far above what people need.
const (
	MaxHooks  = 16 // each has a queue and a worker
	maxWords  = 64
	maxWord   = 4096 // bytes
	maxURL    = 2048 // bytes
	MinSecret = 32   // bytes: as long as what HMAC-SHA256 makes of it
	maxSecret = 4096 // bytes
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// fault is something wrong, and what would be right.
type fault struct{ msg, hint string }

// Error writes "message (hint)".
func (f *fault) Error() string {
	if f.hint == "" {
		return f.msg
	}
	return f.msg + " (" + f.hint + ")"
}

func checkName(name string) *fault {
	if !nameForm.MatchString(name) {
		return &fault{fmt.Sprintf("%.80q is no name of a hook", name),
			`use a-z, 0-9, ".", "_" and "-", at most 63, starting with a letter or digit`}
	}
	return nil
}

func checkCommand(argv []string) *fault {
	switch {
	case len(argv) == 0:
		return &fault{"command has no program", "write [/path/of/program, word, …]"}
	case len(argv) > maxWords:
		return &fault{fmt.Sprintf("command has %d words, more than %d", len(argv), maxWords), "put them into a script"}
	case !filepath.IsAbs(argv[0]):
		return &fault{fmt.Sprintf("program %.80q has no absolute path", argv[0]), "write the whole path; no shell reads the command"}
	}
	for _, word := range argv {
		if len(word) > maxWord || strings.ContainsRune(word, 0) {
			return &fault{fmt.Sprintf("word %.20q… of command is longer than %d bytes, or not text", word, maxWord), "put it into a script"}
		}
	}
	return nil
}

// checkURL accepts addresses whose answers can only come from who is meant: TLS, or this host itself.
func checkURL(text string) *fault {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Host == "" || u.Hostname() == "" {
		// Not the error: it quotes the address, whose path is often a secret.
		return &fault{"url is no address of a web server", "write https://HOST/PATH"}
	}
	switch {
	case u.User != nil:
		return &fault{"url has a user name in it", "take it out; receivers know caisson by its signature"}
	case u.Fragment != "":
		return &fault{"url has a fragment (#…), which is never sent", "remove it"}
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return &fault{fmt.Sprintf("url has the scheme %.20q", u.Scheme), "use https"}
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return &fault{"url is http, which anybody on the way can read and change",
			"use https; http is for the addresses 127.0.0.1 and [::1], written as numbers"}
	}
	return nil
}

func checkSecret(secret []byte) *fault {
	if len(secret) < MinSecret {
		return &fault{fmt.Sprintf("the key has %d bytes, fewer than %d", len(secret), MinSecret), "make one: openssl rand -hex 32"}
	}
	return nil
}

// check says what is wrong with a hook as a whole.
func (h *Hook) check() *fault {
	if f := checkName(h.Name); f != nil {
		return f
	}
	switch {
	case (h.Command == nil) == (h.URL == ""):
		return &fault{"a hook is either a command or a url", "write one of them"}
	case h.Command != nil:
		return checkCommand(h.Command)
	}
	if f := checkURL(h.URL); f != nil {
		return f
	}
	return checkSecret(h.Secret)
}
