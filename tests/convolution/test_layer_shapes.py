import pytest
import torch

from deepbook.convolution import output_size
from deepbook.convolution.layer_shapes import layer_geometry

X = torch.zeros(2, 6, 9, 7)
WEIGHT = torch.zeros(4, 3, 3, 2)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2)])
def test_the_geometry_is_that_of_inputs_and_weights(stride, padding, dilation):
    geometry = layer_geometry(X, WEIGHT, None, stride, padding, dilation, 2, dims=2)
    expected = tuple(output_size(n, k, stride, padding, dilation) for n, k in ((9, 3), (7, 2)))
    assert geometry.output == expected
    assert geometry.kernel == (3, 2)
    assert geometry.size == (9, 7)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"x": X[0]}, r"an input of 4 dimensions, got shape \(6, 9, 7\)"),
        ({"weight": WEIGHT[0]}, r"a weight of 4 dimensions, got shape \(3, 3, 2\)"),
        ({"groups": 4}, "groups that divide 6 input and 4 output channels, got 4"),
        ({"groups": 1}, "weights for 6 channels of 6 in 1 groups, got 3"),
        ({"bias": torch.zeros(3)}, "a bias for each of 4 outputs"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed, what):
    with pytest.raises(ValueError, match=what):
        layer_geometry(**{"x": X, "weight": WEIGHT, "groups": 2} | changed, dims=2)
