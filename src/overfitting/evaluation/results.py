"""Types of results/metrics.json, which `evaluate` writes and the report, MLflow and pull requests read."""

from typing import Final, Literal

from overfitting.base.records import Record
from overfitting.data.manifest import Manifest

Metric = Literal["test_log_loss", "test_auc", "test_accuracy", "test_brier", "test_calibration_error"]
Group = Literal["best", "better", "tied", "reference", "worse"]
PRIMARY: Final = "test_log_loss"  # the metric that ranks
REFERENCE: Final = "large"  # the variant that all others are compared with


class Estimate(Record):
    """A mean over seeds with its confidence interval; the interval and `std` are None with one seed."""

    mean: float
    ci_low: float | None
    ci_high: float | None
    std: float | None  # between seeds
    seeds: tuple[float, ...]  # value of each seed, in the order of `Run.seeds`

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the confidence interval; both are the mean with one seed."""
        if self.ci_low is None or self.ci_high is None:
            return self.mean, self.mean
        return self.ci_low, self.ci_high


class Difference(Estimate):
    """A paired difference and the two-sided p-value of no difference; `p_holm` is corrected for their number."""

    p_value: float | None
    p_holm: float | None = None


class GapEpoch(Record):
    """First epoch whose validation log loss exceeds training log loss by `Metrics.gap_size`; None: never."""

    median: float | None
    seeds: tuple[int | None, ...]


class Training(Record):
    """Training results of a variant over its seeds; log losses are measured without dropout and without penalty."""

    fingerprints: tuple[str, ...]  # of the runs, one per seed
    train_rows: int
    best_epoch: Estimate  # lowest validation log loss
    epochs: Estimate
    train_log_loss_best: Estimate
    train_log_loss_last: Estimate
    val_log_loss_best: Estimate
    val_log_loss_last: Estimate
    gap_best: Estimate  # validation minus training log loss at the best epoch
    gap_last: Estimate  # at the last epoch
    rise_after_best: Estimate  # of validation log loss
    weight_norm: Estimate
    near_zero_share: Estimate
    near_zero_share_initial: Estimate
    zero_share: Estimate
    gap_epoch: GapEpoch
    weight_histogram: tuple[float, ...]  # mean share of the hidden weights per bin of `Metrics.weight_bins`


class Calibration(Record):
    """Points of a reliability diagram, one per bin of predicted probability; None if the bin is empty."""

    predicted: tuple[float | None, ...]  # mean probability
    observed: tuple[float | None, ...]  # share of signal
    rows: tuple[float, ...]  # mean number over seeds


class Scores(Record):
    """Results of a classifier on the test rows, compared with `large`."""

    metrics: dict[Metric, Estimate]
    difference_to_large: dict[Metric, Difference] | None  # None if `large` did not run

    @property
    def log_loss(self) -> Estimate:
        """Test log loss, the metric that ranks."""
        return self.metrics[PRIMARY]

    @property
    def difference(self) -> Difference | None:
        """Difference of test log loss to `large`; negative is better."""
        return self.difference_to_large[PRIMARY] if self.difference_to_large else None


class Baseline(Scores):
    """A classifier that is not a network: shown for scale, not ranked."""

    train_rows: int


class Variant(Scores):
    """A variant over all seeds. `difference_to_large` is None for `large` itself, too."""

    description: str
    parameters: int
    group: Group
    calibration: Calibration
    ensemble_of: str | None = None
    training: Training | None = None  # None for an ensemble, which trains nothing


class Run(Record):
    """How the comparison was run."""

    seeds: tuple[int, ...]
    training: str  # name of a file of conf/training/
    fingerprint: str  # of the comparison
    processor: str  # machine and vector extensions
    versions: dict[str, str]
    arithmetic: str  # float32, or the precision and whether XLA compiled


class Champion(Record):
    """The best model: the best variant's seed with the lowest validation log loss, or an ensemble."""

    variant: str
    column: str  # of results/predictions.parquet
    models: tuple[str, ...]  # paths of the networks, whose logits are averaged
    test_log_loss: float
    test_auc: float


class Verdict(Record):
    """The answer in words."""

    sentence: str
    best: tuple[str, ...]  # variants of the group `best`, best first
    ranking: tuple[str, ...]  # all variants, best first
    details: tuple[str, ...]  # more sentences


class Metrics(Record):
    """results/metrics.json."""

    data: Manifest
    run: Run
    variants: dict[str, Variant]
    baselines: dict[str, Baseline]
    weight_bins: tuple[float, ...]  # edges, log10 |w|; empty if only ensembles ran
    gap_size: float  # difference of validation and training log loss
    champion: Champion
    verdict: Verdict

    @property
    def trained(self) -> dict[str, Training]:
        """Training of each variant that has runs of its own, best variant first."""
        return {name: found for name in self.verdict.ranking if (found := self.variants[name].training)}

    @property
    def ranked_baselines(self) -> dict[str, Baseline]:
        """Baselines, lowest test log loss first."""
        return dict(sorted(self.baselines.items(), key=lambda item: item[1].log_loss.mean))
