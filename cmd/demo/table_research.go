// SPDX-License-Identifier: Apache-2.0

package main

// researchAttempts: it may read research data and query one API; it cannot write files, execute commands or reach
// anything else.
func researchAttempts(w *world) []attempt {
	const reads, queries = "allow-data-reads", "allow-api-queries"
	api, other, elsewhere := w.api, w.apiOther, w.elsewhere
	mapped := "::ffff:" + api.addr.String()

	return []attempt{
		{agent: research, argv: []string{"cat", dataset}, tried: "cat: open " + dataset + " for reading",
			want: allow, rule: reads, about: reading(dataset), effect: printed(datasetText)},
		{agent: research, argv: []string{"ls", "/data/research"}, tried: "ls: open directory /data/research",
			want: allow, rule: reads, about: reading("/data/research"), effect: printed("dataset.csv")},
		{agent: research, argv: []string{"touch", "/data/research/new.csv"}, tried: "touch: create /data/research/new.csv",
			want: deny, reason: noRule, about: changing("create", "/data/research/new.csv"), effect: exists("/data/research/new.csv")},
		{agent: research, argv: []string{"truncate", "-s", "0", dataset}, tried: "truncate: open …/dataset.csv for writing",
			want: deny, reason: noRule, about: writing(dataset), effect: emptied(dataset)},
		{agent: research, argv: []string{"chmod", "0666", dataset}, tried: "chmod: chmod " + dataset,
			want: deny, reason: noRule, about: changing("setattr", dataset), effect: hasMode(dataset, 0o666)},
		{agent: research, argv: []string{"rm", "-f", dataset}, tried: "rm: unlink " + dataset,
			want: deny, reason: noRule, about: changing("unlink", dataset), effect: gone(dataset)},
		{agent: research, argv: []string{"mv", dataset, "/data/research/old.csv"}, tried: "mv: rename …/dataset.csv to …/old.csv",
			want: deny, reason: noRule, about: changing("rename-from", dataset), effect: moved(dataset, "/data/research/old.csv")},
		{agent: research, argv: []string{"cat", readme}, tried: "cat: open " + readme + " for reading",
			want: deny, reason: noRule, about: reading(readme), effect: printed(readmeText)},
		{agent: research, argv: line("ls /data/research"), tried: "bash: execve /usr/bin/ls /data/research",
			want: deny, reason: noRule, about: executing("/usr/bin/ls"), effect: printed("dataset.csv")},
		{agent: research, argv: line("%s", dial(api.name, api.port)), tried: "bash: connect " + api.String() + " (data API)",
			want: allow, rule: queries, about: connecting(api), effect: greeted(), named: true},
		{agent: research, argv: line("%s", dial(mapped, api.port)), tried: "bash: connect [" + mapped + "]" + api.colonPort() + " (the same)",
			want: allow, rule: queries, about: connecting(api), effect: greeted(), named: true},
		{agent: research, argv: line("%s", dial(other.addr.String(), other.port)), tried: "bash: connect " + other.String() + " (another port)",
			want: deny, reason: noRule, about: connecting(other), effect: greeted()},
		{agent: research, argv: line("%s", dial(elsewhere.addr.String(), elsewhere.port)), tried: "bash: connect " + elsewhere.String() + " (another host)",
			want: deny, reason: noRule, about: connecting(elsewhere), effect: greeted()},
	}
}
