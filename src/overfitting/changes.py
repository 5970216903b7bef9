"""What a branch changes against a base: parameters, metrics and ranking, as Markdown for a pull request."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from overfitting import files
from overfitting.errors import UserError
from overfitting.statistics import PRIMARY

MARK = "<!-- overfitting: what this pull request changes -->"


def describe(base: str) -> str:
    """The comment: `dvc params diff`, `dvc metrics diff` and the ranking before and after, of the current folder.

    Raises:
        UserError: there are no results here, or git knows no `base`.
    """
    if not files.METRICS.is_file():
        raise UserError(f"expected {files.METRICS}; run `dvc repro` first")
    if subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}"], capture_output=True
    ).returncode:
        raise UserError(
            f"expected the name of a commit or branch to compare with, got {base!r}, which git does not know"
        )
    after = files.read_json(files.METRICS)
    return "\n".join(
        [
            MARK,
            f"**{after['verdict']['sentence']}**",
            "",
            f"### Parameters against `{base}`",
            "",
            _dvc("params", base) or "None changed.",
            "",
            "### Ranking by test log loss",
            "",
            ranking(_metrics_at(base), after),
            "",
            "### Test log loss and AUC",
            "",
            _dvc("metrics", base) or "None changed.",
            "",
        ]
    )


def ranking(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """Markdown table of the variants by their rank now, with what they had before (None: the base has no results)."""
    old = {} if before is None else before["variants"]
    lines = ["| rank | variant | before | now | group |", "|---|---|---|---|---|"]
    for rank, name in enumerate(after["verdict"]["ranking"], start=1):
        now = after["variants"][name]
        lines.append(f"| {rank} | {name} | {_interval(old.get(name))} | {_interval(now)} | {now['group']} |")
    lines += [f"| | ~~{name}~~ | {_interval(old[name])} | | |" for name in old if name not in after["variants"]]
    return "\n".join(lines)


def _interval(variant: Mapping[str, Any] | None) -> str:
    if variant is None:
        return "–"
    found = variant[PRIMARY]
    if found["ci_low"] is None:
        return f"{found['mean']:.4f}"
    return f"{found['mean']:.4f} ({found['ci_low']:.4f} to {found['ci_high']:.4f})"


def _dvc(what: str, base: str) -> str:
    """The table of `dvc params diff` or `dvc metrics diff` against `base`, empty where nothing changed.

    Raises:
        UserError: with what DVC said.
    """
    command = [sys.executable, "-m", "dvc", what, "diff", "--md", base]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc {what} diff {base} failed: {done.stderr.strip()}")
    table = done.stdout.strip()
    return table if table.count("\n") > 1 else ""  # DVC prints a header without rows where nothing changed


def _metrics_at(revision: str) -> dict[str, Any] | None:
    done = subprocess.run(["git", "show", f"{revision}:{files.METRICS}"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None
