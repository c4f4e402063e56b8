// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"caisson/bpf/layout"
)

// smallImage is a valid image with every kind of cell, without the baseline: a fuzzer gets nowhere with large inputs.
func smallImage(t testing.TB) []byte {
	t.Helper()
	p := filePolicy(t, "ALLOW glob /a/*.c", "DENY starts_with /"+name255, "ALLOW glob /b/x*z*y/?")
	p.Rules = append(p.Rules, netPolicy(t, "ALLOW address=10.0.0.0/8 port=443").Rules...)
	p.Baseline, p.Mode = BaselineNone, Observe
	return compiled(t, p, Env{}).Bytes(1)
}

// patternCell is the first cell of a pattern.
func patternCell(b []byte) []byte {
	le := binary.LittleEndian
	for n := uint32(1); ; n++ {
		if c := b[n*layout.CellSize:]; c[nodeNPattern] > 0 {
			return b[le.Uint32(c[nodePatterns:])*layout.CellSize:]
		}
	}
}

func TestOpenImageRefuses(t *testing.T) {
	le := binary.LittleEndian
	node := func(b []byte) []byte { return b[layout.CellSize:] }
	cases := []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "whole cells"},
		{"half a cell", func(b []byte) []byte { return b[:len(b)-1] }, "whole cells"},
		{"magic", func(b []byte) []byte { b[0]++; return b }, "no decision image"},
		{"version", func(b []byte) []byte { b[4]++; return b }, "version 2"},
		{"flags", func(b []byte) []byte { b[headFlags] = 2; return b }, "unknown flags"},
		{"cut short", func(b []byte) []byte { return b[:len(b)-layout.CellSize] }, "cells are announced"},
		{"nodes", func(b []byte) []byte { le.PutUint32(b[12:], 1<<31); return b }, "do not fit"},
		{"table", func(b []byte) []byte { le.PutUint32(b[headMask:], 1<<32-1); return b }, "do not fit"},
		{"mask", func(b []byte) []byte { le.PutUint32(b[headMask:], 2); return b }, "power of two"},
		{"root", func(b []byte) []byte { le.PutUint32(b[headRoots:], 1<<30); return b }, "start node"},
		{"rule", func(b []byte) []byte { le.PutUint32(node(b), 1<<31|1); return b }, "verdict"},
		{"next", func(b []byte) []byte { le.PutUint32(node(b)[nodeNext:], 1<<31); return b }, "next node"},
		{"node flags", func(b []byte) []byte { node(b)[nodeFlags] = 0x80; return b }, "flags"},
		{"pattern count", func(b []byte) []byte { node(b)[nodeNPattern] = 9; return b }, "9 patterns"},
		{"pattern place", func(b []byte) []byte {
			node(b)[nodeNPattern] = 8
			le.PutUint32(node(b)[nodePatterns:], 1<<32-4)
			return b
		}, "outside the image"},
		{"texts of a pattern", func(b []byte) []byte { patternCell(b)[patMiddle] = 59; return b }, "too long"},
		{"a middle behind an empty one", func(b []byte) []byte {
			patternCell(b)[patMiddle], patternCell(b)[patMiddle+1] = 0, 1
			return b
		}, "behind an empty one"},
		{"descendants of a denial", func(b []byte) []byte {
			le.PutUint32(node(b), layout.Verdict(layout.EffectDeny, 0)|layout.VerdictDescendants)
			return b
		}, "verdict"},
		{"approval without a rule", func(b []byte) []byte { le.PutUint32(node(b), layout.EffectApprove); return b }, "verdict"},
		{"prefix count", func(b []byte) []byte { node(b)[nodeNPrefix] = 49; return b }, "49 prefix lengths"},
		{"prefix length", func(b []byte) []byte {
			node(b)[nodeNPrefix], node(b)[nodePrefixes] = 1, 129
			return b
		}, "prefix length 129"},
	}
	good := smallImage(t)
	if _, err := OpenImage(good); err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := OpenImage(tc.change(slices.Clone(good)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A mask that the image has no edge for is the image's fault, not a name without a rule.
func TestMissingMaskIsBroken(t *testing.T) {
	b := compiled(t, filePolicy(t, "ALLOW glob /a/*.c"), Env{}).Bytes(1)
	r, err := OpenImage(b)
	if err != nil {
		t.Fatal(err)
	}
	for n := r.table; n <= r.table+r.mask; n++ {
		if c := r.cell(n); c[edgeKind] == layout.EdgeMask {
			c[edgeName] ^= 0x80
		}
	}
	if got := r.Run(writing(t, "/a/x.c")); got != refuse(ReasonBroken) {
		t.Errorf("got %+v", got)
	}
}

func FuzzOpenImage(f *testing.F) {
	good := smallImage(f)
	f.Add(good, uint16(0), byte(0))
	f.Add(good, uint16(headRoots), byte(1))
	f.Add(good, uint16(layout.CellSize+nodeNPattern), byte(8))
	f.Add(good[:layout.CellSize], uint16(8), byte(1))
	subjects := []Subject{
		writing(f, "/a/x.c"), writing(f, "/"+name255+"/y"), writing(f, "/"), connection(ProtoTCP, "10.1.2.3", 443),
		{Action: ShellExec, Names: byteNames([]string{"usr", "bin"}), Args: byteNames([]string{"", strings.Repeat("w", 300)})},
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, value byte) {
		b := slices.Clone(data)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= value
		}
		r, err := OpenImage(b)
		if err != nil {
			return
		}
		for _, s := range subjects {
			r.Run(s)
			r.RunFrom(r.table-1, s)
		}
		r.Node(layout.RootWrite, "a", "x.c")
	})
}
