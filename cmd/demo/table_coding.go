// SPDX-License-Identifier: Apache-2.0

package main

// codingAttempts: it may read the project, change its sources and run its tests; it cannot deploy, read research data or
// use the network.
func codingAttempts(w *world) []attempt {
	const writes, reads, tests = "allow-src-writes", "allow-project-reads", "allow-test-execution"

	return []attempt{
		{agent: coding, argv: []string{"cat", readme}, tried: "cat: open " + readme + " for reading",
			want: allow, rule: reads, about: reading(readme), effect: printed(readmeText)},
		{agent: coding, argv: line("echo '%s' >> %s", addedText, source), tried: "bash: open " + source + " for appending",
			want: allow, rule: writes, about: writing(source), effect: holds(source, addedText)},
		{agent: coding, argv: []string{"touch", "/project/src/new.go"}, tried: "touch: create /project/src/new.go",
			want: allow, rule: writes, about: changing("create", "/project/src/new.go"), effect: exists("/project/src/new.go")},
		{agent: coding, argv: []string{"mkdir", "/project/src/pkg"}, tried: "mkdir: mkdir /project/src/pkg",
			want: allow, rule: writes, about: changing("mkdir", "/project/src/pkg"), effect: exists("/project/src/pkg")},
		{agent: coding, argv: []string{"mv", source, "/project/src/app.go"}, tried: "mv: rename …/src/main.go to …/src/app.go",
			want: allow, rule: writes, about: changing("rename-to", "/project/src/app.go"), effect: moved(source, "/project/src/app.go")},
		{agent: coding, argv: []string{"rm", "-f", source}, tried: "rm: unlink " + source,
			want: allow, rule: writes, about: changing("unlink", source), effect: gone(source)},
		{agent: coding, argv: line("npm test"), tried: "bash: execve " + w.shownNpm() + " test",
			want: allow, rule: tests, about: executing(w.npm), effect: printed(ran("test"))},
		{agent: coding, argv: line("npm run deploy"), tried: "bash: execve " + w.shownNpm() + " run deploy",
			want: deny, reason: noRule, about: executing(w.npm), effect: printed(ran("run", "deploy"))},
		{agent: coding, argv: []string{"touch", "/project/notes.md"}, tried: "touch: create /project/notes.md",
			want: deny, reason: noRule, about: changing("create", "/project/notes.md"), effect: exists("/project/notes.md")},
		{agent: coding, argv: []string{"mv", source, "/project/main.go"}, tried: "mv: rename …/src/main.go to /project/main.go",
			want: deny, reason: noRule, about: changing("rename-to", "/project/main.go"), effect: moved(source, "/project/main.go")},
		{agent: coding, argv: []string{"ln", readme, "/project/src/mine.md"}, tried: "ln: link " + readme + " into …/src",
			want: deny, reason: noRule, about: changing("link-from", readme), effect: exists("/project/src/mine.md")},
		{agent: coding, argv: []string{"cat", dataset}, tried: "cat: open " + dataset + " for reading",
			want: deny, reason: noRule, about: reading(dataset), effect: printed(datasetText)},
		{agent: coding, argv: line("%s", dial(w.deploy.addr.String(), w.deploy.port)), tried: "bash: connect " + w.deploy.String() + " (deploy target)",
			want: deny, reason: noRule, about: connecting(w.deploy), effect: greeted()},
	}
}

// codingTricks: what a confined agent might try next. Names, links, copies and cgroups change nothing.
func codingTricks(w *world) []attempt {
	const writes, moved = "allow-src-writes", "moved"
	link, copied, made := "/project/src/data", "/project/src/npm", "/project/src/test"
	procs := w.cgroup + "/cgroup.procs"

	return []attempt{
		{agent: coding, argv: []string{"ln", "-s", "/data/research", link}, tried: "ln: symlink " + link + " (research data)",
			want: allow, rule: writes, about: changing("symlink", link), effect: exists(link)},
		{agent: coding, argv: []string{"cat", link + "/dataset.csv"}, tried: "cat: open …/src/data/dataset.csv, by that link",
			want: deny, reason: noRule, about: reading(dataset), effect: printed(datasetText), keep: true},
		{agent: coding, argv: []string{"cat", "/proc/self/root" + dataset}, tried: "cat: open /proc/self/root/data/…/dataset.csv",
			want: deny, reason: noRule, about: reading(dataset), effect: printed(datasetText)},
		{agent: coding, argv: line("cd /project/src && exec -a npm touch test"), tried: "bash: execve /usr/bin/touch as npm, with test",
			want: deny, reason: noRule, about: executing("/usr/bin/touch"), effect: exists(made)},
		{agent: coding, argv: line("PATH=/project/src:$PATH; npm test"), tried: "bash: execve " + copied + " test (a copy)",
			want: deny, reason: noRule, about: executing(copied), effect: printed(ran("test")),
			before: func(w *world) error { return copyProgram(w.npm, copied) }},
		{agent: coding, argv: line("echo $$ > %s && echo %s", procs, moved), tried: "bash: open " + procs + " for writing",
			want: deny, reason: noRule, about: writing(procs), effect: printed(moved)},
	}
}
