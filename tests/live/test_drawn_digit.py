"""What the figure with the drawn digit takes, refuses and stores."""

from typing import Any

import numpy as np
import pytest
import torch

from deepbook.convolution import ConvNet, folded_stages
from deepbook.live import DrawnDigit

GENERATOR = torch.Generator().manual_seed(0)


def stage(maps, before, size):
    kernel = torch.randn(maps, before, size, size, generator=GENERATOR)
    return kernel, torch.ones(maps), torch.zeros(maps)


GOOD: dict[str, Any] = {
    "images": torch.rand(3, 8, 9, generator=GENERATOR),
    "targets": [0, 2, 1],
    "stages": [stage(2, 1, 3), stage(3, 2, 5)],
    "linear": (torch.randn(4, 3 * 2 * 2, generator=GENERATOR), torch.zeros(4)),
}


def test_ten_digits_and_the_books_network_fit_the_budget(picture):
    net = ConvNet()
    linear = (net.linear.weight, net.linear.bias)
    made = DrawnDigit(torch.rand(10, 28, 28), range(10), folded_stages(net), linear, **picture)
    assert len(made._json) < 200_000
    assert sum(len(source) for source in made.scripts.values()) < 60_000


@pytest.mark.parametrize(("dtype", "error"), [("float16", 2e-3), ("float32", 0)])
def test_it_computes_with_weights_near_those_it_was_given(picture, dtype, error):
    made = DrawnDigit(**GOOD, dtype=dtype, **picture).decoded
    for (kernel, scale, shift), told in zip(GOOD["stages"], made["network"]["stages"], strict=True):
        np.testing.assert_allclose(told["kernel"], kernel, rtol=error)
        np.testing.assert_array_equal(told["scale"], scale)
        np.testing.assert_array_equal(told["shift"], shift)
    np.testing.assert_allclose(made["network"]["linear"]["weight"], GOOD["linear"][0], rtol=error)
    pixels = torch.tensor(made["images"] / 255).view(3, 8, 9)
    torch.testing.assert_close(pixels, GOOD["images"], rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.rand(3, 72)}, r"1 to 12 pictures of shape .* got shape \(3, 72\)"),
        ({"images": torch.rand(13, 8, 9)}, "1 to 12 pictures"),
        ({"images": 2 + GOOD["images"]}, "pixels from 0 to 1, got 2"),
        ({"dtype": "int8"}, "float16 or float32, got 'int8'"),
        ({"stages": [stage(2, 3, 3)]}, r"shape \(maps, 1, size, size\), .* got \(2, 3, 3, 3\)"),
        ({"stages": [stage(2, 1, 4)]}, r"the size odd, got \(2, 1, 4, 4\)"),
        ({"stages": [(torch.ones(2, 1, 3, 5), torch.ones(2), torch.ones(2))]}, "the size odd"),
        ({"stages": [(torch.ones(2, 1, 3, 3), torch.ones(3), torch.ones(2))]}, "each of 2 maps"),
        ({"stages": []}, "one stage or more, .* got 0 stages"),
        ({"stages": [stage(1, 1, 1) for _ in range(4)]}, "got 4 stages for pictures of 8 x 9"),
        ({"linear": (torch.ones(4, 11), torch.zeros(4))}, r"\(classes, 12\) .* got \(4, 11\)"),
        ({"linear": (torch.ones(4, 12), torch.zeros(3))}, r"got \(4, 12\) and \(3,\)"),
        ({"targets": [0, 1, 4]}, r"a target below 4 for each of 3 pictures, got \[0, 1, 4\]"),
        ({"targets": [0, 1]}, r"each of 3 pictures, got \[0, 1\]"),
        ({"chosen": 3}, "one of 3 pictures chosen, got 3"),
    ],
)
def test_it_refuses_what_does_not_belong_together(picture, change, message):
    with pytest.raises(ValueError, match=message):
        DrawnDigit(**(GOOD | change), **picture)
