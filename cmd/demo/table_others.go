// SPDX-License-Identifier: Apache-2.0

package main

// deployAttempts: it may reach one host, and deploy when somebody approves in time; it cannot read research data, write source
// code or run tests.
func deployAttempts(w *world) []attempt {
	deploy, api := w.deploy, w.api

	return []attempt{
		{agent: deployer, argv: line("npm run deploy"), tried: "bash: execve " + w.shownNpm() + " run deploy",
			want: approved, rule: "allow-deploy-command", reason: byRoot, about: executing(w.npm), effect: printed(ran("run", "deploy"))},
		{agent: deployer, argv: line("npm run deploy --force"), tried: "bash: execve " + w.shownNpm() + " run deploy --force",
			want: refused, rule: "allow-deploy-command", reason: byRoot, about: executing(w.npm), effect: printed(ran("run", "deploy", "--force"))},
		{agent: deployer, argv: line("npm test"), tried: "bash: execve " + w.shownNpm() + " test",
			want: deny, reason: noRule, about: executing(w.npm), effect: printed(ran("test"))},
		{agent: deployer, argv: line("%s", dial(deploy.name, deploy.port)), tried: "bash: connect " + deploy.String() + " (deploy target)",
			want: allow, rule: "allow-deploy-target", about: connecting(deploy), effect: greeted(), named: true},
		{agent: deployer, argv: line("%s", dial(api.addr.String(), api.port)), tried: "bash: connect " + api.String() + " (data API)",
			want: deny, reason: noRule, about: connecting(api), effect: greeted()},
		{agent: deployer, argv: []string{"cat", dataset}, tried: "cat: open " + dataset + " for reading",
			want: deny, reason: noRule, about: reading(dataset), effect: printed(datasetText)},
		{agent: deployer, argv: []string{"cat", source}, tried: "cat: open " + source + " for reading",
			want: deny, reason: noRule, about: reading(source), effect: printed(sourceText)},
		{agent: deployer, argv: line("echo '%s' >> %s", addedText, source), tried: "bash: open " + source + " for appending",
			want: deny, reason: noRule, about: writing(source), effect: holds(source, addedText)},
		{agent: deployer, argv: line("npm run deploy tonight"), tried: "bash: execve " + w.shownNpm() + " run deploy tonight", before: impatient,
			want: timedOut, rule: "allow-deploy-command", reason: tooLate, about: executing(w.npm), effect: printed(ran("run", "deploy", "tonight"))},
	}
}

// otherAttempts: an identity without a policy is denied everything, and a process that is no agent is not even seen.
func otherAttempts(w *world) []attempt {
	other := w.apiOther
	show := "read -r first < " + dataset + " && echo $first"

	return []attempt{
		{agent: ghost, via: viaRefuse, argv: []string{"cat", dataset}, tried: "caisson: run an agent that has no policy",
			want: deny, effect: printed(datasetText)},
		{agent: ghost, via: viaSlice, argv: []string{show}, tried: "bash: open " + dataset + " for reading",
			want: deny, reason: noPolicy, about: reading(dataset), effect: printed(datasetText)},
		{agent: ghost, via: viaSlice, argv: []string{": > /project/src/mine.go"}, tried: "bash: create /project/src/mine.go",
			want: deny, reason: noPolicy, about: changing("create", "/project/src/mine.go"), effect: exists("/project/src/mine.go")},
		{agent: ghost, via: viaSlice, argv: []string{"exec npm test"}, tried: "bash: execve " + w.shownNpm() + " test",
			want: deny, reason: noPolicy, about: executing(w.npm), effect: printed(ran("test"))},
		{agent: ghost, via: viaSlice, argv: []string{dial(other.addr.String(), other.port)}, tried: "bash: connect " + other.String(),
			want: deny, reason: noPolicy, about: connecting(other), effect: greeted()},

		{agent: nobody, via: viaPlain, argv: []string{"cat", dataset}, tried: "cat: open " + dataset + " for reading",
			want: allow, effect: printed(datasetText)},
		{agent: nobody, via: viaPlain, argv: line("echo '%s' >> %s", addedText, readme), tried: "bash: open " + readme + " for appending",
			want: allow, effect: holds(readme, addedText)},
		{agent: nobody, via: viaPlain, argv: []string{"rm", "-f", dataset}, tried: "rm: unlink " + dataset,
			want: allow, effect: gone(dataset)},
		{agent: nobody, via: viaPlain, argv: line("npm run deploy"), tried: "bash: execve " + w.shownNpm() + " run deploy",
			want: allow, effect: printed(ran("run", "deploy"))},
		{agent: nobody, via: viaPlain, argv: line("%s", dial(other.addr.String(), other.port)), tried: "bash: connect " + other.String(),
			want: allow, effect: greeted()},
	}
}
