//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
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

// Offsets in struct subject of bpf/equal.bpf.c.
const (
	subjectRoot    = 0
	subjectNames   = 4
	subjectCut     = 8
	subjectPort    = 12
	subjectAddr    = 16
	subjectVerdict = 32
	subjectError   = 36
	subjectName    = 40
	subjectData    = subjectName + 4*layout.MaxNames
	subjectSize    = subjectData + layout.MaxPathBytes + layout.MaxArgvBytes
)

// kernelRunner runs images in the kernel.
type kernelRunner struct {
	Program  *ebpf.Program `ebpf:"caisson_equal"`
	Images   *ebpf.Map     `ebpf:"images"`
	Subjects *ebpf.Map     `ebpf:"subjects"`
	subject  []byte
}

func newKernelRunner(t *testing.T) *kernelRunner {
	t.Helper()
	spec, err := bpf.LoadEqual()
	if err != nil {
		t.Fatal(err)
	}
	k := &kernelRunner{subject: make([]byte, subjectSize)}
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

// run returns the verdict word on the packed subject and the reason, as an event would carry them.
func (k *kernelRunner) run(t *testing.T) (word, reason uint32) {
	t.Helper()
	if err := k.Subjects.Put(uint32(0), k.subject); err != nil {
		t.Fatal(err)
	}
	code, err := k.Program.Run(nil)
	if err != nil || code != 0 {
		t.Fatalf("the program returned %d, %v", int32(code), err)
	}
	if err := k.Subjects.Lookup(uint32(0), k.subject); err != nil {
		t.Fatal(err)
	}
	return binary.LittleEndian.Uint32(k.subject[subjectVerdict:]), binary.LittleEndian.Uint32(k.subject[subjectError:])
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
// what a hook would not read, and reports false for a location that no hook would judge. What an earlier subject has left
// behind the end of this one stays: it must not matter.
func (k *kernelRunner) pack(s *policy.Subject) bool {
	names, used := 0, 0
	number := func(at int, n uint32) { binary.LittleEndian.PutUint32(k.subject[at:], n) }
	add := func(name []byte) {
		number(subjectName+4*names, uint32(used)<<16|uint32(len(name)))
		names++
		used += copy(k.subject[subjectData+used:], name) + 1
	}

	k.subject[subjectData] = '/' // of which the separator is made
	used = 1
	for _, name := range s.Names {
		if used+len(name) > layout.MaxPathBytes || names == layout.MaxDepth {
			return false
		}
		add(name)
	}
	if s.Action == policy.ShellExec {
		number(subjectName+4*names, 1)
		names++
		end := used + layout.MaxArgvBytes
		for i, word := range s.Args {
			if used+len(word)+1 > min(end, layout.MaxPathBytes+layout.MaxArgvBytes) || names == layout.MaxNames {
				s.Args, s.TruncatedArgs = s.Args[:i], true
				break
			}
			add(word)
		}
	}

	number(subjectRoot, startNode(*s))
	number(subjectNames, uint32(names))
	number(subjectPort, uint32(s.Port))
	number(subjectCut, 0)
	if s.TruncatedArgs {
		number(subjectCut, 1)
	}
	if s.Addr.IsValid() {
		addr := s.Addr.As16()
		copy(k.subject[subjectAddr:subjectVerdict], addr[:])
	}
	return true
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
					if !k.pack(&s) {
						continue
					}
					v := k.equal(t, image, p, s)
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

// equal compares the three answers to the packed subject, and returns that of the runner.
func (k *kernelRunner) equal(t *testing.T, image *policy.Image, p *policy.Policy, s policy.Subject) policy.Verdict {
	t.Helper()
	want := image.Run(s)
	word, reason := k.run(t)
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
