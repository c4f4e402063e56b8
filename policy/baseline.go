// SPDX-License-Identifier: Apache-2.0

package policy

// baseline is what any program needs in order to start. Nothing in it is secret or belongs to somebody: no home
// directory, no key, no /etc/shadow, no /data, no socket. It only ever allows, and stands after the agent's own rules, so
// an agent's DENY wins over it.
var baseline = []struct {
	name   string
	action Action
	op     string
	paths  []string
}{
	{"baseline:libraries", FileRead, "starts_with", []string{
		"/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/lib", "/lib32", "/lib64", "/libx32"}},
	{"baseline:loader", FileRead, "equals", []string{"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf"}},
	{"baseline:loader", FileRead, "starts_with", []string{"/etc/ld.so.conf.d"}},
	{"baseline:locale", FileRead, "equals", []string{"/etc/localtime", "/etc/locale.alias"}},
	{"baseline:locale", FileRead, "starts_with", []string{
		"/usr/share/locale", "/usr/share/zoneinfo", "/usr/share/i18n"}},
	{"baseline:terminal", FileRead, "starts_with", []string{"/usr/share/terminfo", "/etc/terminfo"}},
	{"baseline:magic", FileRead, "starts_with", []string{
		"/usr/share/misc/magic", "/usr/share/misc/magic.mgc", "/usr/share/file/magic", "/usr/share/file/magic.mgc"}},
	// Certificates only: /etc/ssl/private and the like hold keys and are not here.
	{"baseline:certificates", FileRead, "starts_with", []string{
		"/usr/share/ca-certificates", "/etc/ssl/certs", "/etc/ca-certificates",
		"/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"}},
	{"baseline:certificates", FileRead, "equals", []string{"/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"}},
	{"baseline:names", FileRead, "equals", []string{
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
		"/etc/protocols", "/etc/passwd", "/etc/group"}},
	{"baseline:devices", FileRead, "equals", []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}},
	{"baseline:devices", FileWrite, "equals", []string{"/dev/null", "/dev/zero", "/dev/full"}},
	// The kernel side turns the caller's own PID below /proc into "self"; another process is never "self".
	{"baseline:proc-self", FileRead, "starts_with", []string{"/proc/self"}},
	{"baseline:proc", FileRead, "equals", []string{
		"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/loadavg", "/proc/uptime",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/cap_last_cap",
		"/proc/sys/kernel/ngroups_max", "/proc/sys/kernel/pid_max"}},
	{"baseline:sys", FileRead, "equals", []string{
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "/sys/kernel/mm/transparent_hugepage/enabled",
		"/sys/devices/system/cpu/online", "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present"}},
}

// Baseline returns the rules that every policy ends with, one per path; several share a name because they have one
// purpose. The caller may change the result.
func Baseline() []Rule {
	var rules []Rule
	for _, b := range baseline {
		for _, path := range b.paths {
			rules = append(rules, Rule{
				Name: b.name, Action: b.action, Effect: Allow, Baseline: true,
				When: when(Condition{Field: "path", Op: b.op, Value: path}),
			})
		}
	}
	return rules
}
