import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import DropConnectLinear, Dropout, dropout
from deepbook.training import fit_many


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@given(st.floats(0.01, 0.95), st.integers(0, 1000))
def test_what_stays_is_divided_by_the_probability_of_staying(p, seed):
    dropped = dropout(torch.ones(50, dtype=torch.float64), p, generator=seeded(seed))
    stays = dropped != 0
    torch.testing.assert_close(dropped[stays], torch.full_like(dropped[stays], 1 / (1 - p)))


@pytest.mark.parametrize("p", [0.15, 0.5, 0.8])
def test_the_share_left_out_is_p_and_the_mean_stays(p):
    dropped = dropout(torch.ones(100_000, dtype=torch.float64), p, generator=seeded(0))
    error = (p * (1 - p) / 100_000) ** 0.5
    assert abs(float((dropped == 0).double().mean()) - p) < 5 * error
    assert abs(float(dropped.mean()) - 1) < 5 * error / (1 - p)
    # torch's, by its own draws, has the same two values
    theirs = nn.functional.dropout(torch.ones(1000, dtype=torch.float64), p)
    torch.testing.assert_close(theirs.unique(), dropped.unique())


def test_entries_are_left_out_independently():
    dropped = dropout(torch.ones(20_000, 2, 2), 0.3, generator=seeded(0)).flatten(1) > 0
    pairs = (dropped[:, :1] & dropped[:, 1:]).double().mean(0)
    assert float((pairs - 0.49).abs().max()) < 0.02


def test_without_probability_or_training_it_is_the_identity():
    x = draw(4, 3)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.9, training=False) is x
    assert Dropout(0.9).eval()(x) is x
    layer = DropConnectLinear(3, 2, 0.9).double()
    plain = nn.functional.linear(x, layer.weight, layer.bias)
    assert torch.equal(layer.eval()(x), plain)
    layer.p = 0.0
    assert torch.equal(layer.train()(x), plain)


def test_the_layer_draws_the_same_by_a_seed_and_anew_each_time():
    layer, x = Dropout(0.4, seeded(2)), draw(5, 6)
    first = layer(x)
    assert torch.equal(first, dropout(x, 0.4, generator=seeded(2)))
    assert not torch.equal(first, layer(x))
    torch.manual_seed(2)
    assert torch.equal(first, Dropout(0.4)(x))
    assert repr(layer) == "Dropout(p=0.4)"


def test_the_gradient_passes_where_the_unit_stayed():
    x = torch.ones(30, dtype=torch.float64, requires_grad=True)
    dropped = dropout(x, 0.6, generator=seeded(1))
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())
    again = lambda x: dropout(x, 0.6, generator=seeded(1))
    assert torch.autograd.gradcheck(again, draw(6).requires_grad_())


@pytest.mark.parametrize("per_example", [True, False])
def test_dropconnect_masks_weights_and_leaves_biases(per_example):
    layer = DropConnectLinear(3, 2, 0.5, per_example=per_example, generator=seeded(1)).double()
    x = draw(4, 3).abs() + 0.1
    masks = (torch.rand(4, 2, 3, dtype=torch.float64, generator=seeded(1)) >= 0.5).double()
    if not per_example:
        one = (torch.rand(2, 3, dtype=torch.float64, generator=seeded(1)) >= 0.5).double()
        masks = one.expand(4, 2, 3)
    expected = torch.einsum("noi,ni->no", 2 * masks * layer.weight, x) + layer.bias
    torch.testing.assert_close(layer(x), expected)
    assert torch.equal(layer(0 * x), layer.bias.expand(4, 2))
    assert DropConnectLinear(3, 2, bias=False)(torch.ones(1, 3)).shape == (1, 2)
    assert "bias=True, p=0.5" in repr(layer)


def test_the_mean_of_dropconnect_is_the_plain_layer():
    layer = DropConnectLinear(3, 2, 0.3, generator=seeded(1)).double()
    x = draw(1, 3)
    with torch.no_grad():
        mean = layer(x.expand(40_000, 3)).mean(0)
        torch.testing.assert_close(mean, layer.eval()(x)[0], rtol=0, atol=0.02)


def test_networks_side_by_side_have_masks_of_their_own():
    def net(seed):
        mlp = MLP([4, 8, 2], generator=seeded(seed))
        return nn.Sequential(Dropout(0.5), mlp)

    x, y = draw(20, 4).float(), torch.arange(20) % 2
    sgd = lambda parameters: torch.optim.SGD(parameters, lr=1e-9)
    options = {"optimizer": sgd, "epochs": 1, "batch_size": 20}
    histories = fit_many([net(0), net(0)], x, y, loss=nn.functional.cross_entropy, **options)
    assert histories[0].loss != histories[1].loss


def test_what_cannot_be_is_refused():
    for make in (
        lambda p: dropout(torch.ones(2), p),
        Dropout,
        lambda p: DropConnectLinear(2, 2, p),
    ):
        for p in (-0.1, 1.0, float("nan")):
            with pytest.raises(ValueError, match=rf"a dropout probability in \[0, 1\), got {p}"):
                make(p)
