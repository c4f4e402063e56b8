//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"caisson/bpf"
	"caisson/bpf/layout"
	"caisson/policy"
	"caisson/policy/policytest"
	"github.com/cilium/ebpf"
)

// For each kind of subject that many pairs, and so many of them on one policy, because putting an image in force costs much
// more than asking it.
const (
	equalPairs    = 20_000
	equalSubjects = 250
)

// kernelSubject is struct subject of bpf/equal.bpf.c.
type kernelSubject struct {
	Root, Names, Cut, Port uint32
	Addr                   [16]byte
	Verdict, Error         uint32
	Name                   [layout.MaxNames]uint32
	Data                   [layout.MaxPathBytes + layout.MaxArgvBytes]byte
}

// kernelRunner runs images in the kernel.
type kernelRunner struct {
	Program  *ebpf.Program `ebpf:"caisson_equal"`
	Images   *ebpf.Map     `ebpf:"images"`
	Subjects *ebpf.Map     `ebpf:"subjects"`
	buffer   []byte
}

func newKernelRunner(t *testing.T) *kernelRunner {
	t.Helper()
	spec, err := bpf.LoadEqual()
	if err != nil {
		t.Fatal(err)
	}
	k := &kernelRunner{buffer: make([]byte, binary.Size(kernelSubject{}))}
	if err := spec.LoadAndAssign(k, nil); err != nil {
		t.Fatal(verifierHint(err))
	}
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{k.Program, k.Images, k.Subjects} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return k
}

// enforce puts an image where the program finds it.
func (k *kernelRunner) enforce(t *testing.T, image []byte) {
	t.Helper()
	cells, err := newImageMap(image)
	if err != nil {
		t.Fatal(err)
	}
	defer cells.Close()
	if err := k.Images.Put(uint32(0), cells); err != nil {
		t.Fatal(err)
	}
}

// run returns the verdict word and the reason, as an event would carry them.
func (k *kernelRunner) run(t *testing.T, s *kernelSubject) (word, reason uint32) {
	t.Helper()
	if _, err := binary.Encode(k.buffer, binary.LittleEndian, s); err != nil {
		t.Fatal(err)
	}
	if err := k.Subjects.Put(uint32(0), k.buffer); err != nil {
		t.Fatal(err)
	}
	code, err := k.Program.Run(nil)
	if err != nil || code != 0 {
		t.Fatalf("the program returned %d, %v", int32(code), err)
	}
	if err := k.Subjects.Lookup(uint32(0), k.buffer); err != nil {
		t.Fatal(err)
	}
	return binary.LittleEndian.Uint32(k.buffer[32:]), binary.LittleEndian.Uint32(k.buffer[36:])
}

// startNode is the start node of a subject.
func startNode(s policy.Subject) uint32 {
	switch {
	case s.Action == policy.FileRead:
		return layout.RootRead
	case s.Action == policy.FileWrite:
		return layout.RootWrite
	case s.Action == policy.ShellExec:
		return layout.RootExec
	case s.Proto == policy.ProtoTCP:
		return layout.RootTCP
	case s.Proto == policy.ProtoUDP:
		return layout.RootUDP
	default:
		return layout.RootUnix
	}
}

// pack lays a subject out as the hooks do: the names of the location, the separator, the words. It cuts from the subject
// what a hook would not read, and reports false for a location that no hook would judge.
func pack(s *policy.Subject) (*kernelSubject, bool) {
	out := &kernelSubject{Root: startNode(*s), Port: uint32(s.Port)}
	if s.Addr.IsValid() {
		out.Addr = netip.AddrFrom16(s.Addr.As16()).As16()
	}

	used := copy(out.Data[:], "/") // of which the separator is made
	add := func(name []byte) bool {
		if used+len(name)+1 > len(out.Data) || int(out.Names) == len(out.Name) {
			return false
		}
		out.Name[out.Names] = uint32(used)<<16 | uint32(len(name))
		out.Names++
		used += copy(out.Data[used:], name) + 1
		return true
	}
	for _, name := range s.Names {
		if !add(name) || used > layout.MaxPathBytes || int(out.Names) > layout.MaxDepth {
			return nil, false
		}
	}
	if s.Action != policy.ShellExec {
		return out, true
	}

	out.Name[out.Names] = 1
	out.Names++
	most := used + layout.MaxArgvBytes
	for i, word := range s.Args {
		if used+len(word)+1 > most || !add(word) {
			s.Args, s.TruncatedArgs = s.Args[:i], true
			break
		}
	}
	if s.TruncatedArgs {
		out.Cut = 1
	}
	return out, true
}

// reasonNumbers are the kernel's reasons for the runner's.
var reasonNumbers = map[string]uint32{
	"":                    layout.ReasonPolicy,
	policy.ReasonNoRule:   layout.ReasonPolicy,
	policy.ReasonTooLong:  layout.ReasonTooLong,
	policy.ReasonBroken:   layout.ReasonBroken,
	policy.ReasonProtocol: layout.ReasonFamily,
}

// generator makes policies, and for each the subjects to try on it.
type generator func(c policytest.Chooser, n int) (p *policy.Policy, subject func() policy.Subject)

// byNames makes policies on what has a location. Three of four hold only what fits into an image, the rest what does not.
func byNames(action policy.Action) generator {
	return func(c policytest.Chooser, n int) (*policy.Policy, func() policy.Subject) {
		opt := policytest.Options{Deferred: n%4 == 3, Crowded: n%8 == 7}
		p := opt.Policy(c, action)
		return p, func() policy.Subject { return opt.Subject(c, p) }
	}
}

// The kernel decides as the Go runner does and as the specification says.
func TestVMEquality(t *testing.T) {
	k := newKernelRunner(t)
	for seed, tc := range []struct {
		name     string
		generate generator
	}{
		{"file_read", byNames(policy.FileRead)},
		{"file_write", byNames(policy.FileWrite)},
		{"shell_exec", byNames(policy.ShellExec)},
		{"network, Unix sockets", byNames(policy.Network)},
		{"network, addresses", byAddress},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := policytest.Seeded(uint64(seed) + 100)
			effects, reasons, pairs := map[policy.Effect]int{}, map[string]int{}, 0
			for n := 0; pairs < equalPairs; n++ {
				p, subject := tc.generate(c, n)
				image, err := policy.Compile(p, policytest.Env)
				if err != nil {
					t.Fatalf("compile: %v", err)
				}
				k.enforce(t, image.Bytes(1))
				for range equalSubjects {
					s := subject()
					packed, ok := pack(&s)
					if !ok {
						continue
					}
					v := k.equal(t, packed, image, p, s)
					effects[v.Effect]++
					reasons[v.Reason]++
					pairs++
				}
			}
			if effects[policy.Allow] == 0 || effects[policy.Deny] == 0 || effects[policy.RequireApproval] == 0 ||
				effects[policy.Defer] == 0 || reasons[policy.ReasonNoRule] == 0 {
				t.Errorf("subjects are not varied: %v %v", effects, reasons)
			}
			t.Logf("%d pairs: %v %v", pairs, effects, reasons)
		})
	}
}

// equal compares the three answers to one subject, and returns that of the runner.
func (k *kernelRunner) equal(t *testing.T, packed *kernelSubject, image *policy.Image, p *policy.Policy, s policy.Subject) policy.Verdict {
	t.Helper()
	want := image.Run(s)
	word, reason := k.run(t, packed)
	number, known := reasonNumbers[want.Reason]
	if !known || word != want.Word() || reason != number {
		t.Fatalf("kernel: %#x, reason %d; runner: %#x, %+v\n%s", word, reason, want.Word(), want, policytest.Describe(p, s))
	}

	// An image may refuse to settle what the specification settles, and then it denies; it may never say anything else.
	said := policy.Reference(p, policytest.Env, s)
	refuses := want.Reason == policy.ReasonTooLong || want.Effect == policy.Defer && (said.Rule < 0 || said.Rule >= want.Rule)
	if said != want && !refuses {
		t.Fatalf("image: %+v; specification: %+v\n%s", want, said, policytest.Describe(p, s))
	}
	return want
}
