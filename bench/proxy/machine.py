"""Processes on chosen cores, and what they cost: CPU time and memory of whole process trees, from /proc.

CPU is utime + stime of every process in the tree: user, kernel, and the softirq work that loopback does inline.
"""
import os
import resource
import shlex
import signal
import socket
import subprocess
import time

PROXY_CORE = os.environ.get("PROXY_CORE", "0")
LOAD_CORE = os.environ.get("LOAD_CORE", "1")
NICE = -20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A measurement that would not mean what it says."""


class Processes:
    """The processes of one measurement, ended together."""

    def __init__(self, log_path):
        self.log_path, self.started = log_path, []
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self.started:
                send_group(process.pid, number)
            deadline = time.monotonic() + 4
            while time.monotonic() < deadline and any(process.poll() is None for process in self.started):
                time.sleep(0.02)

    def start(self, command, core, **popen):
        """Starts `command` pinned to `core`. Its standard error goes to the log."""
        with open(self.log_path, "ab") as log:
            settings = {"stdout": log, "stderr": log, "start_new_session": True} | popen
            process = subprocess.Popen(pinned(command, core), **settings)
        self.started.append(process)
        prefer(process.pid)
        return process

    def release(self, process):
        """Ends a process that waits on its standard input."""
        process.stdin.close()
        process.wait(20)
        self.started.remove(process)

    def require_alive(self):
        for process in self.started:
            if process.poll() is not None:
                raise Failed(f"`{shlex.join(process.args)}` ended with {process.returncode}: see {self.log_path}")

    def wait_port(self, port, seconds=15):
        """Waits until something accepts on the loopback port."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.require_alive()
            try:
                socket.create_connection(("127.0.0.1", port), 0.3).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Failed(f"nothing listens on port {port} after {seconds} s: see {self.log_path}")


def pinned(command, core):
    nice = ["nice", "-n", str(NICE)] if os.geteuid() == 0 else []
    return nice + ["taskset", "-c", core] + [str(part) for part in command]


def prefer(pid):
    """With autogroups on, `nice` does not cross sessions: the session's own group has to be raised too."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as group:
            group.write(str(NICE))
    except OSError:
        pass


def send_group(leader, number):
    """Each process is started as the leader of its own session, so that its children end with it."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        pass


def tree(roots):
    """`roots` and all their descendants, parents first."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        fields = stat_fields(entry)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, open_ends = [], list(roots)
    while open_ends:
        pid = open_ends.pop(0)
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


def stat_fields(pid):
    """The fields of /proc/PID/stat after the command's name, or nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return []


def cpu_seconds(roots):
    fields = [stat_fields(pid) for pid in tree(roots)]
    return sum(int(f[11]) + int(f[12]) for f in fields if f) / TICKS_PER_SECOND


def rss_kib(roots):
    total = 0
    for pid in tree(roots):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
        except OSError:
            pass
    return total
