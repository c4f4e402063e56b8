// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"caisson/daemon/api"
)

func TestPoll(t *testing.T) {
	type answer struct {
		version uint64
		err     error
		takes   time.Duration
	}
	away, refused := errors.New("connection refused"), &api.Error{Message: "refused", Status: 403}
	for _, tc := range []struct {
		name    string
		first   uint64
		answers []answer
		after   []uint64        // asked for
		at      []time.Duration // of each question
		told    []uint64        // versions; 0 stands for an error
		err     error
	}{
		{"changes", 5, []answer{{6, nil, 0}, {7, nil, 0}}, []uint64{5, 6, 7}, []time.Duration{pollGap, 2 * pollGap, 3 * pollGap}, []uint64{6, 7}, refused},
		{"a long wait for nothing", 5, []answer{{5, nil, 25 * time.Second}}, []uint64{5, 5}, []time.Duration{pollGap, 25*time.Second + 2*pollGap}, nil, refused},
		{"a daemon that does not wait", 5, []answer{{5, nil, 0}, {5, nil, 0}}, []uint64{5, 5, 5},
			[]time.Duration{pollGap, pollGap + pollPause, pollGap + 2*pollPause}, nil, refused},
		{"a daemon that counts from 0", 0, []answer{{0, nil, 0}}, []uint64{0, 0}, []time.Duration{pollGap, pollGap + pollPause}, []uint64{0}, refused},
		{"a daemon that starts anew", 5, []answer{{0, away, 0}, {0, away, 0}, {5, nil, 0}}, []uint64{5, 0, 0, 5},
			[]time.Duration{pollGap, pollGap + pollPause, pollGap + 2*pollPause, 2*pollGap + 2*pollPause}, []uint64{0, 0, 5}, refused},
		{"an error of its own", 5, []answer{{0, &api.Error{Message: "x", Status: 500}, 0}}, []uint64{5, 0}, []time.Duration{pollGap, pollGap + pollPause}, []uint64{0}, refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var after, told []uint64
				var at []time.Duration
				start, answers := time.Now(), tc.answers
				p := poller{func(_ context.Context, version uint64) (api.Approvals, error) {
					after, at = append(after, version), append(at, time.Since(start))
					if len(answers) == 0 {
						return api.Approvals{}, refused
					}
					a := answers[0]
					answers = answers[1:]
					time.Sleep(a.takes)
					return api.Approvals{Version: a.version}, a.err
				}, pollGap, pollPause}
				err := p.follow(t.Context(), api.Approvals{Version: tc.first}, func(n news) { told = append(told, n.list.Version) })
				if !errors.Is(err, tc.err) || !slices.Equal(after, tc.after) || !slices.Equal(at, tc.at) || !slices.Equal(told, tc.told) {
					t.Errorf("error %v, asked after %v at %v, told %v", err, after, at, told)
				}
			})
		})
	}
}
