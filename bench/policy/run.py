"""`./x bench policy`: our engine, Cedar's Authorizer and OPA on the same rules and facts, interleaved, the median of the rounds."""
import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

import report
import results
from cases import CASES

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("CARGO_TARGET_DIR", f"{ROOT}/target")
CORE = os.environ.get("POLICY_CORE", "0")
# What a slow peer decides in a run: enough for a median, few enough to check every answer beforehand.
PEER_REQUESTS = 400


class Failed(Exception):
    """A measurement that would not mean what it says."""


def arguments():
    parser = argparse.ArgumentParser(prog="./x bench policy", description=__doc__)
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--only", help="measure these alone, a list in quotes of: selvedge cedar opa command")
    parser.add_argument("--no-write", action="store_true", help="leave bench/RESULTS.md as it is")
    given = parser.parse_args()
    if given.rounds < 1 or given.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    return given


class Bench:
    """The programs, and where their input lies."""

    def __init__(self, cache, seconds):
        self.cache, self.seconds = cache, str(seconds)
        self.work = f"{cache}/work/policy"
        self.ours = f"{TARGET}/release/bench-policy"
        self.selvedge = os.environ.get("SELVEDGE", f"{TARGET}/release/selvedge")

    def prepare(self):
        shutil.rmtree(self.work, ignore_errors=True)
        run([self.ours, "repository", f"{self.work}/before"])
        run([self.ours, "repository", "--changed", f"{self.work}/after"])
        for world in ["lowered", "residual"]:
            run([self.ours, *flags(world), "--requests", str(PEER_REQUESTS), "opa", f"{self.work}/{world}"])

    def programs(self):
        """By name: what measures one world, and gives its figures."""
        found = {"selvedge": self.engine, "cedar": self.cedar}
        if os.path.exists(f"{self.cache}/bench-opa"):
            found["opa"] = self.opa
        return found

    def engine(self, world):
        return per_rule(output([self.ours, *flags(world), "decide", "--seconds", self.seconds]))

    def cedar(self, world):
        few = ["--requests", str(PEER_REQUESTS)]
        return per_rule(output([self.ours, *flags(world), *few, "cedar", "--seconds", self.seconds]))

    def opa(self, world):
        files = [f"{self.work}/{world}/{name}" for name in ["policy.rego", "data.json", "requests.json"]]
        return per_rule(output([f"{self.cache}/bench-opa", *files, self.seconds]))

    def command(self):
        before, after = f"{self.work}/before", f"{self.work}/after"
        check, report = timed([self.selvedge, "--output", "json", "check", before])
        plan, difference = timed([self.selvedge, "--output", "json", "plan", after, "--against", before])
        if not report["ok"] or not difference["changes"]:
            raise Failed("`check` found errors, or `plan` found no change")
        return {"check_s": check, "plan_s": plan}


def flags(world):
    return ["--residual"] if world == "residual" else []


def per_rule(figures):
    # Peers have no index apart: all that they hold is what they read.
    index = figures.get("index_bytes", figures["bytes"])
    return figures | {"bytes_per_rule": figures["bytes"] / figures["rules"], "index_bytes_per_rule": index / figures["rules"]}


def run(command):
    """What the program prints, on the one core that is measured."""
    done = subprocess.run(["taskset", "-c", CORE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"`{shlex.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def output(command):
    return json.loads(run(command))


def timed(command):
    """Seconds of a command from start to end, on all cores, as a person waits for it; and what it printed."""
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    spent = time.monotonic() - begun
    if done.returncode != 0:
        raise Failed(f"`{shlex.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return spent, json.loads(done.stdout)


def measure(bench, rounds, only):
    """World → program → the figures of each round."""
    runs = {"lowered": {}, "residual": {}, "command": {}}
    jobs = [(world, name, lambda program=program, world=world: program(world)) for world in ["lowered", "residual"] for name, program in bench.programs().items()]
    jobs.append(("command", "selvedge", bench.command))
    failed = False
    for number in range(1, rounds + 1):
        for world, name, job in jobs:
            if only and (name if world != "command" else "command") not in only:
                continue
            try:
                runs[world].setdefault(name, []).append(job())
                print(f"round {number}  {world:9} {name:9} done", file=sys.stderr)
            except (Failed, OSError, ValueError, KeyError) as error:
                failed = True
                print(f"round {number}  {world:9} {name:9} FAILED: {error}", file=sys.stderr)
    return runs, failed


def main():
    given = arguments()
    bench = Bench(os.environ["SELVEDGE_BENCH_CACHE"], given.seconds)
    try:
        bench.prepare()
    except (Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    runs, failed = measure(bench, given.rounds, given.only.split() if given.only else None)
    rows = [report.entry(case, runs[case.world]) for case in CASES.values()]
    print(json.dumps(rows, indent=1) if given.output == "json" else "\n".join(map(results.line, rows)))
    if not failed and not given.only and not given.no_write:
        results.write("policy", report.section(rows, runs, shlex.join(["./x", "bench", "policy", *sys.argv[1:]])))
    return 2 if failed else 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
