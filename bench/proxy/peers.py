"""The peers: how each is configured and started, and on which ports it then listens."""
import glob
import json
import os
import shutil
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/peers")
import envoy  # noqa: E402

from machine import PROXY_CORE, Failed  # noqa: E402

ORIGIN_PORT = 9000
ISSUER_PORT = 9010
ISSUER = f"http://127.0.0.1:{ISSUER_PORT}"
AUDIENCE = "https://api.bench.test"


@dataclass(frozen=True)
class Proxy:
    """A proxy that can be measured. `ports` has only the cases that it can do."""

    name: str
    ports: dict
    commands: dict  # "edge" or "mesh" → a list of command lines, in the order of starting
    host: str = "localhost"
    mesh_host: str = "localhost"
    token_path: str = "/bench"

    def start(self, part, processes):
        """Starts it on the proxy's core and returns the pids whose cost counts."""
        return [processes.start(command, PROXY_CORE).pid for command in self.commands[part]]


def all_peers(work, certs, venv):
    """Writes every peer's configuration below `work`."""
    return [nginx(work, certs), haproxy(work, certs), *envoys(work, certs, venv)]


def found(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise Failed(f"`{program}` is missing: run bench/proxy/setup.sh")
    return path


def fill(names, out, values):
    text = "".join(open(f"{HERE}/peers/{name}").read() for name in names)
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    with open(out, "w") as file:
        file.write(text)
    return out


def nginx(work, certs):
    ports = {"plain": 8100, "tls": 8101}
    out = fill(["nginx.conf"], f"{work}/nginx.conf", ports | {"origin": ORIGIN_PORT, "certs": certs, "run": work})
    return Proxy("nginx", ports, {"edge": [[found("nginx"), "-c", out]]})


def haproxy(work, certs):
    ports = {"plain": 8200, "tls": 8201, "token": 8202, "mesh": 8204}
    values = ports | {"hop": 8205, "origin": ORIGIN_PORT, "certs": certs}

    def command(part):
        return [found("haproxy"), "-f", fill(["haproxy.cfg", f"haproxy-{part}.cfg"], f"{work}/haproxy-{part}.cfg", values)]

    return Proxy("haproxy", ports, {"edge": [command("edge")], "mesh": [command("mesh-b"), command("mesh-a")]})


def envoys(work, certs, venv):
    """Envoy, and Envoy with its token cache: a peer of its own in the one case where it differs."""
    programs = glob.glob(f"{venv}/lib/python3*/site-packages/envoy/_bin/envoy")
    if not programs:
        raise Failed(f"no Envoy in {venv}: run bench/proxy/setup.sh")
    ports = {"plain": 8300, "tls": 8301, "token": 8302, "mesh": 8304}
    values = ports | {"token_cached": 8303, "hop": 8305, "origin": ORIGIN_PORT}

    def command(part):
        out = f"{work}/envoy-{part}.json"
        with open(out, "w") as file:
            json.dump(envoy.config(part, certs, values, ISSUER), file)
        return [programs[0], "-c", out, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]

    edge = [command("edge")]
    cached = Proxy("envoy+cache", {"token": values["token_cached"]}, {"edge": edge})
    return [Proxy("envoy", ports, {"edge": edge, "mesh": [command("mesh-b"), command("mesh-a")]}), cached]
