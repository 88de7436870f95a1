import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.training import by_epoch, constant, linear_decay, warm_up


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
