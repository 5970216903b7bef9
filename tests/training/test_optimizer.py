"""The learning rate by step, in closed form."""

import pytest

from overfitting.config.schema import CosineSchedule, InverseTimeSchedule
from overfitting.training.optimizer import learning_rate


def test_inverse_time_decay_halves_the_rate_after_decay_epochs():
    schedule = learning_rate(
        InverseTimeSchedule(name="inverse_time", learning_rate=0.001, decay_epochs=1000), 512, 10000, 20
    )
    for epochs, expected in ((0, 0.001), (1000, 0.0005), (3000, 0.00025)):
        assert float(schedule(epochs * 20)) == pytest.approx(expected)


def test_cosine_warms_up_and_ends_at_zero():
    schedule = learning_rate(
        CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=2), 512, 10, 5
    )
    assert float(schedule(0)) == 0.0
    assert float(schedule(5)) == pytest.approx(0.005)
    assert float(schedule(10)) == pytest.approx(0.01)
    assert float(schedule(30)) == pytest.approx(0.005)  # half of the 40 steps after the warm-up
    assert float(schedule(50)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("width", "peak"), [(512, 0.003), (128, 0.006), (2048, 0.0015)])
def test_narrow_networks_take_larger_steps(width, peak):
    cosine = CosineSchedule(name="cosine", learning_rate=0.003, reference_width=512, warmup_epochs=0)
    assert float(learning_rate(cosine, width, 10, 5)(0)) == pytest.approx(peak)


def test_warm_up_is_shorter_than_a_short_budget():
    schedule = learning_rate(
        CosineSchedule(name="cosine", learning_rate=0.01, reference_width=None, warmup_epochs=5), 512, 1, 5
    )
    assert float(schedule(0)) == pytest.approx(0.01)
