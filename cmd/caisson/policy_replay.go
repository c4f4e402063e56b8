// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"caisson/audit"
	"caisson/policy"
	"caisson/policy/replay"
)

// replayFlags are the flags of policy replay.
type replayFlags struct {
	policy, agent     once
	log, since, until string
	securePath        string
	vars              variables
	resolve, asJSON   bool
}

// replayed is the outcome, as JSON.
type replayed struct {
	Policy  string            `json:"policy"`
	Agent   string            `json:"agent"`
	Events  uint64            `json:"events"`  // decided again
	Same    uint64            `json:"same"`    // with the same effect
	Changed uint64            `json:"changed"` // with another
	Changes []replay.Change   `json:"changes"`
	Unknown map[string]uint64 `json:"unknown"` // events that could not be decided again, by reason
}

func newPolicyReplay(u *ui) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use: "replay --policy FILE [--agent NAME]", Short: "Decide recorded events by another policy",
		Long: `Decide the events that the audit log has of an agent by another policy, and list those whose verdict would change: grouped by
subject, with the old and the new verdict and their rules. It needs permission to read the log, and nothing else.

What cannot be decided again is counted with its reason: words of commands that the log hides (an event is decided all the
same when the verdict does not depend on them), decisions that are the kernel's own, connections that depend on which
addresses a host name had (--resolve asks DNS for those it has now). Rules with a schedule are as they were at each event.` +
			exits(meaning{exitOK, "no verdict of an event that could be decided would change"}, failed, wrongUsage,
				meaning{exitChanges, "verdicts would change"}),
		Example: "  caisson policy replay --policy new.yaml --since 7d",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return f.run(u) },
	}
	addOnce(cmd, &f.policy, "policy", "FILE", "with the candidate")
	must(cmd.MarkFlagFilename("policy", "yaml", "yml"))
	addAgent(cmd, &f.agent, "whose events are decided (default: the candidate's)")
	addLog(cmd, &f.log)
	cmd.Flags().StringVar(&f.since, "since", "", "`TIME` of the first event")
	cmd.Flags().StringVar(&f.until, "until", "", "`TIME` before which the last event was")
	cmd.Flags().BoolVar(&f.resolve, "resolve", false, "ask DNS for the addresses of hosts that the candidate names")
	addVariables(cmd, &f.vars)
	addSecurePath(cmd, &f.securePath)
	addJSON(cmd, &f.asJSON)
	return cmd
}

// addLog adds the flag for the audit log, under the name that commands about policies give it.
func addLog(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "log", defaultAudit, "`DIR` of the audit log")
	must(cmd.MarkFlagDirname("log"))
}

func (f *replayFlags) run(u *ui) error {
	if !f.policy.given {
		return usage("name the file: --policy FILE", "no candidate policy named")
	}
	p, err := policy.Load(f.policy.value)
	if err != nil {
		return err
	}
	filter, err := eventFilter(f.agent, p.Agent, f.since, f.until)
	if err != nil {
		return err
	}
	bound, err := f.vars.bind(p)
	if err != nil {
		return err
	}
	env, err := recordedEnv(u, f.securePath, bound)
	if err != nil {
		return err
	}
	if f.resolve {
		env.LookupHost = lookupHost
	}
	r, err := replay.New(bound, env)
	if err != nil {
		return err
	}
	if err := audit.Query(f.log, filter, func(rec audit.Record) error { return replayRecord(r, &rec) }); err != nil {
		return err
	}
	return showReplay(u, r, replayed{Policy: f.policy.value, Agent: filter.Agent}, f.asJSON)
}

// eventFilter selects the events of an agent.
func eventFilter(agent once, otherwise, since, until string) (audit.Filter, error) {
	filter := audit.Filter{Agent: otherwise}
	if agent.given {
		if err := checkAgent(agent.value); err != nil {
			return filter, err
		}
		filter.Agent = agent.value
	}
	return filter, period(&filter, since, until, time.Now())
}

// recordedEnv is how the daemon on this host would compile the policy: records have locations, not the paths that were used.
// Host names have no addresses.
func recordedEnv(u *ui, dirs string, p *policy.Policy) (policy.Env, error) {
	host := hostFlags{securePath: dirs}
	fresh, err := host.envs(u, []*policy.Policy{p})
	if err != nil {
		return policy.Env{}, err
	}
	env, _ := fresh()
	env.LookupHost = nil
	return env, nil
}

// lookupHost asks DNS.
func lookupHost(host string) []netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // the events that depend on it are counted as such
	}
	return addrs
}

// replayRecord decides one record again.
func replayRecord(r *replay.Replay, rec *audit.Record) error {
	if rec.Action == "" || rec.Verdict == "" || rec.Kind == audit.KindDisagreement || rec.Enforced == audit.EnforcedHeld {
		return nil // no decision of a policy
	}
	s, why := recordSubject(rec)
	if why != "" {
		r.Skip(why, rec.Count)
		return nil
	}
	var verdict policy.Effect
	if err := verdict.UnmarshalText([]byte(rec.Verdict)); err != nil {
		return fmt.Errorf("record %d: %w", rec.Seq, err)
	}
	return r.Add(replay.Event{Subject: s, Text: subject(rec), Verdict: verdict, Rule: rec.Rule, Time: rec.T,
		Lineage: slices.Contains(lineage, reasonWord(rec))})
}

// showReplay prints what became of the events.
func showReplay(u *ui, r *replay.Replay, out replayed, asJSON bool) error {
	out.Events, out.Same, out.Changes, out.Unknown = r.Events, r.Same, r.Changes(), r.Unknown
	out.Changed = out.Events - out.Same
	if asJSON {
		if err := u.json(out); err != nil {
			return err
		}
	} else {
		if len(out.Changes) > 0 {
			t := u.table("EVENTS", "ACTION", "SUBJECT", "OLD", "BY", "NEW", "BY")
			for _, c := range out.Changes {
				by := c.New.Rule
				if c.New.Place != "" {
					by += " (" + c.New.Place + ")"
				}
				t.row(c.Count, c.Action, c.Subject, tint(c.Old.Effect.String()), c.Old.Rule, tint(c.New.Effect.String()), by)
			}
			t.flush()
		}
		u.printf("%d events decided again: %d as before, %d otherwise\n", out.Events, out.Same, out.Changed)
		for _, why := range slices.Sorted(maps.Keys(out.Unknown)) {
			u.printf("%d not decided: %s\n", out.Unknown[why], why)
		}
	}
	if out.Events == 0 {
		u.note("the log has no event of agent %s that could be decided", out.Agent)
	}
	if out.Changed > 0 {
		return silent(exitChanges)
	}
	return nil
}
