// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/daemon/api"
)

// watchOn starts the view of a board on a terminal and waits until it may be answered.
func watchOn(t *testing.T, b *board) *pty {
	t.Helper()
	p := newPTY(t)
	p.start(t, nil, "approvals", "watch", "--socket", b.socket)
	p.shows(t, "to answer")
	time.Sleep(settling)
	return p
}

// quits presses q and wants success.
func (p *pty) quits(t *testing.T) {
	t.Helper()
	p.press(t, "q")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	p.restored(t)
}

// gave waits for answers, and wants nothing but these.
func (b *board) gave(t *testing.T, p *pty, want ...string) {
	t.Helper()
	p.until(t, "answers", func() bool { return len(b.given()) >= len(want) })
	var got []string
	for _, in := range b.given() {
		text := in.Answer + " " + strings.Join(in.IDs, " ")
		if in.Run {
			text += " run"
		}
		if in.For > 0 {
			text += " " + in.For.String()
		}
		got = append(got, strings.TrimSpace(text+" "+in.Text))
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatchAnswers(t *testing.T) {
	t.Parallel()
	b := newBoard(t, requests(1, 2, 3, 4)...)
	p := watchOn(t, b)
	p.press(t, "\x1b[B")
	p.shows(t, "> r2")
	p.press(t, "r")
	p.shows(t, "r2 approved: 1 call goes on")
	p.shows(t, "3 requests to answer")
	p.press(t, "k")
	p.shows(t, "> r1")
	p.press(t, "t")
	p.shows(t, "r1 approved: 1 call goes on")
	p.shows(t, "2 requests to answer")
	time.Sleep(settling)
	p.press(t, "d")
	p.shows(t, "deny r3, reason: _")
	p.press(t, "n", "o", "t", "e", "\x7f", "\r")
	p.shows(t, "r3 denied: 1 call refused")
	p.shows(t, "1 request to answer")
	time.Sleep(settling)
	p.press(t, "s")
	p.shows(t, "subject    /usr/bin/tool 4")
	p.press(t, "a")
	p.shows(t, nothingWaits)
	b.gave(t, p, "approve r2 run", "approve r1 15m0s", "deny r3 not", "approve r4")
	p.quits(t)
}

// TestWatchAnswersByID changes the list under the cursor.
func TestWatchAnswersByID(t *testing.T) {
	t.Parallel()
	b := newBoard(t, requests(1, 2, 3)...)
	p := watchOn(t, b)
	p.press(t, "j")
	p.shows(t, "> r2")
	b.set(requests(2, 3, 4)...)
	p.shows(t, "r4 ")
	p.press(t, "a")
	p.shows(t, "r2 approved")
	b.gave(t, p, "approve r2")
	p.quits(t)
}

func TestWatchFollowsTheDaemon(t *testing.T) {
	t.Parallel()
	b := newBoard(t, requests(1)...)
	p := watchOn(t, b)
	b.stop()
	p.shows(t, "out of date, asking again: ")
	p.press(t, "a")
	p.shows(t, "the daemon does not answer: nothing was done")
	other := request(1)
	other.Subject = "/usr/bin/other"
	b.set(other)
	b.start(t)
	p.shows(t, "/usr/bin/other")
	b.gave(t, p)
	p.quits(t)
}

// TestWatchShowsHostileNames sees what agents have chosen, on the screen and byte by byte.
func TestWatchShowsHostileNames(t *testing.T) {
	t.Parallel()
	var list []api.Approval
	for i, name := range []string{hostileName, "\xff\x9b2J", strings.Repeat("x", 3000), "日本"} {
		a := request(i + 1)
		a.Subject, a.Message = name, name
		list = append(list, a)
	}
	b := newBoard(t, list...)
	p := watchOn(t, b)
	p.shows(t, `/tmp/\u001b[2J\u001b[1;1Hr1  root\u000d\u000ax\u202egnp\\`)
	p.press(t, "j", "j")
	p.shows(t, "… it is longer: press s")
	p.press(t, "a")
	p.shows(t, "press s and read its subject to the end")
	if head := strings.SplitN(p.text(), "\n", 4); !strings.HasPrefix(head[0], "4 requests") || !strings.HasPrefix(head[2], "  r1 ") {
		t.Errorf("the screen begins with %q", head[:3])
	}
	b.gave(t, p)
	p.quits(t)

	// Apart from entering and leaving, only the cursor, colours and erasing are used, and never by a name.
	drawn := strings.NewReplacer(enterScreen, "", leaveScreen, "").Replace(p.output())
	if strings.Contains(drawn, "\u202e") || strings.ContainsAny(drawn, "\r\n\a\b") || strings.Count(drawn, "\x1b[2J") != 1 {
		t.Errorf("written: %q", drawn)
	}
}

func TestWatchResizes(t *testing.T) {
	t.Parallel()
	b := newBoard(t, requests(1)...)
	p := watchOn(t, b)
	p.resize(t, 40, 12)
	p.shows(t, "a r t approve  d deny  s  q\n")
	p.resize(t, 10, 4)
	p.shows(t, "10x4 is …")
	p.press(t, "a")
	p.resize(t, 120, 40)
	p.shows(t, "  ID  AGENT         AGE      LEFT     CALLS  RULE        SUBJECT\n> r1")
	b.gave(t, p)
	p.quits(t)
}

// TestWatchDoesNotFlicker sees only what has changed written: in a second in which nothing happens, one line.
func TestWatchDoesNotFlicker(t *testing.T) {
	t.Parallel()
	p := watchOn(t, newBoard(t, requests(1, 2, 3)...))
	before := len(p.output())
	time.Sleep(2500 * time.Millisecond)
	drawn := p.output()[before:]
	if strings.Contains(drawn, "\x1b[2J") || strings.Count(drawn, "H") > 3*3 {
		t.Errorf("written: %q", drawn)
	}
	p.quits(t)
}

func TestWatchWithoutColour(t *testing.T) {
	t.Parallel()
	p := newPTY(t)
	p.start(t, []string{"NO_COLOR=1"}, "approvals", "watch", "--socket", newBoard(t, requests(1)...).socket)
	p.shows(t, "> r1")
	p.quits(t)
	if sgr := regexp.MustCompile("\x1b\\[[0-9;]*m").FindString(p.output()); sgr != "" {
		t.Errorf("written: %q", p.output())
	}
}

func TestWatchOnADumbTerminal(t *testing.T) {
	t.Parallel()
	p := newPTY(t)
	p.start(t, []string{"TERM=dumb"}, "approvals", "watch", "--socket", newBoard(t, requests(1)...).socket)
	p.shows(t, " new r1 deploy-agent ask-deploy /usr/bin/tool 1")
	p.signal(t, unix.SIGINT)
	_ = p.cmd.Wait()
	if strings.Contains(p.output(), "\x1b") {
		t.Errorf("written: %q", p.output())
	}
}

// TestWatchRestoresTheTerminal ends the view in every way there is.
func TestWatchRestoresTheTerminal(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		end  func(*testing.T, *board, *pty)
		sig  syscall.Signal // that the process dies by; 0: none
		exit int
	}{
		{"q", func(t *testing.T, _ *board, p *pty) { p.press(t, "q") }, 0, 0},
		{"Ctrl-C", func(t *testing.T, _ *board, p *pty) { p.press(t, "\x03") }, 0, 0},
		{"SIGINT", func(t *testing.T, _ *board, p *pty) { p.signal(t, unix.SIGINT) }, unix.SIGINT, -1},
		{"SIGTERM", func(t *testing.T, _ *board, p *pty) { p.signal(t, unix.SIGTERM) }, unix.SIGTERM, -1},
		{"SIGHUP", func(t *testing.T, _ *board, p *pty) { p.signal(t, unix.SIGHUP) }, unix.SIGHUP, -1},
		{"the daemon refuses", func(_ *testing.T, b *board, _ *pty) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.refuse = &api.Error{Message: "refused"}
			b.replace(nil)
		}, 0, 1},
		{"while a reason is typed", func(t *testing.T, _ *board, p *pty) { p.press(t, "d", "n"); p.signal(t, unix.SIGTERM) }, unix.SIGTERM, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBoard(t, requests(1)...)
			p := watchOn(t, b)
			if p.settings(t) == p.before {
				t.Error("the terminal is not set at all")
			}
			tc.end(t, b, p)
			err := p.cmd.Wait()
			status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
			if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if status.Signaled() != (tc.sig != 0) || tc.sig != 0 && status.Signal() != tc.sig || status.ExitStatus() != tc.exit {
				t.Errorf("ended with %v", err)
			}
			p.restored(t)
		})
	}
}

// TestWatchSuspends stops the process by a key; the terminal is then the shell's, and the view's again afterwards.
func TestWatchSuspends(t *testing.T) {
	t.Parallel()
	p := watchOn(t, newBoard(t, requests(1)...))
	p.press(t, "\x1a")
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("status %v, %v", status, err)
	}
	p.restored(t)
	p.signal(t, unix.SIGCONT)
	p.until(t, "the view", func() bool { return strings.Count(p.output(), enterScreen) >= 2 })
	p.shows(t, "1 request to answer")
	p.quits(t)
}

// TestWatchRestoresAfterAPanic lets each goroutine panic in turn.
func TestWatchRestoresAfterAPanic(t *testing.T) {
	t.Parallel()
	list := api.Approvals{Version: 1, Requests: requests(1)}
	for _, tc := range []struct {
		name string
		set  func(*watch)
	}{
		{"in the loop", func(w *watch) { w.view = &view{} }}, // its maps are nil
		{"in the poller", func(w *watch) {
			w.poll.fetch = func(context.Context, uint64) (api.Approvals, error) { panic("poller") }
		}},
		{"in an answer", func(w *watch) {
			w.answer = func(context.Context, api.AnswerRequest) (api.Answers, error) { panic("answer") }
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPTY(t)
			in, err := os.OpenFile(p.slave.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			term, err := openTerminal(in, in)
			if err != nil {
				t.Fatal(err)
			}
			w := &watch{term: term, screen: &screen{out: in}, view: newView()}
			w.poll = poller{func(ctx context.Context, after uint64) (api.Approvals, error) {
				if after != 0 {
					<-ctx.Done()
				}
				return list, nil
			}, pollGap, pollPause}
			tc.set(w)

			keys := time.AfterFunc(2*settling, func() { _, _ = p.master.WriteString("a") })
			defer keys.Stop()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
				p.restored(t)
			}()
			_ = w.run(t.Context(), list)
		})
	}
}
