"""The remedies, one per file: what a variant can add to `large`."""

import importlib
import pkgutil
from collections.abc import Mapping

from overfitting.base.errors import UserError
from overfitting.config.schema import Variant
from overfitting.data.manifest import Manifest
from overfitting.training.remedy import Remedy


def _find() -> dict[str, type[Remedy[object]]]:
    """The class of each file of this folder, by its name."""
    found = {}
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{file.name}")
        classes = [item for item in vars(module).values() if getattr(item, "__module__", "") == module.__name__]
        found[file.name] = next(item for item in classes if isinstance(item, type) and issubclass(item, Remedy))
    return found


REMEDIES = _find()


def active(variant: Variant) -> list[Remedy[object]]:
    """The remedies of a variant, in the order in which they transform batches, then by name."""
    chosen = [REMEDIES[name](strength) for name, strength in variant.strengths.items()]
    return sorted(chosen, key=lambda remedy: (remedy.stream, remedy.name))


def check_variants(variants: Mapping[str, Variant], manifest: Manifest) -> None:
    """Check, before any training, that the prepared data supports every variant.

    Raises:
        UserError: names each variant that it does not support, what is missing and what to change.
    """
    reasons = {
        name: "; ".join(filter(None, (remedy.lacks(manifest) for remedy in active(variant))))
        for name, variant in variants.items()
    }
    missing = {name: reason for name, reason in reasons.items() if reason}
    if missing:
        listed = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        lines = ", ".join(f"`- {name}`" for name in missing)
        raise UserError(f"{listed}. Change that, or remove {lines} from `variants` in params.yaml")
