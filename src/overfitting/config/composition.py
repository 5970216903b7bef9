"""params.yaml and conf/ composed by Hydra and checked against the schema, before any work starts."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from overfitting.base.errors import UserError
from overfitting.base.files import State, file_state
from overfitting.config.schema import SECTIONS, Choices, Config, Training, Variant

T = TypeVar("T")


def _defaults(schema: type) -> dict[str, Any]:
    """The schema's values for keys that are not stated."""
    fields = dataclasses.fields(schema)
    return {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}


# stored for Hydra, so that any key can be overridden, though a variant's file states only the differences from `large`
ConfigStore.instance().store(name="large_network", node=Variant().settings(), package="variant")
ConfigStore.instance().store(name="computation", node=_defaults(Training), package="training")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn errors of Hydra, OmegaConf and YAML into one UserError.

    Raises:
        UserError: with the message of the error that was raised inside.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        cause: BaseException = error
        while isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        # Hydra appends its search path, which does not help the user
        parts = (str(part).split("Config search path:")[0].strip() for part in (error, cause))
        raise UserError("configuration: " + "\n".join(dict.fromkeys(parts))) from None


@contextmanager
def _another_hydra() -> Iterator[None]:
    """Set aside the Hydra that runs this stage, if any, because Hydra composes for one application at a time."""
    state = GlobalHydra.instance()
    running, state.hydra = state.hydra, None
    try:
        yield
    finally:
        state.hydra = running


def validate(composed: DictConfig) -> Config:
    """Check a composed configuration against the schema.

    Raises:
        UserError: one line per wrong key, with its value and what is allowed.
    """
    with clear_errors():
        container: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    config = checked(Config, container, "configuration")
    _check_consistency(config)
    return config


def checked(kind: type[T], values: Any, source: str) -> T:
    """Check plain `values`, which come from `source`, against a schema.

    Raises:
        UserError: one line per wrong key, with its value and what is allowed.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise UserError(f"{source}:\n" + "\n".join(_lines(error))) from None


def read_checked(kind: type[T], path: Path) -> T:
    """Content of a YAML file that is not part of the composition; raises as `checked`."""
    with clear_errors():
        return checked(kind, OmegaConf.to_container(OmegaConf.load(path)), str(path))


def choices(overrides: Sequence[str] = ()) -> list[str]:
    """Overrides such as `data=bundled` for the choices of params.yaml that `overrides` do not make themselves.

    Raises:
        UserError: the current folder holds no project, or params.yaml lacks a choice.
    """
    if not Path("conf/config.yaml").is_file() or not Path("params.yaml").is_file():
        raise UserError(
            f"expected conf/config.yaml and params.yaml in {Path.cwd()}; run from the project's root folder"
        )
    with clear_errors():
        params = OmegaConf.load("params.yaml")
        chosen = {
            field.name: OmegaConf.select(params, f"choices.{field.name}") for field in dataclasses.fields(Choices)
        }
    for group, name in chosen.items():
        if name is None:
            raise UserError(f"params.yaml: expected choices.{group}, the name of a file in conf/{group}/; found none")
    made = {override.partition("=")[0] for override in overrides}
    return [f"{group}={name}" for group, name in chosen.items() if group not in made]


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the configuration of the project in the current folder.

    Args:
        overrides: in Hydra's grammar, such as `variant=l2` or `training.epochs=3`.

    Raises:
        UserError: the configuration is wrong or missing.
    """
    files = [Path("params.yaml"), *sorted(Path("conf").rglob("*.yaml"))]
    states = tuple((file, file_state(file)) for file in files if file.is_file())
    return _composed(tuple(overrides), Path.cwd(), states)


@cache
def _composed(overrides: tuple[str, ...], root: Path, states: tuple[tuple[Path, State], ...]) -> Config:
    """Kept while no file changes, because Hydra takes a tenth of a second and a stage composes every variant twice."""
    folder = Path("conf").resolve()
    with_choices = [*choices(overrides), *overrides]
    with clear_errors(), _another_hydra(), initialize_config_dir(str(folder), version_base="1.3"):
        composed = compose("config", overrides=with_choices)
    return validate(composed)


def compose_variants(overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Compose and check every variant that params.yaml lists, in its order.

    Raises:
        UserError: as `compose_config`; an unknown variant, also in `repeats`; an ensemble without networks to average.
    """
    configs = _compose_each("variant", overrides)
    _check_ensembles(configs)
    return configs


def compose_baselines(overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Compose and check every baseline that params.yaml lists; raises as `compose_variants`."""
    return _compose_each("baseline", overrides)


def _compose_each(group: str, overrides: Sequence[str]) -> dict[str, Config]:
    """A configuration for each name that params.yaml lists under the plural of `group`, a folder of conf/."""
    base = [override for override in overrides if not override.startswith(f"{group}=")]
    config = compose_config(base)
    names = getattr(config, f"{group}s")
    _check_names(f"{group}s", names, group)
    _check_names("repeats", config.repeats, "variant")
    return {name: compose_config([*base, f"{group}={name}"]) for name in names}


def _check_names(key: str, names: Iterable[str], group: str) -> None:
    """Check that each of `names`, values of `key`, is a file of conf/`group`/."""
    folder = Path("conf", group)
    known = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
    if unknown := [name for name in names if name not in known]:
        listed = ", ".join(map(repr, unknown))
        raise UserError(f"{key}: got {listed}, expected some of {', '.join(known)} (files of {folder}/)")


def _check_ensembles(configs: Mapping[str, Config]) -> None:
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


def section(config: Config, stage: str) -> dict[str, Any]:
    """The part of the configuration that a stage reads, as plain values."""
    chosen: dict[str, Any] = {}
    for key in SECTIONS[stage]:
        value: Any = config
        for part in key.split("."):
            value = getattr(value, part)
        chosen[key] = _plain(value)
    return chosen


def values(config: Config) -> dict[str, Any]:
    """The whole configuration as plain values."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if isinstance(value, Variant):
        return value.settings()
    is_instance = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return dataclasses.asdict(value) if is_instance else value


def _lines(error: ValidationError) -> Iterable[str]:
    locations = [found["loc"] for found in error.errors()]
    for found in error.errors():
        if any(len(other) > len(found["loc"]) and other[: len(found["loc"])] == found["loc"] for other in locations):
            continue  # a consequence of the problem inside it
        # the location of a union's member also holds its tag, which is not a key of the configuration
        tags = {"bundled", "simulated", "higgs", "csv", "cosine", "inverse_time"}
        key = ".".join(str(part) for part in found["loc"] if part not in tags)
        if found["type"] == "unexpected_keyword_argument":
            yield f"  {key}: unknown key (value {found['input']!r}); remove it or correct its spelling"
        elif found["type"] == "missing":
            yield f"  {key}: missing; expected a value"
        else:
            yield f"  {key}: got {found['input']!r}; {found['msg'][:1].lower()}{found['msg'][1:]}"


def _check_consistency(config: Config) -> None:
    for key in ("seeds", "variants", "baselines"):
        values = getattr(config, key)
        if len(set(values)) < len(values):
            raise UserError(f"{key}: got {list(values)}, expected each value once")
    if config.training.batch_size > config.split.train:
        raise UserError(
            f"training.batch_size: got {config.training.batch_size}, "
            f"expected at most the training rows (split.train = {config.split.train}); for a small table set "
            "choices.training to small in params.yaml"
        )
