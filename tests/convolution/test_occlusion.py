import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.convolution import ConvNet, occlusion_map


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def linear_reader(channels, height, width, seed=0):
    weight = draw(3, channels * height * width, seed=seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(weight.shape[1], 3).double())
    model[1].weight.data.copy_(weight)
    return model


def by_loop(model, image, target, size, stride, fill):
    height, width = image.shape[1:]
    rows = []
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            covered = image.clone()
            covered[:, top : top + size, left : left + size] = fill
            row.append(model(covered[None]).softmax(1)[0, target])
        rows.append(torch.stack(row))
    return torch.stack(rows).detach()


@given(
    height=st.integers(2, 7),
    width=st.integers(2, 7),
    channels=st.integers(1, 2),
    size=st.integers(1, 7),
    stride=st.integers(1, 4),
    batch_size=st.integers(1, 9),
    target=st.integers(0, 2),
    fill=st.sampled_from([0.0, 0.5, -1.0]),
)
def test_it_is_a_loop_over_the_places_of_the_square(
    height, width, channels, size, stride, batch_size, target, fill
):
    size = min(size, height, width)
    model, image = linear_reader(channels, height, width), draw(channels, height, width, seed=1)
    expected = by_loop(model, image, target, size, stride, fill)
    found = occlusion_map(model, image, target, size, stride, fill, batch_size)
    assert found.shape == ((height - size) // stride + 1, (width - size) // stride + 1)
    torch.testing.assert_close(found, expected)


def test_the_probability_falls_where_the_only_pixel_that_counts_is_covered():
    model = linear_reader(1, 6, 5)
    model[1].weight.data.zero_()
    model[1].weight.data[2, 3 * 5 + 1] = 9.0  # row 3, column 1
    model[1].bias.data.zero_()
    found = occlusion_map(model, torch.ones(1, 6, 5, dtype=torch.float64), 2, size=2)
    low = found < 0.5
    assert low.nonzero().tolist() == [[2, 0], [2, 1], [3, 0], [3, 1]]
    torch.testing.assert_close(found[low], torch.full((4,), 1 / 3, dtype=torch.float64))


def test_a_square_as_large_as_the_picture_has_one_place():
    model, image = linear_reader(1, 4, 4), draw(1, 4, 4)
    found = occlusion_map(model, image, 0, size=4, stride=3)
    torch.testing.assert_close(found, model[1].bias.softmax(0)[0].detach().view(1, 1))


def test_the_network_is_read_in_evaluation_and_left_as_it_was():
    net, image = ConvNet((2,), (3,), dropout=0.5).train(), torch.rand(1, 28, 28)
    image.requires_grad_()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = occlusion_map(net, image, 3, size=9, stride=9)
    assert torch.equal(first, occlusion_map(net, image, 3, size=9, stride=9))
    assert net.training
    assert not first.requires_grad
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": torch.zeros(28, 28)}, r"\(channels, height, width\), got \(28, 28\)"),
        ({"size": 0}, "side 1 to 28, got 0"),
        ({"size": 29}, "side 1 to 28, got 29"),
        ({"stride": 0}, "1 or more, got 0 and 256"),
        ({"batch_size": 0}, "1 or more, got 1 and 0"),
        ({"target": 10}, r"class from 0 to 9, got \(256, 10\) and 10"),
        ({"target": -1}, "and -1"),
        ({"model": nn.Identity()}, r"logits of shape \(N, classes\)"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    net = ConvNet((2,), (3,))
    with pytest.raises(ValueError, match=message):
        occlusion_map(**{"model": net, "image": torch.zeros(1, 28, 28), "target": 0} | options)
    assert net.training
