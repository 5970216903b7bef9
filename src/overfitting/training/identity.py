"""Fingerprints that identify a run (variant, seed, repeat) and a whole comparison."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.base.fingerprint import code_digests, fingerprint, library_versions, read_matching
from overfitting.base.records import Record
from overfitting.config.composition import section
from overfitting.config.schema import Config
from overfitting.training.remedies import REMEDIES
from overfitting.training.summary import Durations, Settings, Summary

ENGINE = "overfitting.training.loop"  # its code and all code that it imports count for every run
SUMMARY = "summary.json"  # says that a run is finished
FAILURE = "failed.json"  # says that a run ended without a network
LIBRARIES = ("tensorflow", "keras", "numpy")  # whose versions can change what a run computes


@dataclass(frozen=True)
class Code:
    """Digests of the code that trains, and versions of its libraries, all read at one time."""

    engine: tuple[str, ...]
    remedies: Mapping[str, tuple[str, ...]]  # by name
    libraries: Mapping[str, str]

    @classmethod
    def read(cls) -> "Code":
        """The code as it is in the files now."""
        engine = code_digests(ENGINE)
        remedies = {name: code_digests(remedy.__module__) for name, remedy in REMEDIES.items()}
        return cls(engine, remedies, library_versions(*LIBRARIES))

    def fingerprint(self, remedies: Iterable[str]) -> str:
        """Fingerprint of the code that trains with the `remedies` of these names; others do not count."""
        own = {name: self.remedies[name] for name in remedies}
        return fingerprint(engine=self.engine, remedies=own, libraries=self.libraries)


@cache
def loaded_code() -> Code:
    """The training code that this process has loaded; the first call loads it.

    Raises:
        UserError: the files changed while they were loaded.
    """
    before = Code.read()
    import overfitting.training.loop  # noqa: F401

    if Code.read() != before:
        raise UserError("the source code changed while it was loaded; start again")
    return before


class Failure(Record):
    """Why a run has no network: its loss became infinite, and would again."""

    has_checksum: ClassVar[bool] = True

    fingerprint: str
    reason: str


@dataclass(frozen=True)
class Run:
    """A network to train: everything that determines its result, fixed before training starts.

    The seed chooses its rows. Repeats are further networks of the seed, with other initial weights, order and masks.
    """

    variant: str
    seed: int
    config: Config
    data: str  # fingerprint of the prepared rows
    fingerprint: str
    repeat: int = 0
    root: Path = files.RUNS  # another folder if the run is not part of the comparison

    @property
    def title(self) -> str:
        """Variant; for a run outside the comparison also the name of its root, which says what is different."""
        return self.variant if self.root == files.RUNS else f"{self.variant} ({self.root.name})"

    @property
    def name(self) -> str:
        """Title, seed and, after the first, repeat."""
        return f"{self.title} seed {self.seed}" + (f" repeat {self.repeat}" if self.repeat else "")

    @property
    def random_seed(self) -> int:
        """Seed of initial weights, order and masks."""
        return _random_seed(self.seed, self.repeat)

    @property
    def size(self) -> int:
        """Weights between hidden layers, to which the time of an epoch is about proportional."""
        units = self.config.variant.hidden_units
        return sum(a * b for a, b in pairwise((units[0], *units)))

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return run_folder(self.variant, self.seed, self.repeat, self.root)

    @property
    def settings(self) -> Settings:
        """The configuration that it is trained with."""
        parts = section(self.config, "train")
        return Settings(variant=parts["variant"], training=parts["training"])

    def summary(self) -> Summary | None:
        """The summary of the finished run; None if it is not finished, is damaged, or is another run's."""
        found = read_matching(Summary, self.folder / SUMMARY, self.fingerprint)
        return found if found and not files.damaged(self.folder, found.files) else None

    def failure(self) -> str | None:
        """Why the run failed; None if it did not."""
        found = read_matching(Failure, self.folder / FAILURE, self.fingerprint)
        return found.reason if found else None

    def is_over(self) -> bool:
        """Whether the run has a result: networks, or the reason why there are none."""
        return self.summary() is not None or self.failure() is not None

    def damage(self) -> str:
        """Names of the files that make the finished run unusable; empty if there are none, or if it is not finished."""
        path = self.folder / SUMMARY
        found = read_matching(Summary, path, self.fingerprint)
        if found:
            return ", ".join(files.damaged(self.folder, found.files))
        is_this = path.is_dir() or (path.is_file() and self.fingerprint.encode() in path.read_bytes())
        return SUMMARY if is_this else ""

    def durations(self) -> Durations | None:
        """How long the finished run took; None if that is not known, as after `dvc pull`."""
        return read_durations(self.folder, self.fingerprint)


def run_folder(variant: str, seed: int, repeat: int, root: Path = files.RUNS) -> Path:
    """Folder of a run: runs/<variant>/<seed>, and <seed>.<repeat> for further networks."""
    return root / variant / (f"{seed}.{repeat}" if repeat else str(seed))


def read_durations(folder: Path, fingerprint: str) -> Durations | None:
    """Durations of the run in `folder` if they are those of this `fingerprint`; else None."""
    return read_matching(Durations, folder / files.DURATIONS, fingerprint)


def plan(configs: Mapping[str, Config], data: str, code: Code | None = None, root: Path = files.RUNS) -> list[Run]:
    """All runs of the variants that are trained, in their order; `code` is read now if it is not given."""
    code = code or Code.read()
    return [
        Run(name, seed, config, data, run_fingerprint(config, seed, data, code, repeat), repeat, root)
        for name, config in configs.items()
        if not config.variant.ensemble_of
        for seed in (config.seeds if config.seed is None else (config.seed,))
        for repeat in range(config.repeats.get(name, 1))
    ]


def run_fingerprint(config: Config, seed: int, data: str, code: Code | None = None, repeat: int = 0) -> str:
    """Fingerprint of what determines one run: variant, training, seeds, prepared `data`, code and library versions."""
    parts = section(config, "train")
    return fingerprint(
        variant=config.variant.model_dump(),
        training=parts["training"],
        seed=seed,
        random_seed=_random_seed(seed, repeat),
        data=data,
        code=(code or Code.read()).fingerprint(config.variant.strengths),
    )


def _random_seed(seed: int, repeat: int) -> int:
    """Seed of TensorFlow's generators, below 2**31; the first network of a seed has the seed itself."""
    if not repeat:
        return seed
    return int(np.random.SeedSequence(seed, spawn_key=(2, repeat)).generate_state(1)[0] >> 1)


def comparison_fingerprint(configs: Mapping[str, Config], data: str, baselines: Sequence[str]) -> str:
    """Fingerprint of a comparison: all runs of `configs`, by variant, and the fingerprints of its `baselines`."""
    all_seeds = {name: replace(config, seed=None) for name, config in configs.items()}
    return fingerprint(
        baselines=list(baselines),
        variants={name: config.variant.ensemble_of for name, config in configs.items()},
        runs=[[run.name, run.fingerprint] for run in plan(all_seeds, data)],
    )
