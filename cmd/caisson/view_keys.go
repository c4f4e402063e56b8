// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"caisson/daemon/api"
)

// quarter is what the key t approves for.
const quarter = 15 * time.Minute

// keys takes what came from the terminal at once. Characters that came together were not typed one after the other by
// somebody who looked at the screen: none of them answers.
func (v *view) keys(list []key, now time.Time) (orders []order, quit bool) {
	chars := 0
	for _, k := range list {
		if k.name == keyChar {
			chars++
		}
	}
	for _, k := range list {
		if v.page != pageReason && chars > 1 && k.name == keyChar && strings.ContainsRune("artd", k.char) {
			v.say("several keys came at once: nothing was done")
			continue
		}
		o, out := v.key(k, now)
		if o != nil {
			orders = append(orders, *o)
		}
		quit = quit || out
	}
	return orders, quit
}

// key does what a key is for: it gives an answer, or ends the view, or changes what is shown.
func (v *view) key(k key, now time.Time) (o *order, quit bool) {
	switch {
	case v.page == pageReason:
		return v.reasonKey(k), false
	case k.name == keyInterrupt, v.page == pageList && k.char == 'q':
		return nil, v.leave()
	case v.page == pageGone:
		if k.name == keyEnter || k.name == keyEscape {
			v.page, v.message = pageList, ""
		}
	case v.body == 0: // what a key is about cannot be seen
	case k.name == keyUp || k.char == 'k':
		v.scroll(-1)
	case k.name == keyDown || k.char == 'j':
		v.scroll(1)
	case k.name == keyPageUp:
		v.scroll(-v.body)
	case k.name == keyPageDown || k.char == ' ':
		v.scroll(v.body)
	case k.name == keyEscape || k.char == 'q':
		v.page, v.top = pageList, 0
	case k.char == 's' || k.name == keyEnter:
		v.details()
	case k.char == 'a':
		return v.approve(false, 0, now), false
	case k.char == 'r':
		return v.approve(true, 0, now), false
	case k.char == 't':
		return v.approve(false, quarter, now), false
	case k.char == 'd':
		if _, ok := v.answerable(now); ok {
			v.page, v.reason, v.message = pageReason, "", ""
		}
	}
	return nil, false
}

// leave ends the view, but waits for an answer that is on its way, unless it is asked again.
func (v *view) leave() bool {
	if len(v.busy) == 0 || v.leaving {
		return true
	}
	v.leaving = true
	v.say("waiting for the daemon to answer; q again leaves at once")
	return false
}

// scroll moves the cursor of the list, or the text of the details.
func (v *view) scroll(by int) {
	if v.page == pageDetails {
		v.top = max(v.top+by, 0)
		return
	}
	v.move(by)
}

// details shows all that is known of the selected request.
func (v *view) details() {
	if _, ok := v.current(); ok && v.page == pageList {
		v.page, v.top, v.seen, v.message = pageDetails, 0, 0, ""
	}
}

// reasonKey edits the reason of a denial, and sends it. It is about the request that was selected when it began: when that
// goes, the page is another.
func (v *view) reasonKey(k key) *order {
	switch k.name {
	case keyEscape, keyInterrupt:
		v.page, v.message = pageList, "nothing was done"
	case keyErase:
		_, n := utf8.DecodeLastRuneInString(v.reason)
		v.reason = v.reason[:len(v.reason)-n]
	case keyChar:
		v.write(string(k.char))
	case keyPaste:
		v.write(pasted(k.paste))
	case keyEnter:
		a, _ := v.current()
		v.page = pageList
		if v.lost != "" {
			v.say("the daemon does not answer: nothing was done")
			return nil
		}
		return v.give(order{a, api.AnswerRequest{Answer: api.AnswerDeny, IDs: []string{a.ID}, Text: strings.TrimSpace(v.reason)}})
	}
	return nil
}

// pasted is text as one line, without what is no text.
func pasted(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

func (v *view) write(s string) {
	if len(v.reason)+len(s) <= api.MaxText {
		v.reason += s
	}
}

// say sets the message. The format is ours; the arguments are escaped.
func (v *view) say(format string, args ...any) { v.message = fmt.Sprintf(format, clean(args)...) }

// escaped is one value as the printer would print it.
func escaped(value any) string { return fmt.Sprint(clean([]any{value})...) }
