"""Which variants the prepared rows allow, told before the first of them is trained."""

from collections.abc import Mapping
from typing import Any

from overfitting.base.errors import UserError
from overfitting.config.schema import Config
from overfitting.data.columns import roles


def check_variants(configs: Mapping[str, Config], manifest: Mapping[str, Any]) -> None:
    """Check that data/prepared/manifest.json has what all variants need.

    Raises:
        UserError: names the variants whose rows or columns are not there, and what to change.
    """
    reasons = {name: reason for name, config in configs.items() if (reason := _missing(config, manifest))}
    if reasons:
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        lines = ", ".join(f"`- {name}`" for name in reasons)
        raise UserError(f"{listed}. Change that, or remove {lines} from `variants` in params.yaml")


def _missing(config: Config, manifest: Mapping[str, Any]) -> str:
    """What a variant lacks; nothing, if it can be trained."""
    variant = config.variant
    if variant.extra_rows and not manifest["spare_rows"]:
        return (
            f"variant.extra_rows is {variant.extra_rows:,}, but the split leaves no spare rows; raise split.spare and "
            "take a source with more rows or a smaller split.test"
        )
    if variant.symmetry and not {"phi", "eta"} <= set(roles(manifest["columns"])):
        return "variant.symmetry needs columns of collisions (phi, eta), as HIGGS has them"
    if variant.symmetry and manifest["scaling"] == "piecewise":
        return "variant.symmetry needs preprocessing=standard, symmetry or none; piecewise hides the angles"
    return ""
