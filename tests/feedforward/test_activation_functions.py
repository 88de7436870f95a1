import math

import pytest
import torch
import torch.nn.functional as F

from deepbook.feedforward import (
    ACTIVATIONS,
    elu,
    leaky_relu,
    maxout,
    selu_constants,
)


def test_slopes_and_scales_can_be_chosen():
    x = torch.linspace(-3, 3, 9, dtype=torch.float64)
    torch.testing.assert_close(leaky_relu(x, 0.3), F.leaky_relu(x, 0.3))
    torch.testing.assert_close(elu(x, 0.7), F.elu(x, 0.7))


def test_selus_constants_are_torchs():
    scale, alpha = selu_constants()
    assert scale == pytest.approx(1.0507009873554804934193349852946, abs=1e-14)
    assert alpha == pytest.approx(1.6732632423543772848170429916717, abs=1e-14)
    far_right, far_left = F.selu(torch.tensor([1.0, -1e3], dtype=torch.float64)).tolist()
    assert scale == pytest.approx(far_right, abs=1e-12)
    assert scale * alpha == pytest.approx(-far_left, abs=1e-12)


def test_selu_keeps_mean_0_and_variance_1():
    # the integral over a normal input, by a fine sum on each side of the kink
    half = torch.linspace(0, 12, 200_001, dtype=torch.float64)
    z = torch.cat([-half.flip(0), half])
    density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    output = ACTIVATIONS["selu"](z)
    assert torch.trapezoid(output * density, z).item() == pytest.approx(0, abs=1e-8)
    assert torch.trapezoid(output**2 * density, z).item() == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_maxout_is_the_largest_of_its_linear_maps(pieces):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    maps = torch.randn(4, pieces, 5, generator=generator, dtype=torch.float64)
    expected = torch.stack([(x @ maps[:, k].T) for k in range(pieces)]).amax(0)
    sums = x @ maps.reshape(4 * pieces, 5).T
    torch.testing.assert_close(maxout(sums, pieces), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("shape", "pieces"), [((3, 5), 2), ((), 2), ((3, 4), 0)])
def test_maxout_refuses_what_does_not_divide(shape, pieces):
    with pytest.raises(ValueError, match=f"divides into groups of {pieces}, got shape"):
        maxout(torch.zeros(shape), pieces)
