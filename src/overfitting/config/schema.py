"""The schema of params.yaml and conf/: frozen dataclasses that refuse unknown keys, wrong types and bad values."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_CHECKED = ConfigDict(extra="forbid", use_attribute_docstrings=True)

# strict: "3" is no 3 and true is no 1
Integer = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[Integer, Field(gt=0)]
Seed = Annotated[Integer, Field(ge=0, lt=2**31)]
Rows = Annotated[Integer, Field(ge=0)]
Factor = Annotated[Real, Field(ge=0)]
Share = Annotated[Real, Field(ge=0, lt=1)]
Positive = Annotated[Real, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
Precision = Literal["float32", "mixed_bfloat16"]
Reference = Literal["logistic_regression", "random_forest", "hist_gradient_boosting"]
WebAddress = Annotated[str, Field(pattern="^https?://[^/]")]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class BundledData:
    """The HIGGS-like events committed with the project."""

    source: Literal["bundled"]
    path: Name
    """Parquet file with the events."""


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class SimulatedData:
    """HIGGS-like events simulated at run time."""

    source: Literal["simulated"]
    rows: Count
    """Number of events; a larger number adds events to those of a smaller one."""
    seed: Seed
    """Determines the events."""
    processes: Count | None
    """Number of processes; null: one per core. The events do not depend on it."""


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class HiggsData:
    """Genuine events: the HIGGS file of UCI, or its first rows."""

    source: Literal["higgs"]
    rows: Count | None
    """Number of rows, from the start of the file; null: the whole file, which is then checked."""
    path: Name | None
    """Local file or file: URL, plain or gzip; null: download."""
    urls: Annotated[tuple[WebAddress, ...], Field(min_length=1)]
    """Addresses of HIGGS.csv.gz, tried in this order."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the published HIGGS.csv.gz."""
    size_bytes: Count
    """Size of the published HIGGS.csv.gz."""
    timeout_seconds: Positive
    """Time without data from the server after which a connection is closed."""
    retries: Annotated[Integer, Field(ge=0)]
    """Consecutive failures per URL that are tolerated."""


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class CsvData:
    """A user-supplied table with a binary label, CSV with a header or Parquet."""

    source: Literal["csv"]
    path: Name
    """The file; in data/own/, DVC notices changes in its content."""
    label: Name
    """Column with two values."""
    positive: Flag | Integer | Real | Name | None = None
    """Value of the label that counts as 1; null: the larger number, true or yes."""
    missing: Literal["error", "impute"] = "error"
    """Missing features; `impute`: the median and an indicator column, or a separate category for text."""
    missing_labels: Literal["error", "drop"] = "error"
    """Rows without a label."""
    categorical: tuple[Name, ...] = ()
    """Columns of numbers to read as categories; columns of text always are."""
    categories: Count = 20
    """Per column, the number of categories that are kept apart, the most frequent ones; the others are grouped."""
    units: dict[str, str] = field(default_factory=dict)
    """Unit per column, shown in the report."""


Data = Annotated[BundledData | SimulatedData | HiggsData | CsvData, Field(discriminator="source")]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Split:
    """Number of rows per set, taken in the order validation, training, test, spare."""

    train: Count
    """Training rows."""
    validation: Count
    """Validation rows."""
    test: Count
    """Test rows at most; there must be at least one."""
    spare: Rows = 0
    """Spare rows at most, for variants that train on more rows (`extra_rows`)."""


Duplicates = Literal["drop", "refuse", "keep"]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Preprocessing:
    """How rows and columns are selected, ordered and scaled."""

    scaling: Literal["standard", "symmetry", "piecewise", "none"]
    """Scaling of the columns, explained in `overfitting.data.preparation.fit_scaling`."""
    shuffle_seed: Seed | None
    """Determines the order of the rows; null: the order of the file."""
    duplicates: Duplicates
    """Rows with the same features as an earlier row; `refuse`: they are an error."""
    without: tuple[Literal["pt", "eta", "phi", "btag", "mass"], ...]
    """Roles of columns to leave out (see `overfitting.data.columns`)."""


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Variant:
    """A network and its remedies. The defaults are `large`, so a variant's YAML states how it differs from it.

    Penalties and bounds of the hidden kernels: `l1` and `l2` are factors of the penalty in the loss, `weight_decay`
    is decoupled (AdamW: `learning_rate * weight_decay * w` a step), `max_norm` bounds the norm of each unit's
    weights. Layers: `dropout` is the rate after each hidden layer, `normalization` stands before each activation,
    `noise` is the deviation of what is added to the input. Rows and targets: `label_smoothing`; `mixup` (its alpha);
    `symmetry`, the rotations and reflections of collisions at random; `extra_rows`, at most so many of the spare
    rows. Weights: `ema` is the momentum of their moving average, which then counts instead of them; `patience` ends
    the training early; `keep` says which epoch counts. `ensemble_of` trains nothing: it averages the logits of that
    variant over the seeds.
    """

    hidden_units: Annotated[tuple[Count, ...], Field(min_length=1)] = (512, 512, 512, 512)
    activation: Literal["elu", "gelu", "relu", "selu", "silu", "tanh"] = "elu"
    l1: Factor = 0.0
    l2: Factor = 0.0
    weight_decay: Factor = 0.0
    max_norm: Positive | None = None
    dropout: Share = 0.0
    normalization: Literal["batch", "layer"] | None = None
    noise: Factor = 0.0
    label_smoothing: Share = 0.0
    mixup: Factor = 0.0
    symmetry: Flag = False
    extra_rows: Rows = 0
    ema: Share = 0.0
    patience: Count | None = None
    keep: Literal["best", "last"] = "best"
    ensemble_of: Name | None = None


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class CosineSchedule:
    """Linear warm-up to a peak, then half a cosine down to 0 at the last epoch.

    The peak is `learning_rate * sqrt(reference_width / w)` for a network whose widest hidden layer has w units: narrow
    networks need, and stand, larger steps. `reference_width` null: `learning_rate` for all.
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


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Training:
    """The budget: at most `epochs`; stop after `patience` epochs without a better validation log loss (null: never).

    How it is computed: `precision` of the matrix products, `jit_compile` by XLA, and `streaming` of batches from the
    host's memory to a device that cannot hold the training rows.
    """

    epochs: Count
    batch_size: Count
    patience: Count | None
    schedule: Schedule
    precision: Precision = "float32"
    jit_compile: Flag = False
    streaming: Flag = False


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Evaluation:
    """What `evaluate` computes: confidence of intervals and tests, bins of the calibration error, the gap that counts.

    `gap` is a difference of validation and training log loss; the first epoch that passes it is reported. `references`
    are classifiers of scikit-learn that are shown beside the networks and not ranked.
    """

    confidence: Annotated[Real, Field(gt=0.5, lt=1)]
    calibration_bins: Annotated[Integer, Field(gt=1)]
    gap: Positive
    references: tuple[Reference, ...]


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Choices:
    """Which file of each group of conf/ is taken."""

    data: Name
    preprocessing: Name
    training: Name


@dataclass(frozen=True, kw_only=True, config=_CHECKED)
class Config:
    """All that a stage can read; `seed` is set while one seed trains."""

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


# The parts of the configuration that a stage reads, and so what dvc.yaml lists for it.
SECTIONS: dict[str, tuple[str, ...]] = {
    "download": ("data",),
    "preprocess": ("split", "preprocessing"),
    "train": ("variant", "training", "seeds"),
    "evaluate": ("choices.training", "evaluation", "seeds", "variants"),
    "report": (),
}
