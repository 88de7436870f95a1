import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.optimization import SGD


def test_decay_acts_without_momentum_and_without_a_gradient_to_speak_of():
    w = torch.tensor([2.0, -4.0], dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    SGD([w], lr=0.5, weight_decay=0.1).step()
    assert w.tolist() == pytest.approx([1.9, -3.8])


@given(rate=st.floats(0, 0.9), steps=st.integers(1, 30), curvature=st.floats(0.1, 1.0))
def test_on_a_parabola_each_step_shrinks_the_weight_by_the_same_factor(rate, steps, curvature):
    w = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    optimizer = SGD([w], lr=rate)
    for _ in range(steps):
        w.grad = curvature * w.detach()
        optimizer.step()
    assert w.item() == pytest.approx(3 * (1 - rate * curvature) ** steps, rel=1e-9)


def test_tensors_of_several_dtypes_are_moved_together():
    weights = [torch.ones(2, dtype=d, requires_grad=True) for d in (torch.float32, torch.float64)]
    for w in weights:
        w.grad = torch.full_like(w, 2.0)
    SGD(weights, lr=0.25).step()
    assert [w.tolist() for w in weights] == [[0.5, 0.5], [0.5, 0.5]]
