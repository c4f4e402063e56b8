// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errNoPackage means that the package lists hold no kernel of the series.
var errNoPackage = errors.New("no cloud kernel package in the package lists (run apt-get update as root)")

// fetchKernel downloads and unpacks the newest kernel of a series with the
// machine's own apt configuration. Nothing is installed. When apt has nothing
// to offer, the newest kernel already in the cache is used.
func fetchKernel(root, series string) (kernel, error) {
	k, err := fetchNewest(root, series)
	if err == nil {
		return k, nil
	}

	// Stale or absent package lists are the usual reason; only root can
	// refresh them. A failure here is reported by the second attempt.
	if os.Geteuid() == 0 {
		_, _ = aptOutput("", "apt-get", "-qq", "update")
		k, err = fetchNewest(root, series)
		if err == nil {
			return k, nil
		}
	}

	cached, cacheErr := cachedKernels(root, series)
	if cacheErr != nil || len(cached) == 0 {
		return kernel{}, fmt.Errorf("fetch kernel %s: %w", series, err)
	}
	k = cached[len(cached)-1]
	fmt.Fprintf(os.Stderr, "vmrun: fetch kernel %s: %v; using the cached %s\n", series, err, k)
	return k, nil
}

func fetchNewest(root, series string) (kernel, error) {
	names, err := aptOutput("", "apt-cache", "pkgnames", "linux-image-"+series)
	if err != nil {
		return kernel{}, err
	}
	release, ok := newestRelease(strings.Fields(names), series)
	if !ok {
		return kernel{}, errNoPackage
	}

	shown, err := aptOutput("", "apt-cache", "show", "--no-all-versions", packageOf(release))
	if err != nil {
		return kernel{}, err
	}
	k := kernel{Release: release, Version: controlField(shown, "Version")}
	k.Dir = filepath.Join(root, k.Release+"_"+k.Version)
	if _, err := os.Stat(k.Image()); err == nil {
		return k, nil
	}
	return k, downloadKernel(root, k)
}

// downloadKernel unpacks beside the final place and then renames, so that an
// interrupted or concurrent run never leaves half a kernel in the cache.
func downloadKernel(root string, k kernel) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("creating kernel cache: %w", err)
	}
	tmp, err := os.MkdirTemp(root, ".fetch-")
	if err != nil {
		return fmt.Errorf("creating kernel cache: %w", err)
	}
	defer os.RemoveAll(tmp)

	if _, err := aptOutput(tmp, "apt-get", "-qq", "download", packageOf(k.Release)); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("download %s: %d packages arrived instead of one", packageOf(k.Release), len(debs))
	}

	unpacked := filepath.Join(tmp, "unpacked")
	if _, err := aptOutput("", "dpkg-deb", "-x", debs[0], unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, k.Dir); err != nil {
		if _, statErr := os.Stat(k.Image()); statErr == nil {
			return nil // another run was faster
		}
		return fmt.Errorf("storing kernel: %w", err)
	}
	return nil
}

// controlField returns the value of one field of a Debian control stanza.
func controlField(stanza, field string) string {
	for line := range strings.Lines(stanza) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// aptOutput runs a package tool in a directory and returns its standard
// output; its last words on standard error become part of the error.
func aptOutput(dir, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &stdout, &stderr

	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %s %s: %w: %s", name, args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}
