// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Process is a running actor.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start runs an actor that enters the cgroup directory before it does anything; "here" stays where it is. The words of
// launcher, if any, go before the actor's own command line.
func Start(cgroup string, launcher ...string) (*Process, error) {
	argv := append(append([]string{}, launcher...), self)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), enterEnv+"="+cgroup)
	cmd.Stderr = os.Stderr

	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("actor: %w", err)
	}
	return &Process{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// PID is the actor's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Do has the actor try something.
func (p *Process) Do(r Request) (Answer, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return Answer{}, fmt.Errorf("actor: %w", err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return Answer{}, fmt.Errorf("actor: %w", err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return Answer{}, fmt.Errorf("actor: %s: %w", r.Op, err)
	}
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return Answer{}, fmt.Errorf("actor: %s: %q: %w", r.Op, line, err)
	}
	return a, nil
}

// Stop ends the actor and waits for it.
func (p *Process) Stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
