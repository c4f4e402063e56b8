// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// packageName matches the unsigned cloud kernels: small, with BTF and with bpf
// in the default list of security modules, and not split from a signed image.
var packageName = regexp.MustCompile(`^linux-image-(\d[0-9a-z.+~-]*-cloud-amd64)-unsigned$`)

// kernel is one unpacked kernel package in the cache.
type kernel struct {
	Release string // as in uname -r, e.g. 6.12.117+deb12-cloud-amd64
	Version string // the Debian package version, e.g. 6.12.117-1~deb12u1
	Dir     string // where the package was unpacked
}

// Image returns the path of the bootable kernel.
func (k kernel) Image() string { return filepath.Join(k.Dir, "boot", "vmlinuz-"+k.Release) }

// String names the kernel the way a person would want to read it in a report.
func (k kernel) String() string { return k.Release + " (" + k.Version + ")" }

// packageOf returns the Debian package that holds a release.
func packageOf(release string) string { return "linux-image-" + release + "-unsigned" }

// inSeries reports whether a release belongs to a series such as "6.1"; an
// exact release is a series of one.
func inSeries(release, series string) bool {
	return release == series || strings.HasPrefix(release, series+".")
}

// newestRelease picks the newest kernel release of a series from a list of
// package names; ok is false if there is none.
func newestRelease(packages []string, series string) (release string, ok bool) {
	for _, name := range packages {
		m := packageName.FindStringSubmatch(name)
		if m == nil || !inSeries(m[1], series) {
			continue
		}
		if !ok || compareVersions(m[1], release) > 0 {
			release, ok = m[1], true
		}
	}
	return release, ok
}

// cacheRoot returns the directory that holds one directory per kernel.
func cacheRoot() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("kernel cache: %w (set XDG_CACHE_HOME)", err)
	}
	return filepath.Join(base, "caisson", "kernels"), nil
}

// cachedKernels lists the kernels of a series in a cache directory, oldest
// first. A cache that does not exist yet is an empty one.
func cachedKernels(root, series string) ([]kernel, error) {
	entries, err := os.ReadDir(root)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("reading kernel cache: %w", err)
	}

	var found []kernel
	for _, e := range entries {
		release, version, ok := strings.Cut(e.Name(), "_")
		if !ok || !inSeries(release, series) {
			continue
		}
		k := kernel{Release: release, Version: version, Dir: filepath.Join(root, e.Name())}
		if _, err := os.Stat(k.Image()); err != nil {
			continue
		}
		found = append(found, k)
	}

	slices.SortFunc(found, func(a, b kernel) int {
		if c := compareVersions(a.Release, b.Release); c != 0 {
			return c
		}
		return compareVersions(a.Version, b.Version)
	})
	return found, nil
}

// findKernel returns the newest cached kernel of a series, and downloads one
// only if there is none: a run must not depend on the network, nor silently
// change its kernel between two runs (vmrun -fetch does that when asked).
func findKernel(series string) (kernel, error) {
	root, err := cacheRoot()
	if err != nil {
		return kernel{}, err
	}

	cached, err := cachedKernels(root, series)
	if err != nil {
		return kernel{}, err
	}
	if len(cached) > 0 {
		return cached[len(cached)-1], nil
	}
	return fetchKernel(root, series)
}
