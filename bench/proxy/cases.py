"""What is measured, and the goal of each case: the one table of goals.

`goal` is the greatest ratio of ours to the best peer that meets it. `prototype` is what the bare hyper-per-core prototype
cost on the machine of the design document, to be read beside `ours` and not a goal by itself.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    load: str  # keep-alive | open-loop | handshakes | idle
    port: str  # which of a proxy's ports: plain | tls | token | mesh
    goal: float
    prototype: float | None = None

    @property
    def unit(self):
        return {"handshakes": "µs CPU/handshake", "idle": "KiB/connection"}.get(self.load, "µs CPU/request")

    @property
    def tls(self):
        return self.port in ("tls", "token")


CASES = {
    case.name: case
    for case in [
        Case("a", "plaintext, 64 keep-alive connections", "keep-alive", "plain", 0.8, 11.0),
        Case("b", "TLS 1.3 downstream, 64 keep-alive connections", "keep-alive", "tls", 0.75, 11.2),
        Case("c", "TLS 1.3 and an ES256 token on each request", "keep-alive", "token", 0.3),
        Case("d", "two mesh hops with mTLS between them", "keep-alive", "mesh", 0.6, 16.5),
        Case("e", "full TLS 1.3 handshake, one request each", "handshakes", "tls", 0.6, 114.0),
        Case("f", "idle TLS connection", "idle", "tls", 0.85, 28.0),
        Case("ar", "plaintext, open loop at 6,400 requests/s", "open-loop", "plain", 1.0),
        Case("br", "TLS 1.3, open loop at 6,400 requests/s", "open-loop", "tls", 1.0),
        Case("fp", "idle plaintext connection", "idle", "plain", 1.0),
    ]
}
DEFAULT = "a b c d e f"
