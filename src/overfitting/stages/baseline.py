"""Stage baseline@{name}: logits of the test rows by a baseline -> runs/baselines/<name>/.

Beside `evaluate` it is the only stage that reads the test rows.
"""

from overfitting.base.errors import UserError
from overfitting.evaluation.baselines import Baseline, plan


def run(baseline: Baseline) -> None:
    """Fit a baseline, unless its folder holds it finished; UserError if the code is not that of its fingerprint."""
    [now] = plan({baseline.name: baseline.config}, baseline.data)
    if now.fingerprint != baseline.fingerprint:
        raise UserError(f"{baseline.name}: the source code changed after the stage started; start the stage again")
    baseline.fit()
