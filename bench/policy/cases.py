"""What is measured, and the goal of each case: the one table of goals. Goals are absolute, in the case's unit."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    unit: str
    goal: float
    # Where the figure is: a program's output, and a path of keys in it. Programs that lack it are not compared.
    world: str
    figure: tuple


CASES = {
    case.name: case
    for case in [
        Case("decide", "a decision about random facts, over 10,000 rules in 1,000 services, half of them with a condition that is lowered", "ns", 200, "lowered", ("all", "median_ns")),
        Case("decide-allocations", "allocations of such a decision", "allocations", 0, "lowered", ("all", "allocations")),
        Case("residual", "the same where every rule has a condition that stays Cedar", "ns", 4_000, "residual", ("all", "median_ns")),
        Case("memory", "what decisions read: rules, patterns, names, and the tables to find them", "bytes/rule", 200, "lowered", ("index_bytes_per_rule",)),
        Case("check", "`selvedge check` of that repository, from start to end", "s", 1, "command", ("check_s",)),
        Case("plan", "`selvedge plan` of it against another in which one service of a hundred changed", "s", 3, "command", ("plan_s",)),
    ]
}
