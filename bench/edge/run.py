"""`./x bench edge`: what limits and API keys cost for one request, and the memory of a flood of keys.

These are costs of the parts, in one process and without a network: what a request pays for them on top of the hop."""
import argparse
import json
import os
import shlex
import subprocess
import sys

import results

BINARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../target/release/bench-edge")

# Case, what it is, unit, goal (at most, or at least where it says so), and where the figure is.
CASES = [
    ("rate", "a rate limit by subject: its key and its count", "ns", 500, ("rate_ns",)),
    ("quota", "a quota by subject: its key, which lasts, and its count", "ns", 1_000, ("quota_ns",)),
    ("api-key", "an API key read and compared", "ns", 2_000, ("key_ns",)),
    ("flood-step", "a rate limit while 10 million keys come at once", "ns", 1_000, ("flood", "ns")),
    ("flood-memory", "what the process grows by in that flood", "MiB", 64, ("flood", "grown_mib")),
    ("flood-lost", "callers of before, of 1,000, that the flood displaced", "callers", 0, ("flood", "lost")),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--no-write", action="store_true")
    given = parser.parse_args()
    done = subprocess.run([BINARY], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print("bench: bench-edge failed", file=sys.stderr)
        return 2
    figures = json.loads(done.stdout)
    figures["flood"]["lost"] = figures["flood"]["honest"] - figures["flood"]["honest_kept"]
    rows = []
    for name, _, unit, goal, path in CASES:
        value = figures
        for key in path:
            value = value[key]
        ours = round(value, 1)
        rows.append({"case": name, "unit": unit, "ours": ours, "peers": {}, "ratio": None, "goal": goal, "met": ours <= goal})
    print(json.dumps(rows, indent=1) if given.output == "json" else "\n".join(map(results.line, rows)))
    if not given.no_write:
        command = shlex.join(["./x", "bench", "edge", *sys.argv[1:]])
        shown = [[name, title, f"{row['ours']} {unit}", f"≤ {goal}"] for (name, title, unit, goal, _), row in zip(CASES, rows)]
        results.write("edge", [results.head(command), results.table(["case", "what", "ours", "goal"], shown)])
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
