"""`overfitting try`: from a user's table to a verdict. Writes the settings that fit it, then runs the pipeline."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
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
from overfitting.base.repository import git
from overfitting.cli import scratch
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
NEW = {"stratify": "each set has the same share of each class"}  # comments on keys that are new in params.yaml
HIGGS_ONLY = ("symmetry", "physics")  # variants and preprocessing


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
    own = OWN.resolve()
    table = OWN / (path.resolve().relative_to(own) if path.resolve().is_relative_to(own) else path.name)
    left_out = [f"left out: {column}: {reason}" for column, reason in proposal.left_out.items()]
    print(f"{path}: {len(proposal.labels):,} rows, {proposal.labels.mean():.0%} with label 1")
    print(*(f"  {line}\n" for line in (*proposal.notes, *notes, *left_out)), sep="", end="")
    _copy(path, table)
    _write(conf, _description(proposal, name, path, table))
    _write(PARAMS, _merged(PARAMS.read_text(encoding="utf-8"), after))
    print(*(f"  {line}\n" for line in _changes(before, after)), sep="", end="", flush=True)
    compose_variants()
    for command in (*scratch.PIPELINE, (*scratch.OVERFITTING, "verdict")) if is_run else ():
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
    split, scaling = _split(rows), params["choices"]["preprocessing"]
    training = next((budget for budget, limit in BUDGETS.items() if split["train"] < limit), "default")
    is_repeated = not split["test"]
    kept, notes = _variants(params["variants"], is_repeated)
    if is_repeated:
        notes.append(
            f"repeated splits: each of {MORE_SEEDS} seeds is tested on the rows that it does not use (split.test: 0)"
        )
    if split["search"] < params["split"].get("search", 0):
        notes.append("no rows are kept for searches, so `make tune` would choose on validation rows (split.search: 0)")
    if split["train"] == MOST_ROWS:
        notes.append(f"each seed trains on {MOST_ROWS:,} rows only, to save time; raise split.train to use more")
    scaling = "standard" if scaling in HIGGS_ONLY else scaling
    return {
        "choices": {"data": name, "preprocessing": scaling, "training": training},
        "split": split,
        "seeds": _seeds(proposal.labels, split) if is_repeated else list(params["seeds"]),
        "repeats": {} if is_repeated else {name: n for name, n in params["repeats"].items() if name in kept},
        "variants": kept,
    }, notes


def _split(rows: int) -> dict[str, Any]:
    """Three fifths of the rows for training, a fifth each for validation and test; repeated splits of a small table."""
    fifth = min(rows // 5, MOST_ROWS)
    train, test = min(rows - 2 * fifth, MOST_ROWS), 0 if rows < REPEATED else fifth
    return {"train": train, "validation": fifth, "test": test, "search": 0, "resample": True, "stratify": True}


def _seeds(labels: NDArray[np.float32], split: Mapping[str, Any]) -> list[int]:
    """The first seeds whose training, validation and test rows all have both classes."""
    labels = labels[split_rows(np.arange(labels.size), Split(**split), 0, labels=labels).pool]
    manifest = Manifest.model_construct(
        pool_rows=labels.size,
        search_rows=0,
        train_rows=split["train"],
        validation_rows=split["validation"],
        resample=True,
    )

    def has_both(seed: int) -> bool:
        return all(labels[rows].std() for rows in (*sample(manifest, seed), unused(manifest, seed)))

    return list(islice(filter(has_both, count()), MORE_SEEDS))


def _variants(listed: list[str], is_small: bool) -> tuple[list[str], list[str]]:
    """The variants that suit any table, with `large`; and lines about the others."""
    unsuitable = [name for name in listed if name.startswith("tuned/") or name in HIGGS_ONLY]
    costly = [name for name in listed if name == "ensemble" and is_small]
    kept = [name for name in listed if name not in (*unsuitable, *costly)]
    notes = [f"not compared, because they are made for other data: {', '.join(unsuitable)}"] if unsuitable else []
    notes += [f"not compared: {name}, which costs three trainings per seed" for name in costly]
    return (kept if "large" in kept else ["large", *kept]), notes


def _description(proposal: Proposal, name: str, path: Path, table: Path) -> str:
    """The file of conf/data/ for a table: the template's keys and comments, with the values of the proposal."""
    lines, data = TEMPLATE.read_text(encoding="utf-8").splitlines(keepends=True), proposal.data
    values = {key: getattr(data, key) for key in ("label", "positive", "missing", "missing_labels")}
    lists = {"categorical": list(data.categorical), "drop": list(data.drop)}
    header = f"# {name}: chosen by `overfitting try {path.name}`; docs/your-own-data.md explains the keys.\n"
    plain = "".join(line for line in lines if not line.startswith("#"))
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
        if value == {}:
            content[key].clear()
        elif isinstance(value, Mapping):
            _update(content[key], value, remarks)
        elif isinstance(value, list):
            _update_list(content[key], value, remarks)
        elif key in content:
            content[key] = _scalar(value)
        else:  # after the last key is the empty line before the next one
            content.insert(len(content) - 1, key, value, NEW.get(key))


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


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], start: str = "") -> Iterator[str]:
    """A line per setting that changes: its key, the old value unless it is a list, and the new one."""
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and value:
            yield from _changes(old or {}, value, f"{start}{key}.")
        elif old != value:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else f"{old} -> {value}"
            yield f"{start}{key}: {shown}"


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
    """Rename a file that is about to be replaced, unless git has it."""
    is_new = git("ls-files", "--error-unmatch", str(path)) is None
    if path.exists() and (is_new or git("diff", "--quiet", "HEAD", "--", str(path)) is None):
        names = (path.with_name(f"{path.name}.backup-{number}") for number in count(1))
        backup = path.rename(next(name for name in names if not name.exists()))
        print(f"{path} had content that is not committed: kept as {backup}")
