"""What all benches share: the machine in one line, the line of a case, tables, and each bench's section of RESULTS.md."""
import datetime
import os
import platform

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "RESULTS.md")
HEAD = "# Results: the last full run of each bench\n"


def line(row):
    """A row as text; the best peer first."""
    peers = ", ".join(f"{name} {cost}" for name, cost in sorted(row["peers"].items(), key=lambda peer: peer[1]))
    ours = "not measured" if row["ours"] is None else row["ours"]
    ratio = "" if row["ratio"] is None else f", ratio {row['ratio']}"
    verdict = "met" if row["met"] else "NOT MET"
    return f"{row['case']:2} {row['unit']}: ours {ours} | {peers or 'no peer'}{ratio}, goal {row['goal']}: {verdict}"


# What else ran on the machine when the bench began: figures of a busy machine are worth little.
LOAD = os.getloadavg()[0]


def head(command):
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return f"- machine: {machine()}, load {LOAD:.1f} at the start\n- date: {date}\n- command: `{command}`"


def machine():
    """The machine, in one line."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def shown(value):
    return "–" if value is None else str(value)


def table(names, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in [names, ["---"] * len(names), *rows])


def write(bench, parts):
    """Replaces the section of `bench` in RESULTS.md, and leaves the others as they are."""
    sections = read() | {bench: "\n\n".join(parts) + "\n"}
    with open(RESULTS, "w") as out:
        out.write("\n".join([HEAD] + [f"## {name}\n\n{sections[name]}" for name in sorted(sections)]))


def read():
    """The sections by the name of their bench. What stands before the first is the head, and written anew."""
    sections = {}
    if not os.path.exists(RESULTS):
        return sections
    with open(RESULTS) as results:
        for part in ("\n" + results.read()).split("\n## ")[1:]:
            name, _, text = part.partition("\n")
            sections[name.strip()] = text.strip("\n") + "\n"
    return sections
