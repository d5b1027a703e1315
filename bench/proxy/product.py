"""Our own side: a mesh repository for the benches, `selvedge control` on the load core, and the roles on the proxy's core.

The roles are the product as shipped: every stage on, a record for every hop, a thousand more rules than the case needs.
"""
import os
import shutil
import subprocess

from machine import LOAD_CORE, PROXY_CORE, Failed
from peers import AUDIENCE, HERE, ISSUER, ORIGIN_PORT

BALLAST_RULES = 1000
NAME = "selvedge"
PORTS = {"plain": 9100, "tls": 9101, "token": 9101, "mesh": 9104}
LINK_PORT, CONTROL_ADMIN_PORT = 9120, 9121
# One node's mesh address and one admin address for each role.
MESH_PORTS = {"a": 9130, "b": 9131}
ADMIN_PORTS = {"edge": 9140, "a": 9141, "b": 9142}


class Product:
    """Measured like a peer (see peers.Proxy)."""

    name, ports, host, mesh_host, token_path = NAME, PORTS, "localhost", "hop", "/token"

    def __init__(self, program, work, certs):
        self.program, self.work = os.path.abspath(program), f"{work}/selvedge"
        if not os.access(self.program, os.X_OK):
            raise Failed(f"no program at {program}: run `./x build` first, or say `--peers-only`")
        self.values = {"origin": ORIGIN_PORT, "issuer": ISSUER, "audience": AUDIENCE, "certs": certs, "uid": os.getuid()} | PORTS

    def start(self, part, processes):
        """Starts control, then the roles of `part`. Returns the pids of the roles: control serves no request."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.write_mesh(f"{self.work}/mesh")
        processes.start([self.program, "control", f"{self.work}/mesh", "--state", f"{self.work}/control",
                         "--listen", f"127.0.0.1:{LINK_PORT}", "--admin", f"127.0.0.1:{CONTROL_ADMIN_PORT}"], LOAD_CORE)
        processes.wait_port(LINK_PORT)
        if part == "edge":
            return [self.start_role(processes, "edge", ["gateway", "edge"], ["--gateway", "edge"])]
        return [self.start_node(processes, "b", "hop"), self.start_node(processes, "a", "client")]

    def start_node(self, processes, name, service):
        address = f"127.0.0.1:{MESH_PORTS[name]}"
        role = ["node", name, "--mesh-listen", address, "--advertise", address]
        pid = self.start_role(processes, name, role, ["--node", name, "--service", service])
        processes.wait_port(MESH_PORTS[name])
        return pid

    def start_role(self, processes, name, role, token_for):
        token = self.join_token(token_for)
        common = ["--join", token, "--state", f"{self.work}/{name}", "--admin", f"127.0.0.1:{ADMIN_PORTS[name]}", "--workers", "1"]
        return processes.start([self.program, *role, *common], PROXY_CORE).pid

    def join_token(self, token_for):
        command = [self.program, "identity", "join-token", "--state", f"{self.work}/control", *token_for]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"`selvedge identity join-token` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def write_mesh(self, directory):
        os.makedirs(directory)
        for name in sorted(os.listdir(f"{HERE}/mesh")):
            with open(f"{HERE}/mesh/{name}") as template, open(f"{directory}/{name}", "w") as out:
                text = template.read()
                for key, value in self.values.items():
                    text = text.replace(f"@{key.upper()}@", str(value))
                out.write(text)
        with open(f"{directory}/ballast.yaml", "w") as out:
            out.write(ballast(BALLAST_RULES))


def ballast(count):
    """`count` rules that no request of the benches matches: every second one wants a token."""
    rules = []
    for number in range(count):
        credential = "anonymous: true" if number % 2 else "token: bench, scopes: [read]"
        rules.append(f"    - name: ballast-{number}\n      from: {{ gateway: edge, {credential} }}\n"
                     f"      methods: [GET]\n      paths: [/ballast-{number}, \"/ballast-{number}/{{id}}\"]\n")
    head = "apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: { name: ballast }\nspec:\n  service: origin\n  rules:\n"
    return head + "".join(rules)
