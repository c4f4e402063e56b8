// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// opens says what a redirection does with the file that it names.
var opens = map[syntax.RedirOperator][]Kind{
	syntax.RdrIn: {Read}, syntax.RdrInOut: {Read, Write}, syntax.RdrOut: {Write}, syntax.AppOut: {Write}, syntax.RdrClob: {Write},
	syntax.RdrAll: {Write}, syntax.AppAll: {Write}, syntax.DplOut: {Write}, syntax.DplIn: {Read},
}

// streams are names that lead to whatever is open already.
var streams = []string{"/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd", "/dev/tty"}

// redirect is one redirection.
func (s *source) redirect(r *syntax.Redirect) {
	kinds := opens[r.Op]
	if len(kinds) == 0 {
		return // a here-document; what it holds is visited like anything else
	}
	w := s.word(r.Word)
	if r.Op == syntax.DplIn || r.Op == syntax.DplOut {
		if w.known && (w.text == "-" || isNumber(strings.TrimSuffix(w.text, "-"))) {
			return // a copy of what is open
		}
	}
	// A process substitution is a pipe, and what runs at its other end is visited.
	if len(r.Word.Parts) == 1 {
		if _, pipe := r.Word.Parts[0].(*syntax.ProcSubst); pipe {
			return
		}
	}
	if !w.known {
		s.unknown(at(r), s.slice(r), "the name of the file is only known when it runs")
		return
	}

	full, why := s.absolute(w.text)
	if w.text == "" {
		why = "the name of the file is empty"
	}
	if why != "" {
		s.unknown(at(r), s.slice(r), "%s", why)
		return
	}
	if s.socket(r, full) {
		return
	}
	if slices.ContainsFunc(streams, func(stream string) bool { return full == stream || strings.HasPrefix(full, stream+"/") }) {
		s.unknown(at(r), s.slice(r), "what %s leads to is only known when it runs", full)
		return
	}
	for _, kind := range kinds {
		s.add(Part{Kind: kind, Text: s.slice(r), Line: at(r).line, Col: at(r).col, Via: s.via, Path: full})
	}
}

// socket is bash's own /dev/tcp/HOST/PORT. There is no such file.
func (s *source) socket(r *syntax.Redirect, full string) bool {
	names := strings.Split(full, "/")
	if len(names) != 5 || names[1] != "dev" || names[2] != "tcp" && names[2] != "udp" {
		return false
	}
	s.add(Part{Kind: Connect, Text: s.slice(r), Line: at(r).line, Col: at(r).col, Via: s.via,
		Host: names[3], Port: names[4], UDP: names[2] == "udp"})
	return true
}
