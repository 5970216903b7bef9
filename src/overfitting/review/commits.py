"""What a commit has of the results, and in what the working tree differs from it: git and DVC, asked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from overfitting.base import files
from overfitting.base.errors import UserError

LOCK = Path("dvc.lock")


def common_ancestor(base: str) -> str:
    """The commit from which `base` and what is checked out went apart: what is older is no change of this branch.

    Raises:
        UserError: git knows no `base`, or it shares no history.
    """
    if _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}") is None:
        raise UserError(
            f"expected the name of a commit or branch to compare with, got {base!r}, which git does not know"
        )
    found = _git("merge-base", base, "HEAD")
    if found is None:
        raise UserError(f"expected a base that shares history with what is checked out, got {base!r}; fetch it whole")
    return found.strip()


def metrics(commit: str) -> dict[str, Any] | None:
    """results/metrics.json of `commit`; None where it has none."""
    text = _git("show", f"{commit}:{files.METRICS}")
    return None if text is None else json.loads(text)


def predictions(commit: str) -> pd.DataFrame | None:
    """results/predictions.parquet of `commit`, from DVC's cache or a remote; None, and why, where neither gives it."""
    import dvc.api

    try:
        with dvc.api.open(str(files.PREDICTIONS), rev=commit, mode="rb") as file:
            return pd.read_parquet(file)
    except Exception as error:  # what a remote that does not answer raises is up to its client
        print(f"the predictions of {commit[:7]} are not at hand: {error}", file=sys.stderr)
        return None


def rerun_stages(commit: str) -> dict[str, list[str]]:
    """Stages whose entry in dvc.lock is another one than in `commit`, each with the inputs that changed.

    An entry without a changed input is the same work with another result: it ran on another machine, or before DVC
    was told of a change.
    """
    before, after = _locked(_git("show", f"{commit}:{LOCK}")), _locked(LOCK.read_text() if LOCK.is_file() else None)
    return {
        name: _changed_inputs(before[name], entry) if name in before else ["a new stage"]
        for name, entry in after.items()
        if entry != before.get(name)
    }


def outdated_stages() -> list[str]:
    """Stages whose outputs are not those of what is checked out: they failed, or did not run.

    Raises:
        UserError: with what DVC said.
    """
    return list(json.loads(dvc("status", "--json") or "{}"))


def moved_figures(commit: str) -> list[str]:
    """Names of the figures that are not drawn as in `commit`; a figure is compared by its SVG."""
    folder = f"{files.RESULTS}/figures/*.svg"
    changed = _git("diff", "--name-only", "--no-renames", commit, "--", folder) or ""
    new = _git("ls-files", "--others", "--exclude-standard", "--", folder) or ""
    return sorted(Path(path).stem for path in (changed + new).splitlines())


def dvc(*arguments: str) -> str:
    """Output of a command of DVC.

    Raises:
        UserError: with what DVC said.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _git(*arguments: str) -> str | None:
    """Output of a command of git; None where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode else done.stdout


def _locked(text: str | None) -> dict[str, Any]:
    return {} if text is None else yaml.safe_load(text)["stages"]


def _changed_inputs(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = _inputs(before), _inputs(after)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _inputs(entry: dict[str, Any]) -> dict[str, Any]:
    """What a stage read, by name: its command, each file, each parameter."""
    inputs = {dependency["path"]: dependency.get("md5") for dependency in entry.get("deps", [])}
    for file, values in entry.get("params", {}).items():
        inputs |= {f"{file}: {key}": value for key, value in values.items()}
    return {**inputs, "cmd": entry["cmd"]}
