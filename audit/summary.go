// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"maps"
	"slices"
	"time"
)

// maxAgents and maxAgent bound what a seal lists.
const (
	maxAgents = 64
	maxAgent  = 64
)

// summary collects what the seal of a segment will say.
type summary struct {
	records  uint64
	from, to time.Time
	agents   map[string]struct{}
	more     bool
	verdicts map[string]uint64
}

// add counts one durable record.
func (s *summary) add(e *entry) {
	s.records++
	if s.from.IsZero() || e.t.Before(s.from) {
		s.from = e.t
	}
	if e.t.After(s.to) {
		s.to = e.t
	}
	if e.agent != "" {
		s.addAgent(e.agent)
	}
	if e.verdict != "" {
		s.addVerdict(e.verdict)
	}
}

func (s *summary) addAgent(agent string) {
	if _, ok := s.agents[agent]; ok {
		return
	}
	if len(s.agents) == maxAgents || len(agent) > maxAgent {
		s.more = true
		return
	}
	if s.agents == nil {
		s.agents = make(map[string]struct{})
	}
	s.agents[agent] = struct{}{}
}

// addVerdict counts verdicts this package does not know under one name, so
// that the seal's size does not depend on its callers.
func (s *summary) addVerdict(v string) {
	switch v {
	case VerdictAllow, VerdictDeny, VerdictRequireApproval:
	default:
		v = "other"
	}
	if s.verdicts == nil {
		s.verdicts = make(map[string]uint64, 4)
	}
	s.verdicts[v]++
}

func (s *summary) seal(bytes int64) *SegmentSeal {
	return &SegmentSeal{
		Records:  s.records,
		Bytes:    bytes,
		From:     s.from,
		To:       s.to,
		Agents:   slices.Sorted(maps.Keys(s.agents)),
		More:     s.more,
		Verdicts: s.verdicts,
	}
}
