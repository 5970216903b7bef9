"""Records of a search: its trials in results/tuning.csv, and its best trial as a variant."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from optuna.trial import FrozenTrial

from overfitting.base import files
from overfitting.config.schema import Config
from overfitting.search.space import Searches, Values, rounded
from overfitting.search.study import LOSSES

FOLDER = Path("conf/variant/tuned")


def write_table(name: str, trials: Sequence[FrozenTrial], chosen: int, settings: Searches, about: Values) -> None:
    """Write the trials of a search into results/tuning.csv, in place of earlier trials of that search.

    `chosen` is the number of the best trial; `about` has the values that all trials share: `epochs`, `data`.
    """
    shared = {"search": name, "seeds": len(settings.seeds), **about}
    rows = [{**shared, **_row(trial), "chosen": trial.number == chosen} for trial in trials]
    # read as text, so that rows of other searches stay as they are
    known = pd.DataFrame(columns=["search"])
    if files.TUNING.exists():
        known = pd.read_csv(io.StringIO(files.read_text(files.TUNING)), dtype=str)
    order = {search: place for place, search in enumerate(settings.searches)}
    known = known[(known["search"] != name) & known["search"].isin(list(order))]
    table = pd.concat([known.astype(object), pd.DataFrame(rows, dtype=object)])
    table = table.sort_values("search", key=lambda column: column.map(order), kind="stable")
    fields = [field for space in settings.searches.values() for field in space]
    last = ["val_log_loss", "val_log_loss_std", "state", "data", "chosen"]
    columns = ["search", "trial", "seeds", "epochs", *dict.fromkeys(fields), *last]
    files.write_text(files.TUNING, table.reindex(columns=columns).to_csv(index=False))


def _row(trial: FrozenTrial) -> dict[str, Any]:
    """The row of a trial; a standard deviation needs two seeds."""
    losses = trial.user_attrs.get(LOSSES, [])
    return {
        "trial": trial.number,
        **rounded(trial.params),
        "val_log_loss": None if trial.value is None else round(trial.value, 6),
        "val_log_loss_std": round(float(np.std(losses, ddof=1)), 6) if len(losses) > 1 else None,
        "state": trial.state.name.lower(),
    }


def write_variant(name: str, config: Config, best: FrozenTrial, trials: int, command: str) -> None:
    """Write the variant of `config`, the `best` of `trials` trials of a `command`, as its differences from large."""
    header = (
        f"# @package variant\n# {name}: the best of {trials} trials of `{command}`,\n"
        f"# by validation log loss: {best.value:.4f}. Tried: conf/search.yaml; all trials: results/tuning.csv.\n"
    )
    lines = [f"{field}: {_yaml(value)}" for field, value in config.variant.differences().items()] or ["{}"]
    files.write_text(FOLDER / f"{name}.yaml", header + "\n".join(lines) + "\n")
    print(f"{name}: {', '.join(lines)} -> {FOLDER / name}.yaml")


def _yaml(value: Any) -> str:
    """A value as YAML; 1.0e-05, because YAML reads 1e-05 as text."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).splitlines()[0]
