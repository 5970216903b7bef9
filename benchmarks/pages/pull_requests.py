"""Error rate and power of the check of pull requests, by simulation -> docs/statistics.md.

    python -m benchmarks.pages.pull_requests

Row values of twelve variants are drawn, with deviations as in the comparison. Intervals, statuses, noise and the
decision come from the functions that `evaluate` and the check use. Takes a minute on two quiet cores.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the matrices are small
import numpy as np
from joblib import Parallel, delayed
from scipy import stats

from overfitting.base import markdown
from overfitting.data.manifest import Manifest
from overfitting.evaluation import statistics
from overfitting.evaluation.results import PHASES, Difference, Metrics, Phase, Run, Scores, Variant, Verdict
from overfitting.review.changes import changes
from overfitting.review.comment import lost

PAGE = Path(__file__).parents[2] / "docs/statistics.md"
START, END = "<!-- pull requests -->\n", "<!-- /pull requests -->\n"
SEEDS = (5, 6)
RERUNS, LOSSES = 500, 120  # simulated pull requests per rate
CONFIDENCE, MARGIN = 0.95, 0.005
EFFECTS: Mapping[Phase, Iterable[float]] = {  # true differences to `large`: none, small, and as found
    "early": (0, 0, 0.004, 0.012, -0.003, -0.006, -0.008, -0.010, -0.0141, -0.0141, -0.016, -0.018),
    "late": (0, 0, 0.1, -0.05, -0.1, -0.3, -0.5, -0.6, -1.0, -1.0, -1.0, -1.0),
}
VARIANTS = 12
NAMES = [f"variant {index}" for index in range(VARIANTS)]
SCALE: Mapping[Phase, float] = {"early": 1, "late": 10}  # late losses vary about ten times as much
NETWORK = np.linspace(0.0006, 0.0014, VARIANTS)[:, None, None]  # deviation of a variant with initial weights
LARGE = 0.005 / 3**0.5  # that of `large`, the mean of three networks
SAMPLE = 0.006  # deviation of a difference with the training rows
ROWS, ROW = 128, 0.002  # test rows, and the standard error of a difference that they cause


@dataclass(frozen=True)
class Pull:
    """A simulated pull request; without a `variant` it only retrains."""

    seeds: int = SEEDS[0]
    same_seeds: bool = False
    same_rows: bool = True
    heavy: bool = False  # seeds vary as Student's t with 3 degrees of freedom
    variant: int | None = None  # keeps only a share of its effect
    phase: Phase = "early"  # in which it does
    left: float = 1.0
    alone: bool = False  # no other variant is trained again


RETRAINED = {
    "the same seeds again": Pull(same_seeds=True),
    "other seeds": Pull(),
    "other seeds, heavy tails": Pull(heavy=True),
    "other seeds and test rows": Pull(same_rows=False),
}
LOST = {
    "early, -0.0141 to 0": Pull(variant=8, left=0),
    "early, -0.016 to 0": Pull(variant=10, left=0),
    "late, -1.0 to -0.5 (still better)": Pull(variant=8, phase="late", left=0.5),
}
TRAINED: Mapping[str, Mapping[str, Any]] = {
    "the variant, same seeds": {"same_seeds": True, "alone": True},
    "all, same seeds": {"same_seeds": True},
    "all, other seeds": {},
}


def simulated(pull: Pull, number: int) -> tuple[bool, bool, bool, bool]:
    """Whether a status is lost, a change for the worse is beyond noise, the check is red, and the variant was better.

    The first two are of the variant alone if there is one.
    """
    statistics.DRAWS = 1000  # a tenth, because each of thousands of pull requests has its own
    generator = np.random.default_rng([number, pull.seeds])
    drawn = {phase: rows(pull, phase, generator) for phase in PHASES}
    before = metrics({phase: found[0] for phase, found in drawn.items()}, 0, "rows")
    now = metrics(
        {phase: found[1] for phase, found in drawn.items()},
        0 if pull.same_seeds else pull.seeds,
        "rows" if pull.same_rows else "other rows",
    )
    found = changes(before, now)
    reasons = lost(before, now, found)
    if pull.variant is not None:
        found = [each for each in found if (each.variant, each.phase) == (NAMES[pull.variant], pull.phase)]
    beyond = any(change.size > change.noise for change in found)
    return any(change.lost for change in found), beyond, bool(reasons), found[0].before.status == "better"


def rows(pull: Pull, phase: Phase, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Differences (n_variants, n_seeds, n_rows) before and now."""

    def draw(n_variants: int = VARIANTS) -> np.ndarray:
        shape = (n_variants, pull.seeds, 1)
        return generator.standard_t(3, shape) / 3**0.5 if pull.heavy else generator.normal(size=shape)

    def cases() -> np.ndarray:
        return ROW * ROWS**0.5 * generator.normal(size=(VARIANTS, 1, ROWS))

    effect = np.array(EFFECTS[phase])[:, None, None] / SCALE[phase]
    own, large, sample, case = NETWORK * draw(), LARGE * draw(1), SAMPLE * draw(), cases()
    before = effect + sample + case + own - large
    again = np.full((VARIANTS, 1, 1), not pull.alone)
    left = np.ones((VARIANTS, 1, 1))
    if pull.variant is not None:
        again[pull.variant] = True
        left[pull.variant] = pull.left if phase == pull.phase else 1
    own = np.where(again, NETWORK * draw(), own)
    large = large if pull.alone else LARGE * draw(1)
    sample = sample if pull.same_seeds else SAMPLE * draw()
    case = case if pull.same_rows else cases()
    return SCALE[phase] * before, SCALE[phase] * (left * (effect + sample + case) + own - large)


def metrics(drawn: Mapping[Phase, np.ndarray], first_seed: int, data: str) -> Metrics:
    """Results with these differences; what the check does not read is left out."""
    scores: dict[str, dict[str, Any]] = {name: {} for name in NAMES}
    for phase, values in drawn.items():
        by_name = dict(zip(NAMES, values, strict=True))
        for name, found in statistics.simultaneous(by_name, CONFIDENCE).items():
            difference = Difference.model_construct(
                mean=found.mean,
                ci_low=found.ci_low,
                ci_high=found.ci_high,
                seeds=tuple(by_name[name].mean(axis=1)),
                status=statistics.status(found, MARGIN),
            )
            scores[name][phase] = Scores.model_construct(difference=difference)
    seeds = tuple(range(first_seed, first_seed + drawn["early"].shape[1]))
    large = Variant.model_construct(**dict.fromkeys(PHASES, Scores.model_construct(difference=None)))
    return Metrics.model_construct(
        data=Manifest.model_construct(sha256=data),
        run=Run.model_construct(seeds=seeds, confidence=CONFIDENCE),
        variants={"large": large, **{name: Variant.model_construct(**found) for name, found in scores.items()}},
        early_stopping=None,
        verdict=Verdict.model_construct(ranking=tuple(NAMES)),
    )


def tables() -> str:
    """Pull requests that only retrain, and pull requests that lose an effect, in Markdown."""
    with Parallel(n_jobs=-1) as parallel:

        def draws(pull: Pull, number: int) -> np.ndarray:
            return np.array(parallel(delayed(simulated)(pull, index) for index in range(number)))

        errors = [
            [name, str(seeds), *map(share, draws(replace(pull, seeds=seeds), RERUNS)[:, :3].T)]
            for name, pull in RETRAINED.items()
            for seeds in SEEDS
        ]
        power = []
        for name, pull in LOST.items():
            for trained, how in TRAINED.items():
                found = [draws(replace(pull, seeds=seeds, **how), LOSSES) for seeds in SEEDS]
                power.append([name, trained, *(share(of[of[:, 3], column]) for column in (1, 2) for of in found)])
    header = [
        "trained again with",
        "seeds",
        "a status is lost",
        "a difference is worse beyond noise",
        "the check is red",
    ]
    columns = [f"{what}, {seeds} seeds" for what in ("beyond noise", "red") for seeds in SEEDS]
    lost_header = ["true difference of one variant", "trained again", *columns]
    words = "If the variant's status was *better* before:"
    return f"{markdown.table(header, errors)}\n\n{words}\n\n{markdown.table(lost_header, power)}\n"


def share(found: np.ndarray) -> str:
    """The share of true values, with its 95 % interval (Clopper, Pearson)."""
    low, high = stats.binomtest(int(found.sum()), found.size).proportion_ci()
    return f"{found.mean():.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    """Simulate, and write the tables between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index(START) + len(START), text.index(END)
    found = tables()
    PAGE.write_text(f"{text[:start]}{found}{text[end:]}", encoding="utf-8")
    print(found)


if __name__ == "__main__":
    main()
