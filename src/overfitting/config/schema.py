"""The schema of params.yaml and conf/: frozen dataclasses that refuse unknown keys, wrong types and bad values."""

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import InitErrorDetails, PydanticCustomError

from overfitting.config.strengths import STRENGTHS
from overfitting.config.types import Count, Flag, Integer, Name, Positive, Real, Rows, Seed

_CHECKED = ConfigDict(extra="forbid")

Precision = Literal["float32", "mixed_bfloat16"]
Baseline = Literal["logistic_regression", "random_forest", "hist_gradient_boosting"]
WebAddress = Annotated[str, Field(pattern="^https?://[^/]")]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class BundledData:
    """The HIGGS-like events committed with the project."""

    source: Literal["bundled"]
    path: Name


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class SimulatedData:
    """HIGGS-like events simulated at run time; `processes` null takes one a core and never changes the events."""

    source: Literal["simulated"]
    rows: Count
    seed: Seed
    processes: Count | None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class HiggsData:
    """The first `rows` (null: all) of the HIGGS file of UCI, from `path` if set, else from one of `urls`."""

    source: Literal["higgs"]
    rows: Count | None
    path: Name | None
    urls: Annotated[tuple[WebAddress, ...], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size_bytes: Count
    timeout_seconds: Positive
    retries: Annotated[Integer, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class CsvData:
    """A table of one's own, CSV or Parquet: how its label, its missing values and its categories are read.

    `positive` is the value of the label that counts as 1; null takes the larger of two numbers, or true, or yes. Rows
    without a label, and missing values of features, are an error, unless they are to be dropped and imputed. Columns
    without a number are categories, and those named in `categorical`; of each column the `categories` most frequent
    ones of the training rows are told apart. `units` are shown in the report.
    """

    source: Literal["csv"]
    path: Name
    label: Name
    positive: Flag | Integer | Real | Name | None = None
    missing: Literal["error", "impute"] = "error"
    missing_labels: Literal["error", "drop"] = "error"
    categorical: tuple[Name, ...] = ()
    categories: Count = 20
    units: dict[str, str] = field(default_factory=dict)


Data = Annotated[BundledData | SimulatedData | HiggsData | CsvData, Field(discriminator="source")]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Split:
    """Rows of the training and validation sets, and at most how many of the rest become the test set.

    Of what is left then, up to `spare` rows are kept for variants that train on more (`extra_rows`).
    """

    train: Count
    validation: Count
    test: Count
    spare: Rows = 0


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Preprocessing:
    """How rows are ordered, scaled and rid of duplicates; `shuffle_seed` null keeps the order of the file.

    Columns with a role in `without` are left out (see `overfitting.data.columns`).
    """

    scaling: Literal["standard", "symmetry", "piecewise", "none"]
    shuffle_seed: Seed | None
    duplicates: Literal["drop", "refuse", "keep"]
    without: tuple[Literal["pt", "eta", "phi", "btag", "mass"], ...]


class Variant(BaseModel):
    """A network and its remedies. The defaults are `large`, so a variant's YAML states only how it differs.

    Besides the fields below a variant has the strength of each remedy, under the name of its file in
    `training/remedies/`, such as `l2`. A remedy that is off is not part of the variant.
    """

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    hidden_units: Annotated[tuple[Count, ...], Field(min_length=1)] = (512, 512, 512, 512)
    """Units of each hidden layer."""
    activation: Literal["elu", "gelu", "relu", "selu", "silu", "tanh"] = "elu"
    """Activation of the hidden layers."""

    @model_validator(mode="before")
    @classmethod
    def _check_strengths(cls, values: Any) -> dict[str, Any]:
        checked: dict[str, Any] = {}
        problems: list[InitErrorDetails] = []
        for key, value in dict(values).items():
            if key in cls.model_fields:
                checked[key] = value
            elif key in STRENGTHS:
                try:
                    strength = STRENGTHS[key].kind.validate_python(value)
                except ValidationError as error:
                    problems += [_line(found, key) for found in error.errors()]
                    continue
                if strength != STRENGTHS[key].off:
                    checked[key] = strength
            else:
                unknown = PydanticCustomError("unexpected_keyword_argument", "unknown key")
                problems.append(InitErrorDetails(type=unknown, loc=(key,), input=value))
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return checked

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


def _line(found: Any, key: str) -> InitErrorDetails:
    """A problem with the value of `key`, as pydantic takes it."""
    return InitErrorDetails(
        type=found["type"], loc=(key, *found["loc"]), input=found["input"], ctx=found.get("ctx", {})
    )


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class CosineSchedule:
    """Linear warm-up to a peak, then half a cosine down to 0 at the last epoch.

    The peak is `learning_rate * sqrt(reference_width / w)` for a network whose widest hidden layer has w units,
    because narrow networks need larger steps. With `reference_width` null it is `learning_rate` for all networks.
    """

    name: Literal["cosine"]
    learning_rate: Positive
    reference_width: Count | None
    warmup_epochs: Annotated[Integer, Field(ge=0)]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class InverseTimeSchedule:
    """`learning_rate / (1 + epoch / decay_epochs)`, continuous in the step, as in TensorFlow's tutorial."""

    name: Literal["inverse_time"]
    learning_rate: Positive
    decay_epochs: Count


Schedule = Annotated[CosineSchedule | InverseTimeSchedule, Field(discriminator="name")]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True))
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


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Evaluation:
    """What `evaluate` computes."""

    confidence: Annotated[Real, Field(gt=0.5, lt=1)]  # of intervals; tests are at 1 - confidence
    calibration_bins: Annotated[Integer, Field(gt=1)]  # of the expected calibration error
    gap: Positive  # validation minus training log loss; the first epoch that exceeds it is reported
    baselines: tuple[Baseline, ...]  # scikit-learn classifiers, shown for scale and not ranked


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Choices:
    """The file of each group of conf/ that is used."""

    data: Name
    preprocessing: Name
    training: Name
    evaluation: Name


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Config:
    """The whole configuration; `seed` is set only in the jobs of a sweep over seeds."""

    choices: Choices
    data: Data
    split: Split
    preprocessing: Preprocessing
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    variants: Annotated[tuple[Name, ...], Field(min_length=1)]
    variant: Variant
    training: Training
    evaluation: Evaluation
    seed: Seed | None


# The parts of the configuration that each stage reads, which dvc.yaml lists as its parameters.
SECTIONS: dict[str, tuple[str, ...]] = {
    "download": ("data",),
    "preprocess": ("split", "preprocessing"),
    "train": ("variant", "training", "seeds"),
    "evaluate": ("choices.training", "evaluation", "seeds", "variants"),
    "report": (),
}
