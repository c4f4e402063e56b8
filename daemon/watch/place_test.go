// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"errors"
	"maps"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	links := map[string]string{
		"/etc/caisson/linked": "/srv/p", "/etc/caisson/relative": "../other", "/srv/p/a.yaml": "..data/a.yaml", "/srv/p/..data": "..2026_1",
		"/loop": "/loop", "/srv/p/gone.yaml": "/nowhere/x.yaml",
	}
	read := func(p string) (string, error) {
		if to, ok := links[p]; ok {
			return to, nil
		}
		return "", errors.New("no symlink")
	}
	tests := []struct {
		name  string
		dirs  []string
		files []string
		want  places
	}{
		{"directory", []string{"/etc/caisson/p"}, nil, places{"/": {"etc"}, "/etc": {"caisson"}, "/etc/caisson": {"p"}, "/etc/caisson/p": nil}},
		{"root", []string{"/"}, nil, places{"/": nil}},
		{"untidy", []string{"/etc//caisson/../caisson/"}, nil, places{"/": {"etc"}, "/etc": {"caisson"}, "/etc/caisson": nil}},
		{"file", nil, []string{"/etc/shared.yaml"}, places{"/": {"etc"}, "/etc": {"shared.yaml"}}},
		{"file in a directory that is watched", []string{"/etc"}, []string{"/etc/x"}, places{"/": {"etc"}, "/etc": nil}},
		{"symlink to a directory", []string{"/etc/caisson/linked"}, nil,
			places{"/": {"etc", "srv"}, "/etc": {"caisson"}, "/etc/caisson": {"linked"}, "/srv": {"p"}, "/srv/p": nil}},
		{"relative symlink", []string{"/etc/caisson/relative"}, nil,
			places{"/": {"etc"}, "/etc": {"caisson", "other"}, "/etc/caisson": {"relative"}, "/etc/other": nil}},
		{"file behind symlinks", nil, []string{"/srv/p/a.yaml"},
			places{"/": {"srv"}, "/srv": {"p"}, "/srv/p": {"a.yaml", "..data", "..2026_1"}, "/srv/p/..2026_1": {"a.yaml"}}},
		{"loop", []string{"/loop"}, nil, places{"/": {"loop"}}},
		{"symlink to nothing", nil, []string{"/srv/p/gone.yaml"},
			places{"/": {"srv", "nowhere"}, "/srv": {"p"}, "/srv/p": {"gone.yaml"}, "/nowhere": {"x.yaml"}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := find(tc.dirs, tc.files, read); !maps.EqualFunc(got, tc.want, slices.Equal) {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
		})
	}
}

func TestMatters(t *testing.T) {
	p := places{"/all": nil, "/some": {"x"}}
	for _, tc := range []struct {
		dir, name string
		want      bool
	}{{"/all", "any", true}, {"/all", "", true}, {"/some", "x", true}, {"/some", "y", false}, {"/some", "", true}, {"/other", "x", false}} {
		if got := p.matters(tc.dir, tc.name); got != tc.want {
			t.Errorf("%s in %s: %v", tc.name, tc.dir, got)
		}
	}
}
