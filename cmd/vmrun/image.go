// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// programDir is where the program under test stands in the guest: outside the
// directories that hold ordinary programs, so that it is not one of them.
const programDir = "/opt/vmrun"

// taskFile is where PID 1 finds its task.
const taskFile = "/vmrun.json"

// task is what the host asks PID 1 to do.
type task struct {
	Args    []string // the program and its arguments
	Env     []string
	Dir     string   // working directory, made if it is not there
	Merge   bool     // one stream for output and error output, in order
	Modules []string // module files to load, in this order
}

// etcFiles are the few files that a program expects of any Debian machine.
var etcFiles = []struct {
	name string
	perm uint32
	text string
}{
	{"/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n"},
	{"/etc/group", 0o644, "root:x:0:\ntty:x:5:\nnogroup:x:65534:\nagent:x:1000:\n"},
	{"/etc/shadow", 0o600, "root:*:20000:0:99999:7:::\nagent:*:20000:0:99999:7:::\n"},
	{"/etc/hosts", 0o644, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"},
	{"/etc/hostname", 0o644, guestName + "\n"},
	{"/etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n"},
	{"/etc/resolv.conf", 0o644, ""},
}

// baseDirs are the directories every guest has, as Debian lays them out; the
// mount points stand in the mount table.
var baseDirs = []struct {
	name string
	perm uint32
	uid  uint32
}{
	{"/usr/bin", 0o755, 0}, {"/usr/sbin", 0o755, 0}, {"/usr/lib", 0o755, 0}, {"/usr/lib64", 0o755, 0},
	{"/usr/local/bin", 0o755, 0}, {"/usr/local/sbin", 0o755, 0}, {programDir, 0o755, 0},
	{"/etc", 0o755, 0}, {"/mnt", 0o755, 0}, {"/srv", 0o755, 0}, {"/var/lib", 0o755, 0}, {"/var/log", 0o755, 0},
	{"/var/tmp", 0o1777, 0}, {"/root", 0o700, 0}, {"/home/agent", 0o755, 1000},
}

// mergedLinks make the guest a merged-/usr system.
var mergedLinks = []string{"bin", "sbin", "lib", "lib64"}

// buildImage collects the guest's files.
func buildImage(opt *options, k kernel) (*tree, error) {
	t := newTree()
	if err := addBase(t); err != nil {
		return nil, err
	}
	if err := addBusybox(t); err != nil {
		return nil, err
	}
	if err := addPrograms(t, opt.Progs); err != nil {
		return nil, err
	}

	for _, d := range opt.Dirs {
		if err := t.Copy(filepath.Clean(d.Host), d.Guest); err != nil {
			return nil, err
		}
	}
	for _, f := range opt.Files {
		if err := t.File(f.Host, f.Guest); err != nil {
			return nil, err
		}
	}
	return t, addTask(t, opt, k)
}

func addBase(t *tree) error {
	for _, name := range mergedLinks {
		if err := t.Symlink("/"+name, "usr/"+name); err != nil {
			return err
		}
	}
	for _, d := range baseDirs {
		if err := t.Dir(d.name, d.perm, d.uid); err != nil {
			return err
		}
	}
	for _, f := range etcFiles {
		if err := t.Data(f.name, f.perm, []byte(f.text)); err != nil {
			return err
		}
	}

	// The kernel opens the console for PID 1 before anything is mounted.
	if err := t.Char("/dev/console", 0o600, 5, 1); err != nil {
		return err
	}
	// This very program, even if its file has been replaced since it started;
	// it is static unless it was built with cgo, and both work.
	return addProgram(t, mapping{Host: "/proc/self/exe", Guest: "/init"})
}

// addBusybox adds the static busybox and a link for each of its applets.
func addBusybox(t *tree) error {
	host, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("finding busybox: %w (apt-get install busybox-static)", err)
	}
	list, err := exec.Command(host, "--list-full").Output()
	if err != nil {
		return fmt.Errorf("listing busybox applets: %w", err)
	}

	for name := range strings.FieldsSeq(string(list)) {
		if err := t.Symlink("/"+name, "/bin/busybox"); err != nil {
			return err
		}
	}
	return addProgram(t, mapping{Host: host, Guest: "/bin/busybox"})
}

func addPrograms(t *tree, programs []mapping) error {
	for _, p := range programs {
		if err := addProgram(t, p); err != nil {
			return err
		}
	}
	return nil
}

// addProgram adds a program together with all that it needs to start, each
// file under the name, and through the links, that it has on the host.
func addProgram(t *tree, p mapping) error {
	l, err := newLinker("/etc/ld.so.conf")
	if err != nil {
		return err
	}
	needs, err := l.Closure(p.Host)
	if err != nil {
		return err
	}

	for _, file := range needs {
		if err := t.HostPath(file); err != nil {
			return err
		}
	}
	if len(needs) > 0 {
		// The cache makes the guest's loader look where the host's does.
		if err := t.File("/etc/ld.so.cache", "/etc/ld.so.cache"); err != nil {
			return err
		}
	}
	if p.Host == p.Guest {
		return t.HostPath(p.Host)
	}
	return t.File(p.Host, p.Guest)
}

// addTask adds the program under test, its working directory and PID 1's task.
func addTask(t *tree, opt *options, k kernel) error {
	program := mapping{Host: opt.Args[0], Guest: path.Join(programDir, filepath.Base(opt.Args[0]))}
	if err := addProgram(t, program); err != nil {
		return err
	}
	modules, err := addModules(t, k, opt.Modules)
	if err != nil {
		return err
	}

	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working directory: %w", err)
	}
	guestDir := guestDirectory(cwd)
	data := filepath.Join(cwd, "testdata")
	if info, err := os.Stat(data); err == nil && info.IsDir() {
		if err := t.Copy(data, path.Join(guestDir, "testdata")); err != nil {
			return err
		}
	}

	text, err := json.Marshal(task{
		Args:    append([]string{program.Guest}, guestArgs(opt.Args[1:])...),
		Env:     guestEnv(os.Environ(), opt.Env),
		Dir:     guestDir,
		Merge:   sameFile(os.Stdout, os.Stderr),
		Modules: modules,
	})
	if err != nil {
		return fmt.Errorf("writing task: %w", err)
	}
	return t.Data(taskFile, 0o600, text)
}

// guestDirectory is where the program runs: in the same directory as on the
// host, unless one of the guest's mounts would hide that.
func guestDirectory(cwd string) string {
	if hiddenBy(cwd) != "" {
		return path.Join(programDir, "cwd")
	}
	return cwd
}

// guestArgs drops the one flag of go test that names a file which only the
// host has: the log by which go test decides what to cache.
func guestArgs(args []string) []string {
	var kept []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-test.testlogfile=") {
			kept = append(kept, a)
		}
	}
	return kept
}

// passedEnv are the host's variables that mean the same thing in the guest.
var passedEnv = []string{"GODEBUG", "GOMAXPROCS", "GORACE", "GOTRACEBACK", "NO_COLOR", "TERM"}

// guestEnv selects the environment of the program: a fixed base, then the
// host's variables that concern a test, then those of the command line.
func guestEnv(host, extra []string) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
	}
	for _, kv := range host {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "CAISSON_") || slices.Contains(passedEnv, name) {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

// sameFile reports whether two open files are the same, as they are under
// go test; the order of lines then matters, and one stream keeps it.
func sameFile(a, b *os.File) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// writeImage writes the tree as an uncompressed archive into a directory. With
// 50 MB of files, zstd costs half a second more CPU time, and lz4 gains nothing.
func writeImage(t *tree, dir string) (string, error) {
	name := filepath.Join(dir, "initramfs.cpio")
	f, err := os.Create(name)
	if err != nil {
		return "", fmt.Errorf("writing initramfs: %w", err)
	}
	defer f.Close()

	w := bufio.NewWriterSize(f, 1<<20)
	if err := t.Archive(w); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", fmt.Errorf("writing initramfs: %w", err)
	}
	return name, f.Close()
}
