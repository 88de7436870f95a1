import math

import pytest

from deepbook.boltzmann.energy import check_layers


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (-1, 5)])
def test_a_layer_without_a_unit_is_refused(sizes):
    with pytest.raises(ValueError, match=f"got {sizes[0]} and {sizes[1]}"):
        check_layers(*sizes, 0.01)


@pytest.mark.parametrize("scale", [-0.1, math.nan])
def test_a_scale_below_zero_is_refused_and_zero_is_none(scale):
    with pytest.raises(ValueError, match=f"weight scale of at least 0, got {scale}"):
        check_layers(3, 2, scale)
    check_layers(3, 2, 0.0)
    check_layers(3, 2)
