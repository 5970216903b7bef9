"""Types of results/metrics.json, which `evaluate` writes and the report, MLflow and pull requests read."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from overfitting.base.records import Record
from overfitting.data.manifest import Manifest

Metric = Literal["test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"]
Phase = Literal["early", "late"]  # the weights of the best epoch on the validation rows, or of the last epoch
Status = Literal["reference", "better", "worse", "equivalent", "undecided", "one seed"]
Block = Literal["ranked", "given strength", "ensemble"]
PRIMARY: Final = "test_log_loss"  # the metric that ranks
REFERENCE: Final = "large"  # the variant that all others are compared with
PHASES: Final[tuple[Phase, ...]] = ("early", "late")


class Estimate(Record):
    """A mean over seeds with its confidence interval; the interval is None if the data cannot support one."""

    mean: float
    ci_low: float | None
    ci_high: float | None
    std: float | None  # between seeds; None with one seed
    seeds: tuple[float, ...]  # value of each seed, in the order of `Run.seeds`

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the confidence interval; both are the mean if there is none."""
        if self.ci_low is None or self.ci_high is None:
            return self.mean, self.mean
        return self.ci_low, self.ci_high


class Difference(Estimate):
    """A difference paired by seed and test row; its interval holds together with those of its family.

    `seeds_needed` is the number of seeds that would decide an undecided one; None if the test rows limit it.
    """

    status: Status
    seeds_needed: int | None = None


class Scores(Record):
    """Results of a classifier on the test rows."""

    metrics: dict[Metric, Estimate]
    difference: Difference | None  # of test log loss to `large`, negative is better; None for `large` or without it

    @property
    def log_loss(self) -> Estimate:
        """Test log loss, the metric that ranks."""
        return self.metrics[PRIMARY]

    @property
    def status(self) -> Status:
        """What the difference says; `reference` without a difference."""
        return self.difference.status if self.difference else "reference"


class Baseline(Scores):
    """A classifier that is not a network: shown for scale, compared with `large` early, not ranked."""

    train_rows: int


class Calibration(Record):
    """Points of a reliability diagram, one per bin of predicted probability; None if the bin is empty."""

    predicted: tuple[float | None, ...]  # mean probability
    observed: tuple[float | None, ...]  # share of signal
    rows: tuple[float, ...]  # mean number over the networks


class RunScores(Record):
    """One run: its identity, and its results on the test rows."""

    seed: int
    repeat: int
    fingerprint: str
    early: dict[Metric, float]
    late: dict[Metric, float]


class GapEpoch(Record):
    """First epoch whose validation log loss exceeds training log loss by `Metrics.gap_size`; None: never."""

    median: float | None
    seeds: tuple[int | None, ...]  # of each seed's first network


class Fits(Record):
    """What the early or late weights of a variant reached; log losses are measured without dropout and penalty."""

    train_log_loss: Estimate
    val_log_loss: Estimate
    gap: Estimate  # test minus training log loss, over seeds and test rows
    weight_norm: Estimate
    near_zero_share: Estimate  # of the hidden weights, |w| < 0.001
    zero_share: Estimate  # exactly 0
    val_log_loss_pruned: Estimate  # after the weights near zero are set to 0
    weight_histogram: tuple[float, ...]  # mean share of the hidden weights per bin of `Metrics.weight_bins`


class Training(Record):
    """Training results of a variant; values of a seed are means over its repeats."""

    runs: tuple[RunScores, ...]
    train_rows: int
    best_epoch: Estimate  # lowest validation log loss
    epochs: Estimate
    early: Fits
    late: Fits
    near_zero_share_initial: Estimate
    gap_epoch: GapEpoch


class Variant(Record):
    """A variant over all seeds, with its early and its late weights."""

    description: str
    parameters: int  # of all its networks
    networks: int  # trained per seed
    block: Block
    is_best: bool  # ranked, and not worse than any other ranked variant, with early weights
    early: Scores
    late: Scores
    calibration: Calibration  # of the early weights
    ensemble_of: str | None = None
    training: Training | None = None  # None for an ensemble, which trains nothing

    def scores(self, phase: Phase) -> Scores:
        """Results with the early or the late weights."""
        return self.early if phase == "early" else self.late


class Run(Record):
    """How the comparison was run."""

    seeds: tuple[int, ...]
    training: str  # name of a file of conf/training/
    fingerprint: str  # of the comparison
    processor: str  # machine and vector extensions
    versions: dict[str, str]
    arithmetic: str  # float32, or the precision and whether XLA compiled
    confidence: float
    margin: float  # log loss; smaller differences are equivalent
    overlap: float  # mean share of rows that the samples of two seeds have in common


class Champion(Record):
    """The best model by validation log loss: a run, or the networks of an ensemble's seed. It is early."""

    variant: str
    column: str  # of results/predictions.parquet
    models: tuple[str, ...]  # paths of the networks, whose logits are averaged
    val_log_loss: float  # chosen by this; of an ensemble the mean of its members'
    test_log_loss: float
    test_auc: float


class Level(Record):
    """What the comparison says at another confidence, for the reader of the page who chooses one."""

    confidence: float
    late: dict[str, tuple[float, float]]  # intervals of the differences to `large`, early stopping included
    early: dict[str, tuple[float, float]]  # as `late`; with the baselines
    best: tuple[str, ...]  # the best set


class Verdict(Record):
    """The answers in words."""

    prevents: str  # question 1: does it prevent overfitting?
    predicts: str  # question 2: does it predict better than stopping early does?
    details: tuple[str, ...]  # more sentences
    best: tuple[str, ...]  # the best set of question 2, lowest log loss first
    ranking: tuple[str, ...]  # all variants: by block, then by early test log loss

    @property
    def sentence(self) -> str:
        """Both answers."""
        return f"{self.prevents} {self.predicts}"


class Metrics(Record):
    """results/metrics.json."""

    has_checksum: ClassVar[bool] = True

    data: Manifest
    run: Run
    variants: dict[str, Variant]
    early_stopping: Difference | None  # `large` early minus `large` late; None without `large`
    tuning: dict[str, Difference]  # tuned minus given strength, early, by the name of the given one
    baselines: dict[str, Baseline]
    weight_bins: tuple[float, ...]  # edges, log10 |w|; empty if only ensembles ran
    gap_size: float  # difference of validation and training log loss
    champion: Champion
    verdict: Verdict
    failed: dict[str, str] = Field(default_factory=dict)  # variants without results, and why
    levels: tuple[Level, ...] = ()  # by confidence; empty with one seed
    curves_sha256: str = ""  # of results/curves.csv; the stage adds it

    @property
    def trained(self) -> dict[str, Training]:
        """Training of each variant that has runs of its own, in the order of the ranking."""
        return {name: found for name in self.verdict.ranking if (found := self.variants[name].training)}

    @property
    def ranked_baselines(self) -> dict[str, Baseline]:
        """Baselines, lowest test log loss first."""
        return dict(sorted(self.baselines.items(), key=lambda item: item[1].log_loss.mean))

    def with_status(self, phase: Phase, status: Status) -> list[str]:
        """Ranked variants whose difference has that status, lowest test log loss first."""
        found = [name for name in self.block("ranked") if self.variants[name].scores(phase).status == status]
        return sorted(found, key=lambda name: self.variants[name].scores(phase).log_loss.mean)

    def block(self, block: Block) -> list[str]:
        """Variants of a block, lowest early test log loss first."""
        return [name for name in self.verdict.ranking if self.variants[name].block == block]
