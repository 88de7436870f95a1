"""Layers whose sizes and settings hypothesis chooses, with what torch says of them."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional


@dataclass
class Case:
    x: Tensor
    weight: Tensor
    bias: Tensor | None
    settings: dict[str, Any]
    theirs: Tensor

    @property
    def leaves(self):
        return [t for t in (self.x, self.weight, self.bias) if t is not None]


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
    return numbers.requires_grad_()


@st.composite
def layers(draw, dims=2, most=6):
    """A layer and torch's outputs; where padding has a name, it is spelled out for torch."""
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(dims))
    groups = draw(st.integers(1, 2))
    channels, outputs = (groups * draw(st.integers(1, 2)) for _ in range(2))
    kernel, dilation, stride = each(1, 3), each(1, 2), each(1, 3)
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = tuple(draw(st.integers(s, max(most, s))) for s in span)
    x = random((draw(st.integers(1, 2)), channels, *size), draw(st.integers(0, 99)))
    weight = random((outputs, channels // groups, *kernel), 1)
    bias = random((outputs,), 2) if draw(st.booleans()) else None
    kind = draw(st.sampled_from(["number", "pairs", "valid", "same", "full", "circular"]))
    if kind == "number":
        padding = draw(st.integers(0, 2))
        pads = [(padding, padding)] * dims
    elif kind == "pairs":
        padding = tuple(each(0, 2)[:1] * 2 if draw(st.booleans()) else (0, 2) for _ in range(dims))
        pads = list(padding)
    else:
        padding, pads = kind, []
        for n, k, s in zip(size, span, stride, strict=True):
            total = max((-(-n // s) - 1) * s + k - n, 0)
            same = (total // 2, total - total // 2)
            pads.append({"valid": (0, 0), "full": (k - 1, k - 1)}.get(kind, same))
    flat = [side for pair in reversed(pads) for side in pair]
    padded = functional.pad(x, flat, "circular" if kind == "circular" else "constant")
    conv = functional.conv2d if dims == 2 else functional.conv1d
    theirs = conv(padded, weight, bias, stride, 0, dilation, groups)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case(x, weight, bias, settings, theirs)


def same_outputs_and_gradients(ours, case):
    """Outputs, and the gradients of x, W and b each, are those of torch."""
    torch.testing.assert_close(ours, case.theirs, rtol=1e-10, atol=1e-10)
    back = torch.linspace(-1, 2, case.theirs.numel()).to(case.theirs).view_as(case.theirs)
    for leaf in case.leaves:
        one = torch.autograd.grad(ours, leaf, back, retain_graph=True)
        other = torch.autograd.grad(case.theirs, leaf, back, retain_graph=True)
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.fixture
def draw():
    """Normal numbers in float64, a new draw at each call."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="session")
def conv_cases():
    """A strategy for layers."""
    return layers


@pytest.fixture(scope="session")
def assert_as_torch():
    """Compares outputs and gradients."""
    return same_outputs_and_gradients
