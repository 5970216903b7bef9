"""params.yaml and conf/ composed by Hydra and checked against the schema, before any work starts."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError

from overfitting.base.errors import UserError
from overfitting.config.schema import SECTIONS, Choices, Config, Training, Variant


def _read_params(key: str) -> Any:
    """Value of `key` in params.yaml: what `${params:key}` means in conf/config.yaml."""
    return OmegaConf.select(OmegaConf.load("params.yaml"), key)


def _defaults(schema: type) -> dict[str, Any]:
    """The values that the schema has for keys that are not stated."""
    fields = dataclasses.fields(schema)
    return {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}


OmegaConf.register_new_resolver("params", _read_params, replace=True)
OmegaConf.register_new_resolver("comma_separated", lambda values: ",".join(map(str, values)), replace=True)
# `large` is what the schema's defaults describe; stored for Hydra so that any of its keys can be overridden
ConfigStore.instance().store(name="large_network", node=_defaults(Variant), package="variant")
# how a training computes, which its YAML need not say
ConfigStore.instance().store(name="computation", node=_defaults(Training), package="training")


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what Hydra, OmegaConf and YAML raise for a user's mistake into one UserError.

    Raises:
        UserError: with the message of the error that was raised inside.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        cause: BaseException = error
        while isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        # Hydra appends where it looked, which is no news to the user
        parts = (str(part).split("Config search path:")[0].strip() for part in (error, cause))
        raise UserError("configuration: " + "\n".join(dict.fromkeys(parts))) from None


@contextmanager
def _another_hydra() -> Iterator[None]:
    """Hydra composes for one application at a time: set aside the one that runs this stage, if it does."""
    state = GlobalHydra.instance()
    running, state.hydra = state.hydra, None
    try:
        yield
    finally:
        state.hydra = running


def validate(composed: DictConfig) -> Config:
    """Check a composed configuration against the schema.

    Raises:
        UserError: one line for each wrong key: what it got and what is allowed.
    """
    with clear_errors():
        container: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    try:
        config = TypeAdapter(Config).validate_python(container)
    except ValidationError as error:
        raise UserError("configuration:\n" + "\n".join(_lines(error))) from None
    _check_consistency(config)
    return config


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the project in the current folder.

    Args:
        overrides: in Hydra's grammar, such as `variant=l2` or `training.epochs=3`.

    Raises:
        UserError: the configuration is wrong, or the current folder holds none.
    """
    folder = Path("conf").resolve()
    if not (folder / "config.yaml").is_file() or not Path("params.yaml").is_file():
        raise UserError(
            f"expected conf/config.yaml and params.yaml in {Path.cwd()}; run from the project's root folder"
        )
    with clear_errors():
        params = OmegaConf.load("params.yaml")
        for group in (field.name for field in dataclasses.fields(Choices)):
            if OmegaConf.select(params, f"choices.{group}") is None:
                raise UserError(
                    f"params.yaml: expected choices.{group}, the name of a file in conf/{group}/; found none"
                )
    with clear_errors(), _another_hydra(), initialize_config_dir(str(folder), version_base="1.3"):
        composed = compose("config", overrides=list(overrides))
    return validate(composed)


def compose_variants(overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Compose and check every variant that params.yaml lists, in its order.

    Raises:
        UserError: as `compose_config`; an unknown variant is answered with the known ones.
    """
    base = [override for override in overrides if not override.startswith("variant=")]
    first = compose_config(base)
    folder = Path("conf/variant")
    known = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))
    for name in first.variants:
        if name not in known:
            raise UserError(f"variants: got {name!r}, expected some of {', '.join(known)} (files of conf/variant/)")
    configs = {name: compose_config([*base, f"variant={name}"]) for name in first.variants}
    _check_ensembles(configs)
    return configs


def _check_ensembles(configs: Mapping[str, Config]) -> None:
    for name, config in configs.items():
        member = config.variant.ensemble_of
        if member and (member not in configs or configs[member].variant.ensemble_of):
            raise UserError(
                f"{name}: variant.ensemble_of: got {member!r}, expected one of the variants that are trained: "
                f"{', '.join(other for other in configs if not configs[other].variant.ensemble_of)}"
            )


def section(config: Config, stage: str) -> dict[str, Any]:
    """The part of the configuration that `stage` reads, as plain values."""
    chosen: dict[str, Any] = {}
    for key in SECTIONS[stage]:
        value: Any = config
        for part in key.split("."):
            value = getattr(value, part)
        is_instance = dataclasses.is_dataclass(value) and not isinstance(value, type)
        chosen[key] = dataclasses.asdict(value) if is_instance else value
    return chosen


def _lines(error: ValidationError) -> Iterable[str]:
    locations = [found["loc"] for found in error.errors()]
    for found in error.errors():
        if any(len(other) > len(found["loc"]) and other[: len(found["loc"])] == found["loc"] for other in locations):
            continue  # only a consequence of what is wrong inside it
        # a union's location also holds the name of the member, which is no key of the configuration
        tags = {"bundled", "simulated", "higgs", "csv", "cosine", "inverse_time"}
        key = ".".join(str(part) for part in found["loc"] if part not in tags)
        if found["type"] == "unexpected_keyword_argument":
            yield f"  {key}: unknown key (value {found['input']!r}); remove it or mend its spelling"
        elif found["type"] == "missing":
            yield f"  {key}: missing; expected a value"
        else:
            yield f"  {key}: got {found['input']!r}; {found['msg'][:1].lower()}{found['msg'][1:]}"


def _check_consistency(config: Config) -> None:
    for key in ("seeds", "variants"):
        values = getattr(config, key)
        if len(set(values)) < len(values):
            raise UserError(f"{key}: got {list(values)}, expected each value once")
    if config.training.batch_size > config.split.train:
        raise UserError(
            f"training.batch_size: got {config.training.batch_size}, "
            f"expected at most the training rows (split.train = {config.split.train}); for a small table set "
            "choices.training to small in params.yaml"
        )
