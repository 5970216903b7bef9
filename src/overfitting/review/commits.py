"""Queries git and DVC: the results at a commit, and how the working tree differs from them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.repository import dvc, git
from overfitting.evaluation.results import Metrics

LOCK = Path("dvc.lock")


def common_ancestor(base: str) -> str:
    """The commit at which `base` and the current branch diverged: the branch changes nothing older.

    Raises:
        UserError: git does not know `base`, or it shares no history.
    """
    if git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}") is None:
        raise UserError(
            f"expected the name of a commit or branch to compare with, got {base!r}, which git does not know"
        )
    found = git("merge-base", base, "HEAD")
    if found is None:
        raise UserError(
            f"expected a base that shares history with the current branch, got {base!r}; fetch its whole history"
        )
    return found.strip()


def results(commit: str) -> Metrics:
    """results/metrics.json at `commit`.

    Raises:
        UserError: the commit has none, or another version wrote it.
    """
    text = git("show", f"{commit}:{files.METRICS}")
    if text is None:
        raise UserError(f"commit {commit[:7]} has no {files.METRICS}")
    return Metrics.parse(text, f"{files.METRICS} of commit {commit[:7]}")


def rerun_stages(commit: str) -> dict[str, list[str]]:
    """Stages whose entry in dvc.lock differs from that in `commit`, each with its changed inputs.

    An entry without changed inputs is the same work with another result, as on another machine.
    """
    locks = git("show", f"{commit}:{LOCK}"), LOCK.read_text() if LOCK.is_file() else None
    before, after = (yaml.safe_load(lock)["stages"] if lock else {} for lock in locks)
    found = {}
    for name, entry in after.items():
        if name not in before:
            found[name] = ["a new stage"]
        elif entry != before[name]:
            old, new = _inputs(before[name]), _inputs(entry)
            found[name] = sorted(key for key in old | new if old.get(key) != new.get(key))
    return found


def outdated_stages() -> list[str]:
    """Stages whose outputs do not match the working tree: they failed or did not run.

    Raises:
        UserError: DVC failed.
    """
    return list(json.loads(dvc("status", "--json") or "{}"))


def moved_figures(commit: str) -> list[str]:
    """Names of the figures whose SVG differs from that in `commit`."""
    pattern = f"{files.RESULTS}/figures/*.svg"
    changed = git("diff", "--name-only", "--no-renames", commit, "--", pattern) or ""
    new = git("ls-files", "--others", "--exclude-standard", "--", pattern) or ""
    return sorted(Path(path).stem for path in (changed + new).splitlines())


def _inputs(entry: Mapping[str, Any]) -> dict[str, object]:
    """Inputs of a stage by name: its command, each file, each parameter."""
    inputs: dict[str, object] = {"cmd": entry["cmd"]}
    inputs |= {dependency["path"]: dependency.get("md5") for dependency in entry.get("deps", [])}
    for file, values in entry.get("params", {}).items():
        inputs |= {f"{file}: {key}": value for key, value in values.items()}
    return inputs
