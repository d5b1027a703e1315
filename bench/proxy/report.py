"""What a run came to: the list for `--output json`, and the section of RESULTS.md."""
from statistics import median

import results
from cases import CASES
from results import shown

OURS = "selvedge"
EXPLANATION = """\
Medians over the rounds, every proxy pinned to one core, load and origin on another. "Goal" is the greatest ratio of ours to
the best peer that meets it (bench/proxy/cases.py). "Prototype" is the bare hyper-per-core prototype on the machine of the
design document: no policy, no limits, no records. A dash is a proxy that cannot do the case, or was not measured."""


def summary(runs):
    """One entry for each case: `runs` is case → proxy → a list of measurements (an empty list: it failed)."""
    return [entry(CASES[name], by_proxy) for name, by_proxy in runs.items()]


def entry(case, by_proxy):
    costs = {name: round(median(run["cost"] for run in done), 2) for name, done in by_proxy.items() if done}
    ours = costs.pop(OURS, None)
    # The ratio is to the best peer that was measured; without ours or without any peer there is none, and nothing is met.
    ratio = round(ours / min(costs.values()), 3) if ours is not None and costs else None
    return {
        "case": case.name, "unit": case.unit, "ours": ours, "peers": costs,
        "ratio": ratio, "goal": case.goal, "met": ratio is not None and ratio <= case.goal,
    }


def section(rows, runs, command):
    """The parts of the section in RESULTS.md."""
    names = sorted({name for row in rows for name in row["peers"]})
    head = ["case", "unit", "ours", *names, "ratio", "goal", "met", "prototype"]
    detail_head = ["case", "proxy", "rounds", "requests/s", "p50 µs", "p99 µs", "resident MiB"]
    return [
        results.head(command), EXPLANATION, results.table(head, [cells(row, names) for row in rows]),
        "\n".join(f"- **{row['case']}**: {CASES[row['case']].title}" for row in rows),
        "With two cores the load side saturates first, so requests/s compare little: the cost above is the figure that counts.",
        results.table(detail_head, details(runs)),
    ]


def cells(row, names):
    peers = [shown(row["peers"].get(name)) for name in names]
    verdict = "yes" if row["met"] else "no"
    return [row["case"], row["unit"], shown(row["ours"]), *peers, shown(row["ratio"]), str(row["goal"]), verdict, shown(CASES[row["case"]].prototype)]


def details(runs):
    rows = []
    for case, by_proxy in runs.items():
        for name, done in by_proxy.items():
            middle = lambda key: f"{median(run[key] for run in done):.0f}" if done and key in done[0] else "–"
            resident = f"{median(run['rss_kib'] for run in done) / 1024:.1f}" if done else "–"
            rows.append([case, name, str(len(done)), middle("rps"), middle("p50_us"), middle("p99_us"), resident])
    return rows
