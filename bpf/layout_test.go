// SPDX-License-Identifier: Apache-2.0

package bpf

import (
	"encoding/binary"
	"reflect"
	"testing"

	"caisson/bpf/layout"
	"github.com/cilium/ebpf/btf"
)

// Every structure that user space and the programs share has the same size, and its fields the same offsets and sizes, in
// C as in Go. Names differ; order must not.
func TestLayout(t *testing.T) {
	spec, err := LoadCaisson()
	if err != nil {
		t.Fatal(err)
	}
	for name, twin := range map[string]any{
		"event":         layout.Event{},
		"identity":      layout.Identity{},
		"agent_task":    layout.AgentTask{},
		"config":        layout.Config{},
		"mount_key":     layout.MountKey{},
		"counters":      layout.Counters{},
		"request":       layout.Request{},
		"answer":        layout.Answer{},
		"heart":         layout.Heart{},
		"image_header":  layout.Header{},
		"image_node":    layout.Node{},
		"image_edge":    layout.Edge{},
		"image_pattern": layout.Pattern{},
		"image_ports":   layout.Ports{},
		"image_range":   layout.Range{},
	} {
		t.Run(name, func(t *testing.T) {
			var c *btf.Struct
			if err := spec.Types.TypeByName(name, &c); err != nil {
				t.Fatal(err)
			}
			compare(t, c, reflect.TypeOf(twin))
		})
	}
}

func compare(t *testing.T, c *btf.Struct, g reflect.Type) {
	t.Helper()
	if uintptr(c.Size) != g.Size() {
		t.Errorf("%d bytes in C, %d in Go", c.Size, g.Size())
	}
	if len(c.Members) != g.NumField() {
		t.Fatalf("%d fields in C, %d in Go", len(c.Members), g.NumField())
	}
	for i, m := range c.Members {
		f := g.Field(i)
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(m.Offset.Bytes()) != f.Offset || uintptr(size) != f.Type.Size() {
			t.Errorf("field %d: %s at %d, %d bytes in C; %s at %d, %d bytes in Go", i, m.Name, m.Offset.Bytes(), size, f.Name, f.Offset, f.Type.Size())
		}
	}
}

// The value of the map `mounts` is an array in C and three fields in Go.
func TestMountNodes(t *testing.T) {
	spec, err := LoadCaisson()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := spec.Maps[CaissonMapMounts].ValueSize, uint32(reflect.TypeOf(layout.MountNodes{}).Size()); got != want {
		t.Errorf("%d bytes in C, %d in Go", got, want)
	}
}

// What DecodeEvent reads is what the structure says, field by field.
func TestDecodeEvent(t *testing.T) {
	var want layout.Event
	next := byte(1)
	fill(reflect.ValueOf(&want).Elem(), &next)
	want.PathLen, want.ArgvLen = 3, 2

	record, err := binary.Append(nil, binary.LittleEndian, want)
	if err != nil {
		t.Fatal(err)
	}
	if len(record) != layout.EventSize {
		t.Fatalf("an event has %d bytes, EventSize is %d", len(record), layout.EventSize)
	}
	record = append(record, "/ab"...)
	record = append(record, "x\x00"...)

	got, path, argv, ok := layout.DecodeEvent(record)
	if !ok || got != want || string(path) != "/ab" || string(argv) != "x\x00" {
		t.Errorf("%+v %q %q %v\nwant %+v", got, path, argv, ok, want)
	}
	for cut := range record {
		if _, _, _, ok := layout.DecodeEvent(record[:cut]); ok {
			t.Errorf("%d of %d bytes were taken for an event", cut, len(record))
		}
	}
}

// fill sets every byte of a value to another one.
func fill(v reflect.Value, next *byte) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	default:
		var n uint64
		for range v.Type().Size() {
			n = n<<8 | uint64(*next)
			*next++
		}
		v.SetUint(n)
	}
}

// Both sides hash alike is shown on a live kernel (daemon/vmtest); that the constants agree is shown here.
func TestVerdict(t *testing.T) {
	for _, rule := range []int{-1, 0, 1, 1 << 20} {
		for effect := range uint32(4) {
			if e, r := layout.SplitVerdict(layout.Verdict(effect, rule)); e != effect || r != rule {
				t.Errorf("effect %d, rule %d became %d, %d", effect, rule, e, r)
			}
		}
	}
	if layout.Verdict(layout.EffectDeny, -1) != 0 {
		t.Error("no rule, DENY is not 0")
	}
}
