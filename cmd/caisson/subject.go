// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// subjectFlagsOf are the flags of a command that is about one subject.
type subjectFlagsOf struct {
	action, path, command, url, address, protocol, socket once
}

// add adds them.
func (f *subjectFlagsOf) add(cmd *cobra.Command) {
	addOnce(cmd, &f.action, "action", "ACTION", "attempted: file_read, file_write, shell_exec or network")
	addOnce(cmd, &f.path, "path", "PATH", "of the file to read or write")
	addOnce(cmd, &f.command, "command", "LINE", "of program and arguments, split at blanks, without a shell")
	addOnce(cmd, &f.url, "url", "URL", "to connect to")
	addOnce(cmd, &f.address, "address", "ADDRESS:PORT", "to connect to")
	addOnce(cmd, &f.protocol, "protocol", "NAME", "of --address: tcp (the default) or udp")
	addOnce(cmd, &f.socket, "socket", "PATH|@NAME", "of the Unix socket to connect to")
	completeWords(cmd, "action", actions()...)
	completeWords(cmd, "protocol", "tcp", "udp")
}

// subject is what the flags ask about.
func (f *subjectFlagsOf) subject(u *ui, env policy.Env) (policy.Subject, error) {
	table := []struct {
		name    string
		flag    *once
		actions []policy.Action
		make    func(policy.Action) (policy.Subject, error)
	}{
		{"--path", &f.path, []policy.Action{policy.FileRead, policy.FileWrite}, func(a policy.Action) (policy.Subject, error) { return pathSubject(u, a, f.path.value) }},
		{"--command", &f.command, []policy.Action{policy.ShellExec}, func(policy.Action) (policy.Subject, error) {
			s, _, err := policy.CommandSubject(env, f.command.value)
			return s, err
		}},
		{"--url", &f.url, []policy.Action{policy.Network}, func(policy.Action) (policy.Subject, error) { return policy.URLSubject(f.url.value) }},
		{"--address", &f.address, []policy.Action{policy.Network}, func(policy.Action) (policy.Subject, error) { return f.connection() }},
		{"--socket", &f.socket, []policy.Action{policy.Network}, func(policy.Action) (policy.Subject, error) { return policy.UnixSubject(f.socket.value) }},
	}
	at := -1
	for i, row := range table {
		if !row.flag.given {
			continue
		}
		if at >= 0 {
			return policy.Subject{}, usage("give one subject", "%s and %s exclude each other", table[at].name, row.name)
		}
		at = i
	}
	if at < 0 {
		return policy.Subject{}, usage("give --action with --path, or --command, --url, --address or --socket", "no subject given")
	}
	row := table[at]
	if f.protocol.given && row.flag != &f.address {
		return policy.Subject{}, usage("use it with --address", "--protocol says nothing about %s", row.name)
	}

	action := row.actions[0]
	if !f.action.given && len(row.actions) > 1 {
		return policy.Subject{}, usage("add --action file_read or --action file_write", "%s does not say what is done with it", row.name)
	}
	if f.action.given {
		var err error
		if action, err = policy.ParseAction(f.action.value); err != nil {
			return policy.Subject{}, usage("", "--action: %w", err)
		}
		if !slices.Contains(row.actions, action) {
			return policy.Subject{}, usage("", "%s is no subject of %s", row.name, action)
		}
	}
	s, err := row.make(action)
	// That the error is about the subject, the flag says.
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	if err != nil {
		return s, usage("", "%s: %w", row.name, err)
	}
	return s, nil
}

// connection is the subject of --address.
func (f *subjectFlagsOf) connection() (policy.Subject, error) {
	protos := map[string]uint8{"": policy.ProtoTCP, "tcp": policy.ProtoTCP, "udp": policy.ProtoUDP}
	proto, ok := protos[f.protocol.value]
	if !ok {
		return policy.Subject{}, usage("use tcp or udp; --socket asks about Unix sockets", "unknown protocol %q", f.protocol.value)
	}
	at, err := netip.ParseAddrPort(f.address.value)
	if err != nil || at.Addr().Zone() != "" {
		return policy.Subject{}, usage("", "%q is no address with a port (write 192.0.2.1:443 or [2001:db8::1]:443)", f.address.value)
	}
	return policy.Subject{Action: policy.Network, Proto: proto, Addr: at.Addr(), Port: at.Port()}, nil
}
