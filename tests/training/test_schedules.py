import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from deepbook.training import (
    Descent,
    by_epoch,
    constant,
    cosine_decay,
    exponential_decay,
    inverse_time_decay,
    linear_decay,
    linear_decay_to,
    loop,
    one_cycle,
    step_decay,
    warm_up,
)


class Noting(torch.optim.SGD):
    """Writes down the rate that each step really uses."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.used = []

    def step(self, closure=None):
        self.used.append(self.param_groups[0]["lr"])
        return super().step(closure)


def rates_used(schedule, *, epochs=1, batches=10, lr=1.0):
    """The rates of all steps of a training of ``epochs * batches`` steps."""
    model = torch.nn.Linear(1, 1)
    optimizer = Noting(model.parameters(), lr=lr)
    step = Descent(model, lambda model, x: model(x).sum(), optimizer, schedule=schedule)
    loop(step, [torch.ones(1, 1)] * batches, epochs=epochs)
    return optimizer.used


def torchs_rates(make, *, lr, steps):
    """The rates of all steps under one of torch's schedulers."""
    optimizer = Noting([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    return optimizer.used


def test_constant_is_one_and_linear_decay_falls_to_zero():
    assert [constant(done) for done in (0, 0.5, 0.9)] == [1, 1, 1]
    assert [linear_decay(done) for done in (0, 0.25, 1)] == [1, 0.75, 0]


def test_a_rate_warms_up_on_a_line_and_then_follows_what_comes_after():
    schedule = warm_up(0.2, linear_decay)
    assert [schedule(done) for done in (0, 0.1, 0.2, 0.6)] == pytest.approx([0, 0.5, 1, 0.5])
    with pytest.raises(ValueError, match="share between 0 and 1, got 1"):
        warm_up(1)


@given(epochs=st.integers(1, 200), batches=st.integers(1, 300), data=st.data())
def test_by_epoch_is_the_schedule_at_the_start_of_the_epoch_that_runs(epochs, batches, data):
    step = data.draw(st.integers(0, epochs * batches - 1))
    held = by_epoch(linear_decay, epochs)(step / (epochs * batches))
    assert held == linear_decay(step // batches / epochs)


def test_the_line_of_equation_8_14_ends_at_tau():
    used = rates_used(linear_decay_to(0.1, share=0.5), lr=2.0)
    # epsilon_k = (1 - k / tau) epsilon_0 + k / tau epsilon_tau
    assert used == pytest.approx([2, 1.64, 1.28, 0.92, 0.56] + [0.2] * 5)


def test_a_step_decay_uses_each_rate_as_long_as_the_others():
    used = rates_used(step_decay(0.2, [1 / 3, 2 / 3]), epochs=3, batches=7, lr=0.5)
    assert used == pytest.approx([0.5] * 7 + [0.1] * 7 + [0.02] * 7)


@given(steps=st.integers(2, 400), data=st.data())
def test_a_step_decay_falls_exactly_at_its_step(steps, data):
    fall = data.draw(st.integers(1, steps - 1))
    schedule = step_decay(0.5, [fall / steps])
    assert [schedule(k / steps) for k in range(steps)] == [1] * fall + [0.5] * (steps - fall)


def test_rates_are_those_of_torchs_schedulers():
    pairs = [
        (step_decay(0.3, [0.2, 0.7]), lambda o: lr_scheduler.MultiStepLR(o, [2, 7], 0.3)),
        (exponential_decay(0.9**10), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        (cosine_decay(), lambda o: lr_scheduler.CosineAnnealingLR(o, 10)),
        (cosine_decay(0.25), lambda o: lr_scheduler.CosineAnnealingLR(o, 10, eta_min=0.75)),
        (linear_decay_to(0.1, 0.5), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 5)),
    ]
    for schedule, scheduler in pairs:
        expected = torchs_rates(scheduler, lr=3.0, steps=10)
        assert rates_used(schedule, lr=3.0) == pytest.approx(expected)


def test_one_cycle_is_torchs_up_to_the_place_of_its_last_step():
    def scheduler(optimizer):
        return lr_scheduler.OneCycleLR(optimizer, 2.0, total_steps=11, cycle_momentum=False)

    expected = torchs_rates(scheduler, lr=1.0, steps=10)
    # torch counts its shares to the last step, and its rise ends at 0.3 * 11 - 1
    ours = [2 * one_cycle(share=0.23)(k / 10) for k in range(10)]
    assert ours == pytest.approx(expected)


def test_one_cycle_rises_and_falls():
    schedule = one_cycle(start=0.2, share=0.4, final=0.1)
    found = [schedule(done) for done in (0, 0.2, 0.4, 0.7, 1)]
    assert found == pytest.approx([0.2, 0.6, 1, 0.55, 0.1])


def test_a_cosine_after_a_warm_up_repeats_no_rate_and_skips_none():
    used = rates_used(warm_up(0.2, cosine_decay()), epochs=2, batches=10)
    rise = [0, 0.25, 0.5, 0.75]
    fall = [(1 + math.cos(math.pi * k / 16)) / 2 for k in range(16)]
    assert used == pytest.approx(rise + fall)


def test_an_exponential_decay_after_a_warm_up_hands_over_at_the_full_rate():
    used = rates_used(warm_up(0.4, exponential_decay(1e-6)))
    assert used == pytest.approx([0, 0.25, 0.5, 0.75, 1, 0.1, 0.01, 0.001, 1e-4, 1e-5])


def test_a_cosine_goes_through_its_end_without_dividing_by_zero():
    rates = [0.3 * cosine_decay()(k / 4) for k in (3, 4, 5)]
    side = 0.3 * (1 - math.cos(math.pi / 4)) / 2
    assert rates == pytest.approx([side, 0, side])


def test_inverse_time_decay_is_one_over_t():
    assert rates_used(inverse_time_decay(10)) == pytest.approx([1 / t for t in range(1, 11)])


@given(done=st.floats(0, 1), share=st.floats(0.05, 0.95), final=st.floats(1e-3, 1))
def test_no_schedule_leaves_the_range_between_zero_and_the_full_rate(done, share, final):
    for schedule in (
        linear_decay_to(final, share),
        step_decay(final, [share]),
        exponential_decay(final),
        cosine_decay(final),
        inverse_time_decay(1 / final),
        one_cycle(final, share, final),
        warm_up(share, cosine_decay(final)),
    ):
        assert -1e-12 <= schedule(done) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear_decay_to(-0.1), "at least 0, got -0.1"),
        (lambda: linear_decay_to(0.1, share=0), "above 0 and at most 1, got 0"),
        (lambda: step_decay(0, [0.5]), "above 0, got 0"),
        (lambda: step_decay(0.1, [0.5, 0.2]), r"rising shares between 0 and 1, got \(0.5, 0.2\)"),
        (lambda: step_decay(0.1, [0.5, 1]), "rising shares"),
        (lambda: exponential_decay(0), "above 0, got 0"),
        (lambda: cosine_decay(-1), "at least 0, got -1"),
        (lambda: inverse_time_decay(-1), "slowness of at least 0, got -1"),
        (lambda: one_cycle(share=1), "share between 0 and 1, got 1"),
        (lambda: one_cycle(start=-1), "at least 0, got -1"),
        (lambda: warm_up(0), "share between 0 and 1, got 0"),
    ],
)
def test_a_schedule_out_of_its_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
