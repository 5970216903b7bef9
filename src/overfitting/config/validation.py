"""Checks of the composed configuration: the schema, and what no single key shows."""

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from overfitting.base.errors import UserError
from overfitting.config import schema
from overfitting.config.reading import read_mapping, shown
from overfitting.config.schema import Config, Variant
from overfitting.config.strengths import STRENGTHS

T = TypeVar("T")

SHOWN_OF_HYDRA = 800  # characters of an error of Hydra or OmegaConf


@contextmanager
def clear_errors(*others: type[Exception]) -> Iterator[None]:
    """Turn errors of Hydra, OmegaConf and YAML, circular references, and `others` into a UserError that quotes them."""
    faults: tuple[type[Exception], ...] = (HydraException, OmegaConfBaseException, yaml.YAMLError, *others)
    try:
        yield
    except RecursionError:
        raise UserError("configuration: a value or a file refers to itself") from None
    except faults as error:
        cause: BaseException = error
        while isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        # Hydra appends its search path, which does not help the user
        parts = (str(part).split("Config search path:")[0].strip()[:SHOWN_OF_HYDRA] for part in (error, cause))
        raise UserError("configuration: " + "\n".join(dict.fromkeys(parts))) from None


def validate(composed: DictConfig) -> Config:
    """Check a composed configuration; raises UserError with a line per wrong key, its value and what is allowed."""
    with clear_errors():
        container = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    config = _checked(Config, container, "configuration")
    _check_consistency(config)
    return config


def read_checked(kind: type[T], path: Path) -> T:
    """Content of a YAML file that is not part of the composition; raises UserError as `validate` and `read_mapping`."""
    return _checked(kind, read_mapping(path), str(path))


def _checked(kind: type[T], values: Any, source: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise UserError(f"{source}:\n" + "\n".join(_lines(error))) from None


def check_variants(configs: Mapping[str, Config], is_stated: bool) -> None:
    """Check the variants against each other, twins only if the files alone state the variants (`is_stated`).

    Raises UserError if an ensemble has no networks to average, two variants are the same, or their folders overlap.
    """
    for name, config in configs.items():
        member = config.variant.ensemble_of
        if member and (member not in configs or configs[member].variant.ensemble_of):
            raise UserError(
                f"{name}: variant.ensemble_of: got {member!r}, expected one of the variants that are trained: "
                f"{', '.join(other for other in configs if not configs[other].variant.ensemble_of)}"
            )
        if member and config.repeats.get(member, 1) < 2:
            raise UserError(
                f"{name} averages the networks of {member}: expected at least two per seed; "
                f"set in params.yaml `repeats: {{{member}: 3}}`, or remove `- {name}` from `variants`"
            )
    first = dict[str, str]()  # name by settings
    for name, config in configs.items():
        twin = first.setdefault(repr(config.variant.settings()), name)
        if is_stated and twin != name:
            raise UserError(
                f"variants: {name} is the same network with the same remedies as {twin}; expected a difference; "
                f"correct conf/variant/{name}.yaml, or remove `- {name}` from `variants`"
            )
        if outer := {"baselines", *configs} & {*map(str, Path(name, "_").parents)} - {name} | ({"baselines"} & {name}):
            raise UserError(f"variants: the folder of {name} lies in that of {min(outer)}; rename one of them")


def _lines(error: ValidationError) -> Iterable[str]:
    locations = [found["loc"] for found in error.errors()]
    for found in error.errors():
        if any(len(other) > len(found["loc"]) and other[: len(found["loc"])] == found["loc"] for other in locations):
            continue  # a consequence of the problem inside it
        # the location of a union's member also holds its tag, which is not a key of the configuration
        tags = {"bundled", "simulated", "higgs", "csv", "cosine", "inverse_time"}
        key = ".".join(str(part) for part in found["loc"] if part not in tags)
        if found["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            similar = difflib.get_close_matches(str(found["loc"][-1]), _keys(), n=1)
            hint = f"; did you mean {similar[0]}?" if similar else ""
            yield f"  {key}: unknown key (value {shown(found['input'])}); remove it or correct its spelling{hint}"
        elif found["type"] == "missing":
            yield f"  {key}: missing; expected a value"
        elif found["type"] == "tuple_type":
            yield f"  {key}: got {shown(found['input'])}; expected a list, in brackets: {_as_list(key, found['input'])}"
        else:
            yield f"  {key}: got {shown(found['input'])}; {found['msg'][:1].lower()}{found['msg'][1:]}"


def _as_list(key: str, value: Any) -> str:
    """The list that was probably meant: `seeds=3` means three seeds."""
    is_count = key == "seeds" and isinstance(value, int) and 0 < value < 100
    meant = ", ".join(map(str, range(value) if is_count else [value]))
    return f"`{key}: [{meant}]` in a file, '{key}=[{meant.replace(' ', '')}]' on the command line"


def _keys() -> set[str]:
    """All keys of the schema."""
    classes = [kind for kind in vars(schema).values() if dataclasses.is_dataclass(kind)]
    fields = {field.name for kind in classes for field in dataclasses.fields(kind)}
    return fields | set(Variant.model_fields) | set(STRENGTHS)


def _check_consistency(config: Config) -> None:
    for key in ("seeds", "variants", "baselines"):
        values = getattr(config, key)
        if len(set(values)) < len(values):
            raise UserError(f"{key}: got {list(values)}, expected each value once")
    if not config.split.test and not config.split.resample:
        raise UserError("split.test: got 0, with which each seed draws its rows; expected split.resample to be true")
    if config.training.batch_size > config.split.train:
        raise UserError(
            f"training.batch_size: got {config.training.batch_size}, "
            f"expected at most the training rows (split.train = {config.split.train}); for a small table set "
            "choices.training to small in params.yaml"
        )
    schedule = config.training.schedule
    if schedule.name == "cosine" and schedule.warmup_epochs > config.training.epochs:
        raise UserError(
            f"training.schedule.warmup_epochs: got {schedule.warmup_epochs}, expected at most the epochs "
            f"(training.epochs = {config.training.epochs})"
        )
