// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"caisson/daemon/api"
)

var viewStart = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// request is a request of a run, "r1" and so on, about a subject of its own.
func request(n int) api.Approval {
	return api.Approval{ID: fmt.Sprintf("r%d", n), Agent: "deploy-agent", Run: "aaaabbbbcccc", Generation: 7, Rule: "ask-deploy", Action: "shell_exec", Op: "exec",
		Subject: fmt.Sprintf("/usr/bin/tool %d", n), Since: viewStart.Add(time.Duration(n) * time.Second), Deadline: viewStart.Add(5 * time.Minute),
		Waiting: 1, Count: 1, Quorum: 1}
}

func requests(numbers ...int) (list []api.Approval) {
	for _, n := range numbers {
		list = append(list, request(n))
	}
	return list
}

// stage is a view whose every step is drawn, with a clock of its own.
type stage struct {
	*view
	t   *testing.T
	now time.Time
}

func newStage(t *testing.T, list ...api.Approval) *stage {
	s := &stage{newView(), t, viewStart.Add(time.Minute)}
	s.update(list...)
	s.pass(time.Second)
	return s
}

func (s *stage) draw() { s.frame(80, 24, s.now) }

func (s *stage) update(list ...api.Approval) {
	s.view.update(list, s.now)
	s.draw()
}

func (s *stage) pass(d time.Duration) { s.now = s.now.Add(d) }

// press presses keys one after the other; what the last of them orders is returned.
func (s *stage) press(list ...key) *order {
	s.t.Helper()
	var last *order
	for _, k := range list {
		orders, _ := s.keys([]key{k}, s.now)
		last = nil
		if len(orders) > 0 {
			last = &orders[0]
		}
		s.draw()
	}
	return last
}

// char presses the keys of characters.
func (s *stage) char(text string) *order {
	s.t.Helper()
	var list []key
	for _, r := range text {
		list = append(list, key{char: r})
	}
	return s.press(list...)
}

// ordered wants an order about one request.
func ordered(t *testing.T, o *order, id string) {
	t.Helper()
	if o == nil || o.about.ID != id || len(o.in.IDs) != 1 || o.in.IDs[0] != id || o.in.Agent != "" || o.in.Pattern {
		t.Errorf("got %+v, want an order about %s", o, id)
	}
}

// refused wants no order, and a message that says why.
func (s *stage) refused(o *order, says string) {
	s.t.Helper()
	if o != nil || !strings.Contains(s.message, says) {
		s.t.Errorf("got %+v and %q, want %q", o, s.message, says)
	}
}

func TestAnswersByKey(t *testing.T) {
	for _, tc := range []struct {
		keys string
		want api.AnswerRequest
	}{
		{"a", api.AnswerRequest{Answer: "approve"}},
		{"r", api.AnswerRequest{Answer: "approve", Run: true}},
		{"t", api.AnswerRequest{Answer: "approve", For: 15 * time.Minute}},
		{"sa", api.AnswerRequest{Answer: "approve"}},
		{"d\r", api.AnswerRequest{Answer: "deny"}},
		{"dno art\r", api.AnswerRequest{Answer: "deny", Text: "no art"}},
		{"dnox\x7ft\r", api.AnswerRequest{Answer: "deny", Text: "not"}},
	} {
		t.Run(tc.keys, func(t *testing.T) {
			s := newStage(t, requests(1, 2, 3)...)
			s.press(key{name: keyDown})
			var o *order
			for i := range len(tc.keys) {
				var d keyDecoder
				o = s.press(d.feed([]byte{tc.keys[i]})...)
			}
			ordered(t, o, "r2")
			if o != nil && (o.in.Answer != tc.want.Answer || o.in.Run != tc.want.Run || o.in.For != tc.want.For || o.in.Text != tc.want.Text) {
				t.Errorf("got %+v, want %+v", o.in, tc.want)
			}
			s.refused(s.char("a"), "r2 is being answered")
			s.answered(*o, api.Answers{Answers: []api.Answered{{ID: "r2", Calls: 1}}}, nil, s.now)
			if !strings.HasPrefix(s.message, "r2 ") {
				t.Errorf("message %q", s.message)
			}
		})
	}
}

// TestAnswersWhatWasSeen changes the list between the drawing and the key.
func TestAnswersWhatWasSeen(t *testing.T) {
	t.Run("rows above go and come", func(t *testing.T) {
		s := newStage(t, requests(1, 2, 3)...)
		s.char("j")
		s.update(requests(2, 3, 4)...)
		ordered(t, s.char("a"), "r2")
		s.update(requests(0, 1, 2)...)
		s.pass(settling)
		s.char("k")
		s.pass(settling)
		ordered(t, s.char("a"), "r1")
	})
	t.Run("what takes its place has to settle", func(t *testing.T) {
		s := newStage(t, requests(1, 2, 3)...)
		s.update(requests(2, 3)...)
		s.refused(s.char("a"), "r2 has only just come")
		s.refused(s.char("d"), "r2 has only just come")
		if s.page != pageList {
			t.Error("a reason is asked for")
		}
		s.pass(settling)
		ordered(t, s.char("a"), "r2")
	})
	t.Run("a key that is held down", func(t *testing.T) {
		s := newStage(t, requests(1, 2)...)
		ordered(t, s.char("a"), "r1")
		s.update(requests(2)...)
		for range 100 {
			s.pass(30 * time.Millisecond)
			s.refused(s.char("a"), "r2 has only just come")
		}
	})
	t.Run("a new one that the cursor is moved to", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		s.update(requests(1, 2)...)
		s.char("j")
		s.refused(s.char("a"), "r2 has only just come")
		s.pass(settling)
		ordered(t, s.char("a"), "r2")
	})
	t.Run("an old one that the cursor is moved to", func(t *testing.T) {
		s := newStage(t, requests(1, 2)...)
		s.char("j")
		ordered(t, s.char("a"), "r2")
	})
	t.Run("the same id is another request", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		other := request(1)
		other.Subject = "/usr/bin/other"
		s.update(other)
		s.refused(s.char("a"), "r1 has only just come")
	})
	t.Run("what the daemon has forgotten while its reason is typed", func(t *testing.T) {
		s := newStage(t, requests(1, 2)...)
		s.char("dno")
		s.update(requests(2)...)
		s.pass(time.Second)
		if s.char("t art q a") != nil || s.page != pageGone || !strings.Contains(s.message, "r1 is gone") {
			t.Errorf("page %v, message %q", s.page, s.message)
		}
		s.press(key{name: keyEnter})
		ordered(t, s.char("a"), "r2")
	})
	t.Run("details of what is gone", func(t *testing.T) {
		s := newStage(t, requests(1, 2)...)
		s.char("s")
		s.update(requests(2)...)
		s.refused(s.char("a"), "r2 has only just come")
	})
}

func TestNotAnswered(t *testing.T) {
	t.Run("nothing waits", func(t *testing.T) {
		s := newStage(t)
		for _, k := range []string{"a", "r", "t", "d"} {
			s.refused(s.char(k), nothingWaits)
		}
		s.char("sjk ")
	})
	t.Run("the daemon is away", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		s.char("d")
		s.lose(errors.New("connection refused\x1b[2J"))
		s.refused(s.press(key{name: keyEnter}), "the daemon does not answer")
		s.refused(s.char("a"), "the daemon does not answer")
		if head := s.frame(80, 24, s.now)[0].text; !strings.HasPrefix(head, `out of date, asking again: connection refused\u001b`) {
			t.Errorf("head %q", head)
		}
		s.update(requests(1)...)
		ordered(t, s.char("a"), "r1")
	})
	t.Run("keys that came together, and pastes", func(t *testing.T) {
		s := newStage(t, requests(1, 2)...)
		orders, _ := s.keys([]key{{char: 'j'}, {char: 'a'}, {name: keyEnter}}, s.now)
		if len(orders) > 0 || !strings.Contains(s.message, "several keys") && s.page != pageDetails {
			t.Errorf("%+v, message %q", orders, s.message)
		}
		s.press(key{name: keyEscape})
		if o := s.press(key{name: keyPaste, paste: "a"}); o != nil {
			t.Errorf("pasted: %+v", o)
		}
		s.char("d")
		s.press(key{name: keyPaste, paste: "no\r\na\x1b\x07\xffrt"})
		if o := s.press(key{name: keyEnter}); o == nil || o.in.Text != "no art" {
			t.Errorf("%+v", o)
		}
	})
	t.Run("a subject that does not fit", func(t *testing.T) {
		long := request(1)
		long.Subject = "/usr/bin/tool " + strings.Repeat("x", 3000) + " the end"
		s := newStage(t, long)
		s.refused(s.char("a"), "press s and read its subject to the end")
		s.refused(s.char("sa"), "press s and read its subject to the end")
		s.char(" ")
		ordered(t, s.char("   a"), "r1")
		s = newStage(t, long)
		s.char("d")
		ordered(t, s.press(key{name: keyEnter}), "r1")
	})
	t.Run("a screen that is too small", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		s.frame(20, 5, s.now)
		if orders, _ := s.keys([]key{{char: 'a'}}, s.now); len(orders) > 0 {
			t.Errorf("%+v", orders)
		}
	})
	t.Run("no run", func(t *testing.T) {
		service := request(1)
		service.Run = ""
		s := newStage(t, service)
		s.refused(s.char("r"), "r1 has no run")
		ordered(t, s.char("t"), "r1")
	})
	t.Run("the daemon refuses", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		o := s.char("a")
		s.answered(*o, api.Answers{Answers: []api.Answered{{ID: "r1", Error: "not allowed\x1b[2J", Hint: "ask anna"}}}, nil, s.now)
		if s.message != `r1: not allowed\u001b[2J (ask anna)` {
			t.Errorf("message %q", s.message)
		}
		o = s.char("a")
		s.answered(*o, api.Answers{}, nil, s.now)
		if !strings.Contains(s.message, "did not say") {
			t.Errorf("message %q", s.message)
		}
	})
	t.Run("a reason that is too long", func(t *testing.T) {
		s := newStage(t, requests(1)...)
		s.char("d" + strings.Repeat("ä", api.MaxText))
		if o := s.press(key{name: keyEnter}); o == nil || len(o.in.Text) != api.MaxText {
			t.Errorf("%+v", o)
		}
	})
}

func TestLeave(t *testing.T) {
	s := newStage(t, requests(1)...)
	quit := func(k key) bool { _, quit := s.keys([]key{k}, s.now); return quit }
	s.char("s")
	if quit(key{char: 'q'}) || !quit(key{char: 'q'}) || !quit(key{name: keyInterrupt}) {
		t.Error("q leaves the details, then the list")
	}
	s.char("d")
	if quit(key{name: keyInterrupt}) || s.page != pageList {
		t.Error("Ctrl-C leaves the reason")
	}
	s.char("a")
	if quit(key{char: 'q'}) || !quit(key{char: 'q'}) {
		t.Error("an answer that is on its way is waited for, once")
	}
}
