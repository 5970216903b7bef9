"""Measure speed and memory against other engines in one run -> results/bench.json and docs/benchmarks.md.

    make bench                                     all groups, about an hour on two cores
    python benchmarks/speed/bench.py epoch peak    these groups; rows of other groups stay as they were

Contestants take turns, at least REPEATS times each, and medians are compared. A ratio above 1 means that this project
is better. Seeds that train side by side share the time: two seeds in 1.2 s are 0.6 s per epoch and seed. Nothing else
should run on the machine meanwhile.
"""

import argparse
import json
import platform
import time

import psutil
from arrays import ROOT, scratch
from groups import GROUPS, SEEDS, Row, say
from team import CORES

from overfitting.config.composition import compose_variants

RESULTS = ROOT / "results/bench.json"
PAGE = ROOT / "docs/benchmarks.md"


def table(found: dict[str, Row]) -> str:
    """Rows as a Markdown table."""
    lines = ["| row | ours | reference | unit | ratio |", "|---|---|---|---|---|"]
    lines += [
        f"| `{name}` | {row['ours']:.4g} | {row['reference']:.4g} | {row['unit']} | {row['ratio']:.2f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def write(found: dict[str, Row]) -> None:
    """Add the rows to results/bench.json, then replace the table of docs/benchmarks.md."""
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    merged = {**known, **found}
    RESULTS.write_text(json.dumps(merged, indent=2) + "\n")
    begin, end = "<!-- table -->\n", "<!-- /table -->"
    text = PAGE.read_text()
    before, rest = text.split(begin)
    PAGE.write_text(f"{before}{begin}{table(merged)}\n{end}{rest.split(end)[1]}")


def machine() -> str:
    """Cores, memory and Python of this machine."""
    return f"{CORES} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}"


def main() -> None:
    """Measure the groups named on the command line, and write after each one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=f"some of {', '.join(GROUPS)} (default: all)")
    chosen = parser.parse_args().groups or list(GROUPS)
    if unknown := set(chosen) - set(GROUPS):
        parser.error(f"unknown group {', '.join(sorted(unknown))}; expected some of {', '.join(GROUPS)}")
    say(machine())
    variants = {name: config.variant.settings() for name, config in compose_variants().items()}
    with scratch({"seeds": SEEDS}) as data:
        for name in chosen:
            started = time.monotonic()
            found = GROUPS[name](data, variants)
            write(found)
            say(f"{name}: {time.monotonic() - started:.0f} s")
            for row, values in found.items():
                figures = "  ".join(f"{values[key]:10.4g}" for key in ("ours", "reference", "ratio"))
                print(f"{row:24} {figures}  {values['unit']}")


if __name__ == "__main__":
    main()
