"""What a run came to: the list for `--output json`, and the section of RESULTS.md."""
from statistics import median

import results
from cases import CASES
from results import shown

OURS = "selvedge"
EXPLANATION = """\
Medians over the rounds. Each engine decides in its own process, on one core, the same random facts over the same rules; the
peers' answers are compared with ours before the clock runs, and a difference ends the run. Facts are drawn to satisfy a
random rule, then half of them lose one thing. Cedar's `Authorizer` evaluates the whole rendered set; OPA gets one Rego rule
for each of ours, with literals for its rule index, and a prepared query. Our decisions are timed in batches of 32, whose facts
are read just before, as if they had just been parsed, while rules are mostly not in the processor's cache; the peers' one by
one. "memory" is what our decisions read; "bytes/rule held" counts what answers show, too: names of rules and their places.
"Goal" is absolute; "ratio" is ours to the best peer."""


def entry(case, by_program):
    """One case: `by_program` is program → the figures of each round."""
    costs = {name: middle(done, case.figure) for name, done in by_program.items()}
    costs = {name: cost for name, cost in costs.items() if cost is not None}
    ours = costs.pop(OURS, None)
    best = min(costs.values(), default=None)
    ratio = rounded(ours / best) if ours is not None and best else None
    return {
        "case": case.name, "unit": case.unit, "ours": ours, "peers": costs, "ratio": ratio, "goal": case.goal,
        "met": ours is not None and ours <= case.goal,
    }


def middle(done, path):
    """The median over the rounds of the figure at a path of keys."""
    values = []
    for figures in done:
        for key in path:
            figures = figures.get(key) if isinstance(figures, dict) else None
        if figures is not None:
            values.append(figures)
    return rounded(median(values)) if values else None


def rounded(value):
    """Three places below one, one place below a thousand, else whole."""
    return round(value, 3) if value < 1 else round(value, 1) if value < 1_000 else round(value)


def section(rows, runs, command):
    """The parts of the section in RESULTS.md."""
    names = sorted({name for row in rows for name in row["peers"]})
    head = ["case", "unit", "ours", *names, "ratio", "goal", "met"]
    return [
        results.head(command), EXPLANATION, results.table(head, [cells(row, names) for row in rows]),
        "\n".join(f"- **{row['case']}**: {CASES[row['case']].title}" for row in rows),
        results.table(["rules", "engine", "allowed ns", "denied ns", "all p99 ns", "allocations", "compile ms", "bytes/rule held", "decisions"], details(runs)),
    ]


def cells(row, names):
    peers = [shown(row["peers"].get(name)) for name in names]
    return [row["case"], row["unit"], shown(row["ours"]), *peers, shown(row["ratio"]), str(row["goal"]), "yes" if row["met"] else "no"]


def details(runs):
    paths = [("allowed", "median_ns"), ("denied", "median_ns"), ("all", "p99_ns"), ("all", "allocations"), ("prepare_ms",), ("bytes_per_rule",), ("all", "decisions")]
    return [
        [world, name, *(shown(middle(done, path)) for path in paths)]
        for world in ["lowered", "residual"] for name, done in runs[world].items()
    ]
