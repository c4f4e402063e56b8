// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"caisson/bpf/layout"
)

// value is the truth on one port, piece by piece.
func (f portFunc) value(port int) truth {
	v := f[0].value
	for _, p := range f {
		if int(p.from) <= port {
			v = p.value
		}
	}
	return v
}

func TestPortFunctions(t *testing.T) {
	f := between(80, 443, yes, no)
	g := between(443, 65535, maybe, no).either(between(0, 0, yes, no))
	h := onAnyPort(maybe)
	for port := range 65536 {
		if got, want := f.both(g).value(port), min(f.value(port), g.value(port)); got != want {
			t.Fatalf("both at %d: %d, want %d", port, got, want)
		}
		if got, want := f.either(h).value(port), max(f.value(port), maybe); got != want {
			t.Fatalf("either at %d: %d, want %d", port, got, want)
		}
	}
	if got := between(0, 65535, yes, no); !got.is(yes) {
		t.Errorf("every port: %v", got)
	}
	if got := f.either(f.both(onAnyPort(no))); !slices.Equal(got, f) {
		t.Errorf("neighbours that say the same are not one: %v", got)
	}
}

func TestParsePorts(t *testing.T) {
	for text, want := range map[string][2]uint16{"1": {1, 1}, "65535": {65535, 65535}, "1-65535": {1, 65535}, "80-80": {80, 80}} {
		if from, to, err := parsePorts(text); err != nil || from != want[0] || to != want[1] {
			t.Errorf("%q: %d %d %v", text, from, to, err)
		}
	}
	for _, bad := range []string{"", "0", "65536", "0-1", "2-1", "1-", "-1", "1-2-3", "1 - 2", "01", "+1", "1-65536", "http"} {
		if _, _, err := parsePorts(bad); err == nil {
			t.Errorf("%q is taken for ports", bad)
		}
	}
}

// rangesImage is an image with one node that has ports, and the cell of that node.
func rangesImage(t *testing.T) (b, node, ranges []byte) {
	t.Helper()
	var lines []string
	for i := range 20 {
		lines = append(lines, fmt.Sprintf("ALLOW port=%d", 100+2*i))
	}
	m, err := Compile(netPolicy(t, lines...), Env{})
	if err != nil {
		t.Fatal(err)
	}
	b = m.Bytes(1)
	for n := uint32(1); n < m.table; n++ {
		node = b[n*layout.CellSize:][:layout.CellSize]
		if node[nodeFlags] == layout.NodePorts {
			first := binary.LittleEndian.Uint32(node[portsRanges:])
			return b, node, b[first*layout.CellSize:]
		}
	}
	t.Fatal("no node has ports")
	return nil, nil, nil
}

func TestOpenImageRefusesPorts(t *testing.T) {
	le := binary.LittleEndian
	for _, tc := range []struct {
		name   string
		change func(node, ranges []byte)
		want   string
	}{
		{"flags", func(n, _ []byte) { n[nodeFlags] |= layout.NodeFinal }, "beside other"},
		{"patterns", func(n, _ []byte) { n[nodeNPattern] = 1 }, "beside other"},
		{"prefixes", func(n, _ []byte) { n[nodeNPrefix] = 1 }, "beside other"},
		{"none", func(n, _ []byte) { le.PutUint32(n[portsCount:], 0) }, "0 port ranges"},
		{"too many", func(n, _ []byte) { le.PutUint32(n[portsCount:], layout.MaxRanges+1) }, "port ranges"},
		{"behind the end", func(n, _ []byte) { le.PutUint32(n[portsCount:], layout.MaxRanges) }, "outside the image"},
		{"in the nodes", func(n, _ []byte) { le.PutUint32(n[portsRanges:], 1) }, "outside the image"},
		{"far away", func(n, _ []byte) { le.PutUint32(n[portsRanges:], 1<<32-1) }, "outside the image"},
		{"first port", func(_, r []byte) { r[0] = 1 }, "range 0 starts at 1"},
		{"order", func(_, r []byte) { le.PutUint16(r[2*rangeSize:], 100) }, "range 2 starts at 100"},
		{"next", func(_, r []byte) { le.PutUint32(r[rangeNext:], 1<<30) }, "leads to node"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, node, ranges := rangesImage(t)
			if _, err := OpenImage(b); err != nil {
				t.Fatal(err)
			}
			tc.change(node, ranges)
			if _, err := OpenImage(b); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPortOffsetsFollowLayout(t *testing.T) {
	var p layout.Ports
	var r layout.Range
	for _, tc := range []struct {
		name      string
		got, want uintptr
	}{
		{"verdict", nodeVerdict, unsafe.Offsetof(p.Verdict)}, {"next", nodeNext, unsafe.Offsetof(p.Next)},
		{"flags", nodeFlags, unsafe.Offsetof(p.Flags)}, {"ranges", portsRanges, unsafe.Offsetof(p.Ranges)},
		{"count", portsCount, unsafe.Offsetof(p.Count)}, {"range from", rangeFrom, unsafe.Offsetof(r.From)},
		{"range next", rangeNext, unsafe.Offsetof(r.Next)}, {"size of a range", rangeSize, unsafe.Sizeof(r)},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}
