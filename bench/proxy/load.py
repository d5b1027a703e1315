"""The load: wrk, h2load and hold.py on the load core, and what they report. Any failed request fails the measurement."""
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from machine import LOAD_CORE, Failed, pinned

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 64
OPEN_LOOP_RATE = 6400
HANDSHAKES_AT_ONCE = 64
SUITE = "TLS_AES_128_GCM_SHA256"
# h2load sets its own suites and groups over those of OPENSSL_CONF.
H2LOAD = ["h2load", "--h1", "-t1", f"--tls13-ciphers={SUITE}", "--groups=X25519"]
IDLE_CONNECTIONS = 5000
BODY_BYTES = 1024
MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


@dataclass
class Target:
    """Where the load goes, and with what."""

    port: int
    path: str
    host: str
    certs: str
    tls: bool = False
    token: str | None = None

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}{self.path}"

    @property
    def headers(self):
        return {"Host": self.host} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    @property
    def environment(self):
        return dict(os.environ, OPENSSL_CONF=f"{self.certs}/client-openssl.cnf")

    def run(self, command):
        done = subprocess.run(pinned(command, LOAD_CORE), capture_output=True, text=True, env=self.environment)
        if done.returncode:
            raise Failed(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return done.stdout


def probe(target, expected=200, seconds=10):
    """Waits until one request has the expected status; a 200 must carry the origin's body."""
    deadline, got = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            got = status_and_body(target)
            if got[0] == expected and (expected != 200 or got[1] == b"x" * BODY_BYTES):
                return
        except (OSError, http.client.HTTPException) as error:
            got = error
        time.sleep(0.1)
    raise Failed(f"{target.url}: expected {expected}, got {got}")


def status_and_body(target):
    if target.tls:
        context = ssl.create_default_context(cafile=f"{target.certs}/ca.pem")
        connection = http.client.HTTPSConnection("localhost", target.port, timeout=3, context=context)
    else:
        connection = http.client.HTTPConnection("localhost", target.port, timeout=3)
    try:
        connection.request("GET", target.path, headers=target.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def keep_alive(target, seconds):
    fields = [part for name, value in target.headers.items() for part in ("-H", f"{name}: {value}")]
    out = target.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *fields, target.url])
    for failure in (r"Non-2xx or 3xx responses: \d+", r"Socket errors: .*"):
        if found := re.search(failure, out):
            raise Failed(f"wrk: {found[0]}")
    percentile = lambda which: microseconds(re.search(rf"^\s+{which}%\s+(\S+)", out, re.M)[1])
    return {
        "requests": int(re.search(r"(\d+) requests in", out)[1]),
        "rps": float(re.search(r"Requests/sec:\s*([\d.]+)", out)[1]),
        "p50_us": percentile(50), "p99_us": percentile(99),
    }


def microseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * MICROSECONDS[unit]


def open_loop(target, seconds):
    fields = [part for name, value in target.headers.items() if name != "Host" for part in ("-H", f"{name}: {value}")]
    with tempfile.NamedTemporaryFile() as log:
        rate = OPEN_LOOP_RATE // CONNECTIONS
        target.run([*H2LOAD, f"-c{CONNECTIONS}", f"--rps={rate}", f"-D{seconds}", f"--log-file={log.name}",
                    f"--connect-to=127.0.0.1:{target.port}", *fields, f"{target.url.replace('localhost', target.host)}"])
        rows = [line.split(b"\t") for line in log.read().splitlines()]
    failed = sum(row[1] != b"200" for row in rows)
    if failed or not rows:
        raise Failed(f"h2load: {failed} of {len(rows)} requests failed")
    times = sorted(int(row[2]) for row in rows)
    return {"requests": len(times), "rps": len(times) / seconds, "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}


def handshakes(target, seconds):
    """Rounds of new connections with one request each: a client of h2load never takes up the session of another."""
    command = [*H2LOAD, f"-n{HANDSHAKES_AT_ONCE}", f"-c{HANDSHAKES_AT_ONCE}",
               f"--connect-to=127.0.0.1:{target.port}", target.url.replace("localhost", target.host)]
    done, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        out = target.run(command)
        if f" {HANDSHAKES_AT_ONCE} succeeded, 0 failed, 0 errored, 0 timeout" not in out or SUITE not in out:
            raise Failed(f"h2load: {out.strip()[-500:]}")
        done += HANDSHAKES_AT_ONCE
    return {"requests": done, "rps": done / (time.monotonic() - began)}


def hold_idle(target, processes):
    """Opens the idle connections and returns the process that holds them."""
    trust = [f"{target.certs}/ca.pem"] if target.tls else []
    command = [sys.executable, f"{HERE}/hold.py", str(target.port), target.host, target.path, str(IDLE_CONNECTIONS), *trust]
    holder = processes.start(command, LOAD_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=target.environment)
    line = holder.stdout.readline()
    if not line or json.loads(line)["failed"]:
        raise Failed(f"hold.py: not every idle connection opened: {line.strip() or 'it ended'}")
    return holder
