"""One measurement: one proxy, one case."""
import time
from dataclasses import replace

import load
from machine import LOAD_CORE, Failed, Processes, cpu_seconds, rss_kib
from peers import ORIGIN_PORT

WARM_SECONDS = 1
# What a proxy gets to finish work that its last connection left behind before its memory is read.
SETTLE_SECONDS = 1.5


def can(proxy, case):
    return case.port in proxy.ports


def measure(proxy, case, bench):
    """The cost of `case` through `proxy`, in the case's unit, with what else was seen."""
    with Processes(f"{bench.work}/{proxy.name}.log") as processes:
        processes.start([f"{bench.tools}/bench-origin", f"127.0.0.1:{ORIGIN_PORT}", str(load.BODY_BYTES)], LOAD_CORE)
        processes.wait_port(ORIGIN_PORT)
        roots = proxy.start("mesh" if case.port == "mesh" else "edge", processes)
        processes.wait_port(proxy.ports[case.port])
        target = target_of(proxy, case, bench)
        load.probe(target)
        if case.port == "token":
            load.probe(replace(target, token=None), expected=401)
        seen = idle(target, processes, roots) if case.load == "idle" else busy(case, target, roots, bench.seconds)
        processes.require_alive()
        return seen | {"rss_kib": rss_kib(roots)}


def target_of(proxy, case, bench):
    token = case.port == "token"
    return load.Target(
        port=proxy.ports[case.port], path=proxy.token_path if token else "/bench",
        host=proxy.mesh_host if case.port == "mesh" else proxy.host,
        certs=bench.certs, tls=case.tls, token=bench.token if token else None,
    )


def busy(case, target, roots, seconds):
    """CPU microseconds of the proxy for each request."""
    run = {"keep-alive": load.keep_alive, "open-loop": load.open_loop, "handshakes": load.handshakes}[case.load]
    run(target, WARM_SECONDS)
    before = cpu_seconds(roots)
    done = run(target, seconds)
    used = cpu_seconds(roots) - before
    if used <= 0:
        raise Failed("the proxy used no CPU: not the process that served")
    return done | {"cost": used * 1e6 / done["requests"]}


def idle(target, processes, roots):
    """KiB of resident memory for each idle connection."""
    before = rss_kib(roots)
    holder = load.hold_idle(target, processes)
    time.sleep(SETTLE_SECONDS)
    cost = (rss_kib(roots) - before) / load.IDLE_CONNECTIONS
    processes.release(holder)
    return {"cost": cost}
