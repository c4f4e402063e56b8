// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNewestRelease(t *testing.T) {
	packages := []string{
		"linux-image-6.1.0-9-cloud-amd64-unsigned",
		"linux-image-6.1.0-56-cloud-amd64-unsigned",
		"linux-image-6.1.0-57-cloud-amd64",          // the signed one
		"linux-image-6.1.0-58-cloud-amd64-dbg",      // symbols
		"linux-image-6.1.0-59-amd64-unsigned",       // not a cloud kernel
		"linux-image-6.1.0-60-rt-amd64-unsigned",    // real time
		"linux-image-6.1.0-61-cloud-arm64-unsigned", // another machine
		"linux-image-6.12.107+deb12-cloud-amd64-unsigned",
		"linux-image-6.12.99+deb12-cloud-amd64-unsigned",
	}
	for _, tc := range []struct {
		name, series, want string
		ok                 bool
	}{
		{"newest by number, not by letter", "6.1", "6.1.0-56-cloud-amd64", true},
		{"a series is no string prefix", "6.12", "6.12.107+deb12-cloud-amd64", true},
		{"exact release", "6.1.0-9-cloud-amd64", "6.1.0-9-cloud-amd64", true},
		{"unknown series", "5.10", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := newestRelease(packages, tc.series)
			if got != tc.want || ok != tc.ok {
				t.Errorf("got %q, %v; want %q, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

// fakeCache makes a kernel cache below a temporary XDG_CACHE_HOME.
func fakeCache(t *testing.T, kernels ...kernel) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	root := filepath.Join(home, "caisson", "kernels")

	for _, k := range kernels {
		dir := filepath.Join(root, k.Release+"_"+k.Version, "boot")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "vmlinuz-"+k.Release), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFindKernelUsesTheCache(t *testing.T) {
	root := fakeCache(t,
		kernel{Release: "6.1.0-56-cloud-amd64", Version: "6.1.192-1"},
		kernel{Release: "6.1.0-56-cloud-amd64", Version: "6.1.192-2"},
		kernel{Release: "6.1.0-9-cloud-amd64", Version: "6.1.27-1"},
		kernel{Release: "6.12.117+deb12-cloud-amd64", Version: "6.12.117-1~deb12u1"},
	)
	// A directory without a kernel in it is what an interrupted copy leaves.
	if err := os.MkdirAll(filepath.Join(root, "6.1.0-99-cloud-amd64_6.1.999-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no apt: the network would be an error

	k, err := findKernel("6.1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "6.1.0-56-cloud-amd64 (6.1.192-2)"; k.String() != want {
		t.Errorf("got %s, want %s", k, want)
	}
	if _, err := os.Stat(k.Image()); err != nil {
		t.Error(err)
	}
}

func TestFetchFallsBackToTheCache(t *testing.T) {
	root := fakeCache(t, kernel{Release: "6.1.0-56-cloud-amd64", Version: "6.1.192-2"})
	t.Setenv("PATH", t.TempDir())

	k, err := fetchKernel(root, "6.1")
	if err != nil || k.Version != "6.1.192-2" {
		t.Errorf("got %v, %v; want the cached kernel", k, err)
	}
	if _, err := fetchKernel(root, "6.12"); err == nil {
		t.Error("no error without a cache and without apt")
	}
}

func TestControlField(t *testing.T) {
	stanza := "Package: linux\nVersion: 6.1.192-2\nDescription: a\n Version: not this\n"
	if got := controlField(stanza, "Version"); got != "6.1.192-2" {
		t.Errorf("got %q", got)
	}
	if got := controlField(stanza, "Size"); got != "" {
		t.Errorf("got %q for a field that is not there", got)
	}
}
