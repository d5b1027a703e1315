"""`./x bench proxy`: our program beside nginx, HAProxy and Envoy, every case, interleaved, the median of the rounds."""
import argparse
import http.server
import json
import os
import shlex
import sys
import threading
from dataclasses import dataclass

import certs
import report
import results
from cases import CASES, DEFAULT
from machine import LOAD_CORE, Failed
from measure import can, measure
from peers import AUDIENCE, HERE, ISSUER, ISSUER_PORT, all_peers
from product import NAME, Product

ROOT = os.path.dirname(os.path.dirname(HERE))


@dataclass
class Bench:
    """What every measurement of a run shares."""

    work: str
    certs: str
    tools: str
    token: str
    seconds: int


def arguments():
    parser = argparse.ArgumentParser(prog="./x bench proxy", description=__doc__)
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--cases", default=DEFAULT, help=f"a list in quotes, of: {' '.join(CASES)} (default: {DEFAULT})")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--only", help="measure these proxies alone, a list in quotes")
    parser.add_argument("--peers-only", action="store_true", help="leave our own program out")
    parser.add_argument("--no-write", action="store_true", help="leave bench/RESULTS.md as it is")
    given = parser.parse_args()
    if unknown := [name for name in given.cases.split() if name not in CASES]:
        parser.error(f"no case `{unknown[0]}`: choose of {' '.join(CASES)}")
    if given.rounds < 1 or given.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    return given


class Issuer(http.server.BaseHTTPRequestHandler):
    """OIDC discovery and keys of the issuer whose token case c carries."""

    documents = {}

    def do_GET(self):
        body = self.documents.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


def serve_issuer(jwks):
    discovery = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
    Issuer.documents = {"/.well-known/openid-configuration": json.dumps(discovery).encode(), "/jwks": jwks}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ISSUER_PORT), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def prepare(seconds, cache):
    work = f"{cache}/work"
    certs.make(f"{work}/certs", ISSUER, AUDIENCE)
    with open(f"{work}/certs/jwks.json", "rb") as jwks, open(f"{work}/certs/token") as token:
        serve_issuer(jwks.read())
        return Bench(work, f"{work}/certs", f"{ROOT}/target/release", token.read(), seconds)


def run(proxies, names, rounds, bench):
    """Every proxy in every case, round by round, so that a machine that warms or tires does so for all."""
    runs = {case: {proxy.name: [] for proxy in proxies if can(proxy, CASES[case])} for case in names}
    failed = False
    for number in range(1, rounds + 1):
        for case in names:
            for proxy in filter(lambda proxy: proxy.name in runs[case], proxies):
                try:
                    done = measure(proxy, CASES[case], bench)
                    runs[case][proxy.name].append(done)
                    print(f"round {number}  {case:2} {proxy.name:12} {done['cost']:8.2f} {CASES[case].unit}", file=sys.stderr)
                except (Failed, OSError) as error:
                    failed = True
                    print(f"round {number}  {case:2} {proxy.name:12} FAILED: {error}", file=sys.stderr)
    return runs, failed


def main():
    given = arguments()
    os.sched_setaffinity(0, {int(core) for core in LOAD_CORE.split(",")})
    cache = os.environ["SELVEDGE_BENCH_CACHE"]
    try:
        bench = prepare(given.seconds, cache)
        proxies = all_peers(bench.work, bench.certs, f"{cache}/venv")
        if not given.peers_only:
            program = os.environ.get("SELVEDGE", f"{ROOT}/target/dist/selvedge")
            proxies.insert(0, Product(program, bench.work, bench.certs))
    except (Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    proxies = [proxy for proxy in proxies if not given.only or proxy.name in given.only.split()]
    runs, failed = run(proxies, given.cases.split(), given.rounds, bench)
    rows = report.summary(runs)
    print(json.dumps(rows, indent=1) if given.output == "json" else "\n".join(map(results.line, rows)))
    full = not given.peers_only and not given.only and set(DEFAULT.split()) <= set(given.cases.split())
    if full and not failed and not given.no_write:
        results.write("proxy", report.section(rows, runs, shlex.join(["./x", "bench", "proxy", *sys.argv[1:]])))
    return 2 if failed else 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
