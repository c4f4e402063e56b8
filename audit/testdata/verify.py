#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check a caisson audit log with nothing but its description.

usage: verify.py DIRECTORY        prints the number of records, or what is wrong
"""
import hashlib, json, pathlib, sys


def main(directory):
    files = {p.name: p.read_bytes() for p in sorted(pathlib.Path(directory, "segments").glob("*.jsonl"))}
    counts = {}  # how many bytes of a segment count, if a later one says so
    for name, data in reversed(files.items()):
        line = data[: counts.get(name, len(data))].split(b"\n", 1)[0]
        try:
            tails = json.loads(line)["open"]["tails"]
        except (ValueError, KeyError):
            continue
        for tail in tails:
            seg, valid = tail["prev_seg"], tail["valid_bytes"]
            torn = files[seg][valid:]
            if torn and hashlib.sha256(torn).hexdigest() != tail["torn_sha256"]:
                sys.exit(f"{seg}: the torn part has changed")
            counts.setdefault(seg, valid)
    prev, seq = b"0" * 64, 0
    for name, data in files.items():
        for line in data[: counts.get(name, len(data))].splitlines():
            body, digest = line[:-75], hashlib.sha256(b"\0" + line[:-75]).hexdigest().encode()
            if line[-75:] != b',"hash":"' + digest + b'"}':
                sys.exit(f"{name}: record {seq} does not match its hash")
            if not body.startswith(b'{"v":1,"seq":%d,"prev":"%s",' % (seq, prev)):
                sys.exit(f"{name}: record {seq} is not where it belongs")
            json.loads(line)
            prev, seq = digest, seq + 1
    print(seq)


main(sys.argv[1])
