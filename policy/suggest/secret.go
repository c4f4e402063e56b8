// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"path"
	"strings"
)

// secretNames are the names of files and directories that look like secrets, with everything below them. Those with a star
// are few, because a place in a decision image has eight patterns at most.
var secretNames = []string{
	"*.pem", "*.key", "*.p12", ".env*", "id_rsa*", "*secret*", "*credential*", "*token*",

	".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure", ".gcloud", "gcloud", ".password-store", ".netrc", "_netrc",
	".git-credentials", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".bash_history", ".zsh_history", ".python_history",
	"id_dsa", "id_ecdsa", "id_ed25519", "id_ed25519_sk", "id_ecdsa_sk", "keyrings", "private", "passwords", "shadow", "shadow-",
	"gshadow", "gshadow-", "sudoers", "sudoers.d", "environ", "kcore", "krb5.keytab", "keytab",
}

// secretPlaces are paths that are secret, with everything below them: caisson's own, first of all.
var secretPlaces = []string{"/etc/caisson", "/var/lib/caisson", "/run/caisson", "/sys/fs/bpf/caisson", "/sys/fs/bpf", "/dev/mem", "/dev/kmem",
	"/dev/port", "/etc/ssl/private", "/boot", "/proc/kcore"}

// Secret says whether a path looks like a secret: one of its names does, in any case of letters, or it is in a secret place.
func Secret(location string) bool {
	for _, place := range secretPlaces {
		if location == place || strings.HasPrefix(location, place+"/") {
			return true
		}
	}
	for name := range strings.SplitSeq(location, "/") {
		for _, pattern := range secretNames {
			if ok, _ := path.Match(pattern, strings.ToLower(name)); ok {
				return true
			}
		}
	}
	return false
}

// guards are the globs of paths with a name that looks like a secret, written as it is in the list.
func guards() []string {
	list := make([]string, len(secretNames))
	for i, name := range secretNames {
		list[i] = "/**/" + name + "/**"
	}
	return list
}
