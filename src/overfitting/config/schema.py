"""The schema of params.yaml and conf/: frozen dataclasses that refuse unknown keys, wrong types and bad values."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from overfitting.config.sources import Data
from overfitting.config.strengths import STRENGTHS
from overfitting.config.types import CHECKED, Count, Flag, Integer, Name, Positive, Real, Rows, Seed, Units

Precision = Literal["float32", "mixed_bfloat16"]
Model = Literal["logistic_regression", "random_forest", "gradient_boosting"]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Split:
    """Number of rows per set."""

    train: Count
    """Training rows of a seed."""
    validation: Count
    """Validation rows of a seed."""
    test: Rows
    """Test rows at most, the same for all seeds. 0: repeated splits, in which a seed tests on all rows that it does not
    train or validate on."""
    search: Rows = 0
    """Rows that only `make tune` uses to choose strengths."""
    resample: Flag = True
    """Whether each seed draws its own training and validation rows; else all seeds share the same rows."""
    stratify: Flag = False
    """Whether the classes are spread evenly over the shuffled rows, so that each set has the same share of them."""


Duplicates = Literal["drop", "refuse", "keep"]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Preprocessing:
    """How rows and columns are selected, ordered and scaled."""

    scaling: Literal["standard", "symmetry", "piecewise", "none"]
    """Scaling of the columns, explained in `overfitting.data.preparation.fit_scaling`."""
    derive: Literal["none", "physics"] = "none"
    """Columns computed from the raw ones before they are scaled, explained in `overfitting.data.physics`."""
    shuffle_seed: Seed | None
    """Determines the order of the rows; null: the order of the file."""
    duplicates: Duplicates
    """Rows with the same features as an earlier row; `refuse`: they are an error."""
    without: tuple[Literal["pt", "eta", "phi", "btag", "mass"], ...]
    """Roles of columns to leave out (see `overfitting.data.columns`)."""


class Variant(BaseModel):
    """A network and its remedies. The defaults are `large`, so a variant's YAML states only how it differs.

    Besides the fields below a variant has the strength of each remedy, under the name of its file in
    `training/remedies/`, such as `l2`. A remedy that is off is not part of the variant.
    """

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    hidden_units: Annotated[tuple[Units, ...], Field(min_length=1, max_length=100)] = (512, 512, 512, 512)
    """Units of each hidden layer."""
    activation: Literal["elu", "gelu", "relu", "selu", "silu", "tanh"] = "elu"
    """Activation of the hidden layers."""

    @model_validator(mode="before")
    @classmethod
    def _check_strengths(cls, values: Any) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            raise PydanticCustomError("mapping", "expected the keys of a network and its remedies")
        network = {key: value for key, value in values.items() if key in cls.model_fields}
        kinds = {
            name: core_schema.typed_dict_field(
                core_schema.no_info_plain_validator_function(strength.kind.validate_python), required=False
            )
            for name, strength in STRENGTHS.items()
        }
        validator = SchemaValidator(core_schema.typed_dict_schema(kinds, extra_behavior="forbid"))
        strengths = validator.validate_python({key: value for key, value in values.items() if key not in network})
        return network | {name: value for name, value in strengths.items() if value != STRENGTHS[name].off}

    @model_validator(mode="after")
    def _keeps_units(self) -> "Variant":
        if (kept := min(self.hidden_units) * (1 - self.strength("dropout"))) < 1:
            raise PydanticCustomError(
                "dropout",
                "expected a dropout that keeps at least one unit of each layer on average, not {kept}",
                {"kept": f"{kept:.2g}"},
            )
        return self

    @property
    def strengths(self) -> dict[str, Any]:
        """Strength of each remedy that is on."""
        return dict(self.__pydantic_extra__ or {})

    def strength(self, name: str) -> Any:
        """Strength of the remedy of that name, on or off."""
        return self.strengths.get(name, STRENGTHS[name].off)

    @property
    def ensemble_of(self) -> str | None:
        """Name of the variant whose logits this one averages; None for a variant that is trained."""
        return self.strengths.get("ensemble_of")

    def settings(self) -> dict[str, Any]:
        """All values: the network, and every remedy's strength, on or off."""
        network = {name: getattr(self, name) for name in type(self).model_fields}
        return {**network, **{name: strength.off for name, strength in STRENGTHS.items()}, **self.strengths}

    def differences(self) -> dict[str, Any]:
        """The values in which the variant differs from `large`."""
        large = type(self)().settings()
        return {name: value for name, value in self.settings().items() if value != large[name]}


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class CosineSchedule:
    """Linear warm-up to a peak, then half a cosine down to 0 at the last epoch.

    The peak is `learning_rate * sqrt(reference_width / w)` for a network whose widest hidden layer has w units,
    because narrow networks need larger steps. With `reference_width` null it is `learning_rate` for all networks.
    """

    name: Literal["cosine"]
    learning_rate: Positive
    reference_width: Count | None
    warmup_epochs: Rows


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class InverseTimeSchedule:
    """`learning_rate / (1 + epoch / decay_epochs)`, continuous in the step, as in TensorFlow's tutorial."""

    name: Literal["inverse_time"]
    learning_rate: Positive
    decay_epochs: Count


Schedule = Annotated[CosineSchedule | InverseTimeSchedule, Field(discriminator="name")]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Training:
    """The budget of a run, and how it is computed."""

    epochs: Count
    """Epochs at most."""
    batch_size: Count
    """Rows per step of the optimizer."""
    patience: Count | None
    """Epochs without a better validation log loss after which a run ends; null: never."""
    schedule: Schedule
    """Learning rate by step: `cosine` or `inverse_time`."""
    precision: Precision = "float32"
    """Arithmetic of the matrix products while training; weights and validation are always float32."""
    jit_compile: Flag = False
    """Whether XLA compiles the training step."""
    streaming: Flag = False
    """Whether batches are fetched from the host's memory, for a device that cannot hold the training rows."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Evaluation:
    """What `evaluate` computes."""

    confidence: Annotated[Real, Field(gt=0.5, lt=1)]
    """Confidence of intervals."""
    margin: Positive
    """Differences of log loss inside this margin around 0 are too small to matter (equivalent)."""
    calibration_bins: Annotated[Integer, Field(gt=1, le=1000)]
    """Bins of the expected calibration error."""
    gap: Positive
    """Validation minus training log loss; the first epoch that exceeds it is reported."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Baseline:
    """A classifier of scikit-learn, shown for scale and not ranked."""

    model: Model
    """The classifier."""
    rows: Count
    """Training rows at most, which bounds the cost of a large table."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Choices:
    """The file of each group of conf/ that is used."""

    data: Name
    preprocessing: Name
    training: Name
    evaluation: Name


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class Config:
    """The whole configuration.

    `repeats` is the number of networks per seed, by variant; 1 for variants that it does not name. `seed` chooses one
    of the seeds, and `job` is set in the jobs of a sweep.
    """

    choices: Choices
    data: Data
    split: Split
    preprocessing: Preprocessing
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    repeats: dict[Name, Annotated[Count, Field(le=1000)]]
    variants: Annotated[tuple[Name, ...], Field(min_length=1)]
    baselines: Annotated[tuple[Name, ...], Field(min_length=1)]
    variant: Variant
    training: Training
    evaluation: Evaluation
    baseline: Baseline
    seed: Seed | None
    job: Name | None


# The parts of the configuration that each stage reads, which dvc.yaml lists as its parameters.
SECTIONS: dict[str, tuple[str, ...]] = {
    "download": ("data",),
    "preprocess": ("split", "preprocessing"),
    "train": ("variant", "training", "seeds", "repeats"),
    "baseline": ("baseline", "seeds"),
    "evaluate": ("baselines", "choices.training", "evaluation", "repeats", "seeds", "variants"),
    "report": (),
}
