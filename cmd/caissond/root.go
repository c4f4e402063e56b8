// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/kernel"
	"caisson/policy"
)

// flags are those of the daemon proper.
type flags struct {
	policies, audit, socket, pins, securePath, hooks string
	shells                                           []string
	ringBytes                                        int
	resolve                                          time.Duration
	foreground                                       bool
}

func rootCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "caissond",
		Short: "Enforce one policy per agent",
		Long: `caissond enforces one policy per agent in the kernel, and writes down what agents do.

It refuses to start where enforcement cannot be proven. Once started, enforcement does not depend on it: policies stay in
force when it is stopped or killed, and the next caissond takes them over. It reads policies again whenever their files
change, and on SIGHUP.

Exit status: 0 stopped in good order; 1 an error; 2 bad usage; 3 this host cannot enforce (the hint says what to change).`,
		Args: noArgs, SilenceErrors: true, SilenceUsage: true, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), f) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.SetContext(context.Background())

	p := cmd.PersistentFlags()
	p.StringVar(&f.audit, "audit", daemon.DefaultAudit, "`directory` of the audit log")
	p.StringVar(&f.pins, "pins", daemon.DefaultPins, "`directory` of the pins, on the BPF file system")

	l := cmd.Flags()
	l.StringVar(&f.policies, "policies", daemon.DefaultPolicies, "`directory` of policy files")
	l.StringVar(&f.socket, "socket", api.DefaultSocket, "`path` of the control socket")
	l.StringVar(&f.securePath, "secure-path", strings.Join(policy.DefaultSecurePath, ":"),
		"`directories`, separated by colons, in which the programs of command rules are looked up")
	l.StringSliceVar(&f.shells, "shells", policy.DefaultShells,
		"shells, by `names` on the secure path or by their paths, that an agent may start if it may start anything; only those that nobody but root can change count")
	l.StringVar(&f.hooks, "hooks", daemon.DefaultHooks, "`file` that says who outside is told of requests for approval; the default one need not be there")
	l.IntVar(&f.ringBytes, "ring-bytes", 0, "size of the event buffer in `bytes`, a power of two (default 64 MiB)")
	l.DurationVar(&f.resolve, "resolve-interval", daemon.DefaultResolve, "`time` after which host names are looked up again")
	l.BoolVar(&f.foreground, "foreground", false, "write log lines with the time, for a terminal; the journal adds its own")

	cmd.AddCommand(detachCommand(&f), releaseCommand(&f), versionCommand())
	return cmd
}

// serve runs the daemon until it is told to stop.
func serve(ctx context.Context, f flags) error {
	opt, err := f.options()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)

	reload := make(chan struct{})
	go func() {
		for range hup {
			reload <- struct{}{}
		}
	}()
	return daemon.New(opt).Run(ctx, reload)
}

// options checks the flags and turns them into the daemon's options.
func (f flags) options() (daemon.Options, error) {
	securePath := filepath.SplitList(f.securePath)
	for _, dir := range securePath {
		if !filepath.IsAbs(dir) {
			return daemon.Options{}, usageError{fmt.Errorf("--secure-path: %q is not absolute", dir)}
		}
	}
	if len(securePath) == 0 {
		return daemon.Options{}, usageError{fmt.Errorf("--secure-path: no directory")}
	}
	for _, shell := range f.shells {
		if shell == "" || strings.Contains(shell, "/") && !filepath.IsAbs(shell) {
			return daemon.Options{}, usageError{fmt.Errorf("--shells: %q is neither a name nor an absolute path", shell)}
		}
	}
	if n := f.ringBytes; n != 0 && (n < os.Getpagesize() || n&(n-1) != 0) {
		return daemon.Options{}, usageError{fmt.Errorf("--ring-bytes: %d is not a power of two of at least %d", n, os.Getpagesize())}
	}
	if f.resolve < time.Second {
		return daemon.Options{}, usageError{fmt.Errorf("--resolve-interval: %v is less than a second", f.resolve)}
	}

	return daemon.Options{
		Policies: f.policies, Audit: f.audit, Socket: f.socket, SecurePath: securePath, Shells: f.shells, Resolve: f.resolve,
		Hooks: f.hooks, Version: version(), Log: logger(f.foreground),
		Load: func() (daemon.Kernel, error) {
			k, err := kernel.Load(kernel.Options{PinDir: f.pins, RingBytes: f.ringBytes})
			if err != nil {
				return nil, err // not k: a nil *kernel.Kernel is no nil daemon.Kernel
			}
			return k, nil
		},
	}, nil
}

// logger writes to standard error; the journal knows the time itself.
func logger(withTime bool) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey && !withTime {
				return slog.Attr{}
			}
			return a
		},
	}))
}
