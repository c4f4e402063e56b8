// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this program is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // commit it was built from
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(u *ui) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "version", Short: "Say which version this is",
		Long:    "Say which version of caisson this is, and what built it." + exits(wrongUsage),
		Example: "  caisson version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if asJSON {
				return u.json(b)
			}
			u.printf("caisson %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addJSON(cmd, &asJSON)
	return cmd
}

func thisBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
