// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// segment is one file of the log as a reader finds it.
type segment struct {
	name  string
	first uint64 // sequence number its first record must have
	gen   int    // which attempt at that number
	size  int64
	open  *SegmentOpen // of its first record, if that is sound and counts
	tail  *SegmentTail // what a later segment says about this one
}

// A second attempt at the same first record, after one that left no record
// that counts, gets a number of its own: nothing is ever overwritten. The
// underscore makes the order of the names the order of the segments.
var segmentName = regexp.MustCompile(`^([0-9]{20})(?:_([0-9]{4}))?\.jsonl$`)

// maxGen is the highest number that fits in a name.
const maxGen = 9999

func nameSegment(first uint64, gen int) string {
	if gen == 0 {
		return fmt.Sprintf("%020d.jsonl", first)
	}
	return fmt.Sprintf("%020d_%04d.jsonl", first, gen)
}

func parseSegmentName(name string) (first uint64, gen int, ok bool) {
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return 0, 0, false
	}
	first, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if m[2] != "" {
		if m[2] == "0000" {
			return 0, 0, false // one segment, one name
		}
		gen, _ = strconv.Atoi(m[2]) // four digits
	}
	return first, gen, true
}

// listSegments returns the segments in order, and the names of files that are
// not segments.
func listSegments(dir Dir) (segs []*segment, foreign []string, err error) {
	infos, err := dir.List()
	if err != nil {
		return nil, nil, fmt.Errorf("list segments: %w", err)
	}
	for _, info := range infos {
		first, gen, ok := parseSegmentName(info.Name())
		if !ok || !info.Mode().IsRegular() {
			foreign = append(foreign, info.Name())
			continue
		}
		segs = append(segs, &segment{name: info.Name(), first: first, gen: gen, size: info.Size()})
	}
	slices.SortFunc(segs, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.gen, b.gen))
	})
	slices.Sort(foreign)

	return segs, foreign, nil
}
