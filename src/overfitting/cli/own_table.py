"""`overfitting try`: from a user's table to a verdict. Writes the settings that fit it, then runs the pipeline."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.repository import DVC, git
from overfitting.config.composition import PARAMS, compose_config, compose_variants
from overfitting.config.reading import CONF, read_mapping
from overfitting.config.schema import Split
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import sample
from overfitting.data.rows import split_rows
from overfitting.data.sources.table.proposal import Proposal, propose
from overfitting.data.test_rows import unused

OWN = Path("data/own")
TEMPLATE = CONF / "data/csv.yaml"
FEWEST = 60  # rows, with which the budget `small` has enough for a batch
FEWEST_OF_CLASS = 10  # rows
REPEATED = 2000  # rows below which each seed has its own test rows
MOST_ROWS = 20_000  # of training and of test, which bounds the time
BUDGETS = {"small": 1000, "medium": 5000}  # files of conf/training/: for fewer training rows than this; else `default`
MORE_SEEDS = 10  # of repeated splits
REMARKS = {"stratify": "each set has the same share of each class"}  # comments on keys that are new in params.yaml
HIGGS_ONLY = ("symmetry",)  # variants and preprocessing
PIPELINE = (
    (*DVC, "repro", "preprocess"),
    (sys.executable, "-m", "overfitting", "train-all"),
    (*DVC, "repro"),
    (sys.executable, "-m", "overfitting", "verdict"),
)


def run(path: Path, name: str | None, is_run: bool, **given: Any) -> None:
    """Choose settings for the table at `path`, write them and, if `is_run`, run the pipeline.

    `given` are the other arguments of `propose`.

    Raises:
        UserError: the table cannot be used, or a stage failed.
    """
    name = name or re.sub(r"\W+", "-", path.name.partition(".")[0], flags=re.ASCII).strip("-") or "own"
    conf, before = CONF / f"data/{name}.yaml", read_mapping(PARAMS)
    if conf.is_file() and read_mapping(conf).get("source") != "csv":
        raise UserError(f"{conf} describes another source; choose another name: --name NAME")
    compose_config()  # a mistake in the files is told before anything is added to them
    try:
        proposal = propose(path, **given)
    except UserError as error:
        raise UserError(re.sub(r"\bdata\.(drop|categorical|positive|label)\b", r"--\1", str(error))) from None
    after, notes = choose(proposal, name, before)
    is_there = path.resolve().is_relative_to(OWN.resolve())
    table = OWN / (path.resolve().relative_to(OWN.resolve()) if is_there else path.name)
    print(f"{path}: {len(proposal.labels):,} rows, {proposal.labels.mean():.0%} with label 1")
    print(*(f"  {note}\n" for note in proposal.notes + notes), sep="", end="")
    print(*(f"  left out: {column}: {reason}\n" for column, reason in proposal.left_out.items()), sep="", end="")
    _copy(path, table)
    _write(conf, _description(proposal, name, path, table))
    _write(PARAMS, _merged(PARAMS.read_text(encoding="utf-8"), after))
    print(*(f"  {key}: {value}\n" for key, value in _changes(before, after).items()), sep="", end="", flush=True)
    compose_variants()
    for command in PIPELINE if is_run else ():
        if subprocess.run(command, check=False).returncode:
            raise UserError(f"`{' '.join(command[2:])}` failed; its message is above; then go on with `make repro`")


def choose(proposal: Proposal, name: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings of params.yaml that fit a table, and a line about each that is not obvious.

    Raises:
        UserError: the table has too few rows.
    """
    rows, rarer = len(proposal.labels), int(min(proposal.labels.sum(), (1 - proposal.labels).sum()))
    if rows < FEWEST or rarer < FEWEST_OF_CLASS:
        raise UserError(
            f"{proposal.data.path}: {rows:,} rows can be used, {rarer:,} of the rarer class; expected at least "
            f"{FEWEST}, and {FEWEST_OF_CLASS} of each class"
        )
    split = _split(rows)
    training = next((budget for budget, limit in BUDGETS.items() if split["train"] < limit), "default")
    scaling = params["choices"]["preprocessing"]
    kept, notes = _variants(params["variants"], not split["test"])
    if not split["test"]:
        notes.append(
            f"repeated splits: each of {MORE_SEEDS} seeds is tested on the rows that it does not use (split.test: 0)"
        )
    if split["search"] < params["split"].get("search", 0):
        notes.append("no rows are kept for searches, so `make tune` would choose on validation rows (split.search: 0)")
    if split["train"] == MOST_ROWS:
        notes.append(f"each seed trains on {MOST_ROWS:,} rows only, to save time; raise split.train to use more")
    return {
        "choices": {
            "data": name,
            "preprocessing": "standard" if scaling in HIGGS_ONLY else scaling,
            "training": training,
        },
        "split": split,
        "seeds": list(params["seeds"]) if split["test"] else _seeds(proposal.labels, split),
        "repeats": {name: count for name, count in params["repeats"].items() if split["test"] and name in kept},
        "variants": kept,
    }, notes


def _split(rows: int) -> dict[str, Any]:
    """Three fifths of the rows for training, a fifth each for validation and test; repeated splits of a small table."""
    test = validation = min(rows // 5, MOST_ROWS)
    train = min(rows - test - validation, MOST_ROWS)
    if rows < REPEATED:
        test = 0
    return {"train": train, "validation": validation, "test": test, "search": 0, "resample": True, "stratify": True}


def _seeds(labels: NDArray[np.float32], split: Mapping[str, Any]) -> list[int]:
    """The first seeds whose training, validation and test rows all have both classes."""
    labels = labels[split_rows(np.arange(labels.size), Split(**split), 0, labels=labels).pool]
    manifest = Manifest.model_construct(
        pool_rows=labels.size,
        test_rows=labels.size,
        search_rows=0,
        train_rows=split["train"],
        validation_rows=split["validation"],
        resample=True,
        files={},
    )
    found = (
        seed
        for seed in count()
        if all(labels[rows].std() for rows in (*sample(manifest, seed), unused(manifest, seed)))
    )
    return list(islice(found, MORE_SEEDS))


def _variants(listed: list[str], is_small: bool) -> tuple[list[str], list[str]]:
    """The variants that suit any table, with `large`; and a line about the others."""
    unsuitable = [name for name in listed if name.startswith("tuned/") or name in HIGGS_ONLY]
    costly = ["ensemble"] if is_small and "ensemble" in listed else []
    kept = [name for name in listed if name not in (*unsuitable, *costly)]
    notes = [f"not compared: {', '.join(unsuitable)}, which suit other data"] if unsuitable else []
    notes += [f"not compared: {name}, which costs three trainings per seed" for name in costly]
    return (kept if "large" in kept else ["large", *kept]), notes


def _description(proposal: Proposal, name: str, path: Path, table: Path) -> str:
    """The file of conf/data/ for a table: the template's keys and comments, with the values of the proposal."""
    content, data = TEMPLATE.read_text(encoding="utf-8"), proposal.data
    plain = "".join(line for line in content.splitlines(keepends=True) if not line.startswith("#"))
    values = {key: getattr(data, key) for key in ("label", "positive", "missing", "missing_labels")}
    lists = {"categorical": list(data.categorical), "drop": list(data.drop)}
    header = f"# {name}: chosen by `overfitting try {path.name}`; docs/your-own-data.md explains the keys.\n"
    return header + _merged(plain, {"path": str(table), **values, **lists}, proposal.left_out)


def _merged(text: str, values: Mapping[str, Any], remarks: Mapping[str, str] | None = None) -> str:
    """A YAML text with other values, and its comments; `remarks` are comments on the entries of lists."""
    parser = YAML()
    parser.width = 4096
    parser.indent(mapping=2, sequence=4, offset=2)
    parser.representer.add_representer(type(None), lambda of, _: of.represent_scalar("tag:yaml.org,2002:null", "null"))
    content, written = parser.load(text), StringIO()
    _update(content, values, remarks or {})
    parser.dump(content, written)
    return written.getvalue()


def _update(content: CommentedMap, values: Mapping[str, Any], remarks: Mapping[str, str]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and not value:
            content[key].clear()
        elif isinstance(value, Mapping):
            _update(content[key], value, remarks)
        elif isinstance(value, list):
            _update_list(content[key], value, remarks)
        elif key in content:
            content[key] = _scalar(value)
        else:  # after the last key is the empty line before the next one
            content.insert(len(content) - 1, key, value, REMARKS.get(key))


def _update_list(entries: CommentedSeq, wanted: list[Any], remarks: Mapping[str, str]) -> None:
    for index in reversed(range(len(entries))):
        if entries[index] not in wanted:
            del entries[index]
    for entry in wanted:
        if entry not in entries:
            entries.append(_scalar(entry))
            if entry in remarks:
                entries.fa.set_block_style()
                entries.yaml_add_eol_comment(remarks[entry], len(entries) - 1)


def _scalar(value: Any) -> Any:
    """The value, in quotes if YAML would read it as another one, such as `no`."""
    is_other = isinstance(value, str) and yaml.safe_load(value) != value
    return DoubleQuotedScalarString(value) if is_other else value


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """The settings that change, by key: the old value, if it is short, and the new one."""
    found = dict[str, str]()
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and value:
            found |= {f"{key}.{inner}": change for inner, change in _changes(old or {}, value).items()}
        elif old != value:
            found[key] = ", ".join(map(str, value)) if isinstance(value, list) else f"{old} -> {value}"
    return found


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and files.file_digest(target) == files.file_digest(source):
        return
    _back_up(target)
    with files.replacing(target) as partial:
        shutil.copyfile(source, partial)
    print(f"copied to {target}")


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    _back_up(path)
    files.write_text(path, text)
    print(f"written: {path}")


def _back_up(path: Path) -> None:
    """Keep a file that is about to be replaced, unless git has it."""
    if not path.exists() or _is_committed(path):
        return
    number = next(n for n in range(1, 10_000) if not path.with_name(f"{path.name}.backup-{n}").exists())
    backup = path.with_name(f"{path.name}.backup-{number}")
    path.rename(backup)
    print(f"{path} had content that is not committed: kept as {backup}")


def _is_committed(path: Path) -> bool:
    commands = (("ls-files", "--error-unmatch"), ("diff", "--quiet", "HEAD", "--"))
    return all(git(*command, str(path)) is not None for command in commands)
