import pytest
import torch
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import (
    decay_groups,
    decay_weights_,
    elastic_net_penalty,
    l1_penalty,
    l2_penalty,
    tying_penalty,
    weights_of,
)
from deepbook.training import fit_many


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double()


def test_only_weights_are_penalised_neither_biases_nor_gains(model):
    assert [tuple(w.shape) for w in weights_of(model)] == [(4, 3), (2, 4)]
    before = [l2_penalty(model).item(), l1_penalty(model).item()]
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1:
                p.add_(10)
    assert [l2_penalty(model).item(), l1_penalty(model).item()] == before


def test_the_penalties_are_half_the_squares_and_the_sizes():
    weights = [torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5], [0.0]])]
    assert float(l2_penalty(weights)) == (1 + 4 + 0.25) / 2
    assert float(l1_penalty(weights)) == 3.5
    assert float(elastic_net_penalty(weights, 0.5, 0.2)) == pytest.approx(
        0.5 * (0.2 * 3.5 + 0.8 * 2.625)
    )
    assert elastic_net_penalty(iter(weights), 0.5, 0.2) == elastic_net_penalty(weights, 0.5, 0.2)
    assert float(l1_penalty(torch.tensor([-3.0, 1.0]))) == 4  # a single tensor is as it is


def test_the_gradient_of_l2_is_the_weight_and_of_l1_its_sign(model):
    l2_penalty(model).backward()
    for p in model.parameters():
        assert p.grad is None if p.ndim == 1 else torch.equal(p.grad, p)
    model.zero_grad()
    l1_penalty(model).backward()
    assert torch.equal(model[0].weight.grad, model[0].weight.sign())


def test_the_gradient_of_the_elastic_net_is_right():
    w = torch.tensor([[0.3, -1.2], [2.0, 0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: elastic_net_penalty(w, 0.7, 0.3), w)


def test_sgd_on_the_penalty_is_torchs_weight_decay_on_the_weights(model):
    import copy

    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    twin = copy.deepcopy(model)
    ours = torch.optim.SGD(model.parameters(), lr=0.1)
    theirs = torch.optim.SGD(decay_groups(twin, 0.3), lr=0.1)
    for _ in range(5):
        for net, optimizer, extra in ((model, ours, True), (twin, theirs, False)):
            optimizer.zero_grad()
            loss = net(x).square().mean() + (0.3 * l2_penalty(net) if extra else 0)
            loss.backward()
            optimizer.step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_every_parameter_is_in_one_group_and_only_weights_decay(model):
    decayed, rest = decay_groups(model, 0.1)
    assert decayed["weight_decay"] == 0.1
    assert rest["weight_decay"] == 0.0
    assert {id(p) for p in decayed["params"]} == {id(w) for w in weights_of(model)}
    assert len(decayed["params"]) + len(rest["params"]) == len(list(model.parameters()))
    assert len(decay_groups([torch.zeros(2, 2)], 0.1)) == 1


def test_adam_rescales_an_l2_penalty_and_leaves_decoupled_decay_alone():
    # no gradient but the penalty's: Adam's first step has length lr whatever its size
    def one_step(decoupled):
        w = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
        optimizer = torch.optim.Adam([w], lr=0.05)
        loss = 0.0 * w.sum() + (0.0 if decoupled else 0.2) * l2_penalty(w)
        loss.backward()
        if decoupled:
            decay_weights_([w], 0.05, 0.2)
        optimizer.step()
        return w.item()

    assert one_step(decoupled=False) == pytest.approx(1.95, abs=1e-6)
    assert one_step(decoupled=True) == pytest.approx(1.98, abs=1e-12)


def test_decoupled_decay_with_adam_is_torchs_adamw():
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 6).double().view(2, 3)) for _ in range(2))
    adam = torch.optim.Adam([ours], lr=0.02)
    adamw = torch.optim.AdamW([theirs], lr=0.02, weight_decay=0.4)
    for step in range(50):
        for w, optimizer in ((ours, adam), (theirs, adamw)):
            optimizer.zero_grad()
            (w - step / 50).pow(4).sum().backward()
            if optimizer is adam:
                decay_weights_([w], 0.02, 0.4)
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_stacked_networks_decay_as_each_would_alone():
    x, y = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2

    def trained(seeds):
        nets = [MLP([3, 4, 2], generator=torch.Generator().manual_seed(s)) for s in seeds]
        sgd = lambda parameters: torch.optim.SGD(
            decay_groups(parameters, 0.5, stacked=True), lr=0.1
        )
        options = {"optimizer": sgd, "epochs": 3, "batch_size": 20}
        fit_many(nets, x, y, loss=nn.functional.cross_entropy, **options)
        return nets

    together = trained([0, 1])
    for seed, net in enumerate(together):
        alone = MLP([3, 4, 2], generator=torch.Generator().manual_seed(seed))
        optimizer = torch.optim.SGD(decay_groups(alone, 0.5), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(alone(x), y).backward()
            optimizer.step()
        for a, b in zip(net.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_tied_models_pay_for_their_distance():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    with torch.no_grad():
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            b.copy_(a + 0.5)
    assert tying_penalty(first, second).item() == pytest.approx(6 * 0.25, rel=1e-5)
    assert tying_penalty(first, first).item() == 0


def test_what_cannot_be_is_refused(model):
    with pytest.raises(ValueError, match=r"weight of 2 or more dimensions, got shapes \[\(3,\)\]"):
        l2_penalty([torch.ones(3)])
    with pytest.raises(ValueError, match="weight of 3 or more dimensions"):
        weights_of(model, stacked=True)
    with pytest.raises(ValueError, match="a strength alpha of at least 0, got -1"):
        elastic_net_penalty(model, -1.0, 0.5)
    with pytest.raises(ValueError, match="a ratio l1_ratio between 0 and 1, got 2"):
        elastic_net_penalty(model, 1.0, 2.0)
    with pytest.raises(ValueError, match="a weight decay of at least 0, got -1"):
        decay_groups(model, -1.0)
    with pytest.raises(ValueError, match="a weight decay of at least 0, got -1"):
        decay_weights_([], 0.1, -1.0)
    with pytest.raises(ValueError, match=r"a learning rate of at least 0, got -0\.1"):
        decay_weights_([], -0.1, 1.0)
    with pytest.raises(ValueError, match=r"two models of one shape.*\(2, 3\).*\(3, 2\)"):
        tying_penalty(nn.Linear(3, 2), nn.Linear(2, 3))
