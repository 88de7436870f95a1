import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import FullyConvolutional


def seeded(n):
    return torch.Generator().manual_seed(n)


def network(**options):
    net = FullyConvolutional(3, width=2, generator=seeded(0), **options).double()
    # statistics that differ from the initial 0 and 1
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1, generator=seeded(1))
    return net.eval()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(0, 3), st.booleans())
def test_outputs_have_the_height_and_width_of_the_inputs(height, width, depth, skip):
    net = network(depth=depth, skip=skip)
    assert net(draw(2, 1, height, width)).shape == (2, 3, height, width)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("skip", [True, False])
def test_in_the_interior_a_larger_picture_has_the_same_outputs(depth, skip):
    net = network(depth=depth, skip=skip)
    large = draw(1, 1, 64, 64)
    # cut out at a multiple of the unit, so that pooling has the same partners
    small = large[:, :, 8:56, 8:56]
    r = net.reach
    inside = net(small)[:, :, r : 48 - r, r : 48 - r]
    assert inside.numel() > 0
    torch.testing.assert_close(inside, net(large)[:, :, 8 + r : 56 - r, 8 + r : 56 - r])
    # at the border zeros are seen in place of pixels
    assert not torch.allclose(net(small)[:, :, 0], net(large)[:, :, 8, 8:56])


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_an_output_depends_on_no_input_farther_away_than_its_reach(depth):
    net = network(depth=depth)
    for block in [*net.down, *net.mix]:
        block[2] = torch.nn.Identity()  # a dead unit would hide a path
    image = draw(1, 1, 48, 48).requires_grad_()
    farthest = 0
    for row in range(20, 28):
        (gradient,) = torch.autograd.grad(net(image)[0, :, row, 24].sum(), image)
        places = gradient[0, 0].nonzero() - torch.tensor([row, 24])
        farthest = max(farthest, int(places.abs().max()))
    assert 0 < farthest <= net.reach
    assert farthest >= net.reach - 2**depth


def test_zeros_that_fill_up_a_picture_are_as_good_as_its_border():
    net = network(depth=2)
    image = draw(1, 1, 10, 9)
    filled = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    filled[:, :, :10, :9] = image
    torch.testing.assert_close(net(image), net(filled)[:, :, :10, :9])


def test_the_skip_carries_what_pooling_loses():
    # a checkerboard shifted by one pixel has the same maxima over 2 x 2
    board = (torch.arange(48)[:, None] + torch.arange(48)) % 2
    both = torch.stack([board, 1 - board])[:, None].double()
    inside = (..., slice(20, 28), slice(20, 28))
    one, other = network(depth=2, skip=True)(both)[inside]
    assert not torch.allclose(one, other)
    one, other = network(depth=2, skip=False)(both)[inside]
    torch.testing.assert_close(one, other)


def test_the_generator_draws_the_weights():
    first, again, other = (
        torch.cat([p.flatten() for p in FullyConvolutional(2, generator=seeded(n)).parameters()])
        for n in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_gradients_reach_every_weight():
    net = network(depth=2, in_channels=2)
    net(draw(1, 2, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(N, 1, height, width\), got \(1, 2, 8, 8\)"):
        network()(draw(1, 2, 8, 8))
    with pytest.raises(ValueError, match="expected at least 1 class, got 0"):
        FullyConvolutional(0)
    with pytest.raises(ValueError, match="expected at least 1 map, got 0"):
        FullyConvolutional(2, width=0)
    with pytest.raises(ValueError, match="expected a depth of 0 or more, got -1"):
        FullyConvolutional(2, depth=-1)
