"""params.yaml and conf/ composed by Hydra and checked, before any work starts."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from overfitting.base.errors import UserError
from overfitting.base.files import State, file_state
from overfitting.config.reading import CONF, EXPERIMENT, check_choice, check_names, groups, read_mapping, shown
from overfitting.config.schema import SECTIONS, Choices, Config, Training, Variant
from overfitting.config.validation import check_variants, clear_errors, validate

PARAMS = Path("params.yaml")
_CHOICES = [field.name for field in dataclasses.fields(Choices)]
_COMPUTATION = {field.name: field.default for field in dataclasses.fields(Training) if field.default is not MISSING}


# stored for Hydra, so that any key can be overridden, though a variant's file states only the differences from `large`
ConfigStore.instance().store(name="large_network", node=Variant().settings(), package="variant")
ConfigStore.instance().store(name="computation", node=_COMPUTATION, package="training")


@contextmanager
def _another_hydra() -> Iterator[None]:
    """Set aside the Hydra that runs this stage, if any, because Hydra composes for one application at a time."""
    state = GlobalHydra.instance()
    running, state.hydra = state.hydra, None
    try:
        yield
    finally:
        state.hydra = running


def choices(overrides: Sequence[str] = ()) -> list[str]:
    """Overrides such as `data=bundled` for the choices of params.yaml that `overrides` do not make themselves.

    Raises UserError if the current folder holds no project, params.yaml lacks a choice, or a chosen file is wrong.
    """
    if not Path("conf/config.yaml").is_file() or not PARAMS.is_file():
        raise UserError(
            f"expected conf/config.yaml and params.yaml in {Path.cwd()}; run from the project's root folder"
        )
    made = _chosen(overrides)
    chosen: dict[str, Any] = dict.fromkeys(_CHOICES)
    for path in [PARAMS, *(experiment_file(name) for name in made.get(EXPERIMENT, ()))]:
        stated = read_mapping(path)
        for key in ("defaults", "hydra"):
            if key in stated:
                raise UserError(f"{path}: `{key}` belongs in conf/config.yaml; remove it")
        found = stated.get("choices")
        chosen |= {group: found[group] for group in _CHOICES if isinstance(found, dict) and group in found}
    for group, name in chosen.items():
        if not isinstance(name, str):
            got = "none" if name is None else shown(name)
            raise UserError(f"{PARAMS}: expected choices.{group}, the name of a file in conf/{group}/; found {got}")
    named: dict[str, list[Any]] = {group: [name] for group, name in chosen.items()}
    for group, names in {**_chosen_by_default(), **named, **made}.items():
        for name in names:
            check_choice(group, name)
    return [f"{group}={name}" for group, name in chosen.items() if group not in made]


def _chosen_by_default() -> dict[str, list[str]]:
    """Names that conf/config.yaml chooses, by group."""
    path = CONF / "config.yaml"
    defaults = read_mapping(path).get("defaults")
    if not isinstance(defaults, list) or "_self_" not in defaults or "params" not in defaults:
        raise UserError(f"{path}: expected `defaults`, a list that has `_self_` and `params`; got {shown(defaults)}")
    items = [item for entry in defaults if isinstance(entry, Mapping) for item in entry.items()]
    return {group: [name] for group, name in items if group in groups() and name != "???"}


def _chosen(overrides: Sequence[str]) -> dict[str, list[Any]]:
    """Names that overrides such as `data=csv` choose, by group; several for a sweep."""
    found, known = dict[str, list[Any]](), groups()
    stated = [override for override in overrides if "=" in override and not override.startswith("-")]
    with clear_errors(ValueError):
        for override in OverridesParser.create().parse_overrides(stated):
            group, _, choice = override.key_or_group.partition(".")
            if group == "choices":
                raise UserError(f"{override.input_line}: choose on the command line with {choice or 'data'}=...")
            if override.key_or_group in known and not override.is_delete():
                is_sweep = override.is_sweep_override()
                found[group] = list(override.sweep_string_iterator()) if is_sweep else [override.value()]
    return found


def experiment_file(name: str) -> Path:
    """File of an experiment; raises UserError if there is none, or it is wrong."""
    check_choice(EXPERIMENT, name)
    return CONF / EXPERIMENT / f"{name}.yaml"


def combinations(overrides: Sequence[str]) -> list[list[str]]:
    """Each combination of the values of a sweep such as `variant.l2=0.001,0.01`, as overrides without sweeps.

    Raises UserError if an override is not in Hydra's grammar.
    """
    with clear_errors(ValueError), _another_hydra(), initialize_config_dir(str(CONF.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()  # finds the files of `glob(...)`
        parsed = OverridesParser.create(loader).parse_overrides(list(overrides))
        [found] = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    return found


def choice(group: str, overrides: Sequence[str] = ()) -> str:
    """Name of the file of conf/`group`/ that the last of `overrides` chooses, or conf/config.yaml by default."""
    return str({**_chosen_by_default(), **_chosen(overrides)}[group][-1])


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the configuration of the project in the current folder.

    `overrides` are in Hydra's grammar, such as `variant=l2` or `training.epochs=3`. Raises UserError if the
    configuration is wrong or missing.
    """
    files = [PARAMS, *sorted(CONF.rglob("*.yaml"))]
    states = tuple((file, file_state(file)) for file in files if file.is_file())
    return _composed(tuple(overrides), Path.cwd(), states)


@cache
def _composed(overrides: tuple[str, ...], root: Path, states: tuple[tuple[Path, State], ...]) -> Config:
    """Kept while no file changes, because Hydra takes a tenth of a second and a stage composes every variant twice."""
    with_choices, folder = [*choices(overrides), *overrides], str(CONF.resolve())
    faults = (ValueError, TypeError, LookupError, OSError)  # as Hydra raises for some mistakes
    with clear_errors(*faults), _another_hydra(), initialize_config_dir(folder, version_base="1.3"):
        composed = compose("config", overrides=with_choices)
    return validate(composed)


def compose_variants(overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Compose and check every variant that params.yaml lists, in its order.

    Raises UserError as `compose_config`, for an unknown variant, also in `repeats`, and as `check_variants`.
    """
    configs = _compose_each("variant", overrides)
    check_variants(configs, is_stated=not any(override.lstrip("+~").startswith("variant.") for override in overrides))
    return configs


def compose_baselines(overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Compose and check every baseline that params.yaml lists; raises as `compose_variants`."""
    return _compose_each("baseline", overrides)


def _compose_each(group: str, overrides: Sequence[str]) -> dict[str, Config]:
    """A configuration for each name that params.yaml lists under the plural of `group`, a folder of conf/."""
    base = [override for override in overrides if not override.startswith(f"{group}=")]
    config = compose_config(base)
    names = getattr(config, f"{group}s")
    check_names(f"{group}s", names, group)
    check_names("repeats", config.repeats, "variant")
    return {name: compose_config([*base, f"{group}={name}"]) for name in names}


def section(config: Config, stage: str) -> dict[str, Any]:
    """The part of the configuration that a stage reads, as plain values."""
    return _plain(config, SECTIONS[stage])


def values(config: Config) -> dict[str, Any]:
    """The whole configuration as plain values."""
    return _plain(config, [field.name for field in dataclasses.fields(config)])


def _plain(config: Config, keys: Iterable[str]) -> dict[str, Any]:
    found = {key: attrgetter(key)(config) for key in keys}
    for key, value in found.items():
        if isinstance(value, Variant):
            found[key] = value.settings()
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            found[key] = dataclasses.asdict(value)
    return found
