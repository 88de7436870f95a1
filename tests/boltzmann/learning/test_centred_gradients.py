import copy

import pytest
import torch

from deepbook.boltzmann import (
    Centred,
    ContrastiveDivergence,
    ExactGradient,
    GradientEstimator,
    SparsityTarget,
    all_states,
    log_likelihood,
    train,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


@pytest.fixture
def data():
    return (torch.rand(20, 8, generator=seeded(7)) < 0.3).double()


class Given(GradientEstimator):
    """Gives what it was given."""

    def __init__(self, gradient, positive):
        super().__init__()
        self.gradient, self.positive = gradient, positive

    def measure(self, model, visible):
        return self.gradient, self.positive

    def negative_phase(self, model, visible):
        raise NotImplementedError


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(sum(shape)))


def test_centring_is_a_step_in_the_centred_parameters_carried_back():
    """Parameters theta = J theta' for a chain of three layers: the step is J J^T gradient."""
    shapes = {"W0": (4, 3), "W1": (3, 2), "b0": (4,), "b1": (3,), "b2": (2,)}
    gradient = {name: normal(*shape) for name, shape in shapes.items()}
    means = {name: normal(*shapes[name], 1)[..., 0] for name in ("b0", "b1", "b2")}
    links = (("W0", "b0", "b1"), ("W1", "b1", "b2"))

    def usual(W0, W1, b0, b1, b2):
        # the input of a unit is W (x - mean) + b'
        m0, m1, m2 = means["b0"], means["b1"], means["b2"]
        return W0, W1, b0 - W0 @ m1, b1 - W0.T @ m0 - W1 @ m2, b2 - W1.T @ m1

    point = tuple(normal(*shape) for shape in shapes.values())
    _, back = torch.autograd.functional.vjp(usual, point, tuple(gradient.values()))
    _, expected = torch.autograd.functional.jvp(usual, point, back)
    centred = Centred(Given(gradient, means), links=links)(None, None)
    for name, value in zip(shapes, expected, strict=True):
        torch.testing.assert_close(centred[name], value, rtol=0, atol=1e-12)


def flipped(rbm):
    """The same machine for data whose zeros and ones change places."""
    twin = copy.deepcopy(rbm)
    with torch.no_grad():
        twin.weight.neg_()
        twin.hidden_bias.add_(rbm.weight.sum(0))
        twin.visible_bias.neg_()
    return twin


@pytest.mark.parametrize("centred", [True, False])
def test_zeros_and_ones_may_change_places_only_in_centred_training(centred, small_rbm, data):
    twin, states = flipped(small_rbm), all_states(8, dtype=torch.float64)
    for model, visible in ((small_rbm, data), (twin, 1 - data)):
        estimator = Centred(ExactGradient(), rate=0.3) if centred else ExactGradient()
        train(
            model,
            visible,
            estimator,
            epochs=3,
            batch_size=7,
            learning_rate=0.5,
            generator=seeded(0),
        )
    with torch.no_grad():
        distance = log_likelihood(small_rbm, states) - log_likelihood(twin, 1 - states)
    assert (float(distance.abs().max()) < 1e-10) == centred


def test_offsets_start_at_the_first_batchs_means_and_move_at_their_rate(small_rbm, data):
    estimator = Centred(ContrastiveDivergence(), rate=0.25)
    estimator(small_rbm, data[:10])
    estimator(small_rbm, data[10:])
    expected = 0.75 * data[:10].mean(0) + 0.25 * data[10:].mean(0)
    torch.testing.assert_close(estimator.offsets["visible_bias"], expected)


def test_the_sparsity_targets_gradient_is_that_of_the_cross_entropy(small_rbm, data):
    example, target, cost = data[:1], 0.1, 0.7
    plain = ExactGradient()(small_rbm, example)
    changed = SparsityTarget(ExactGradient(), target, cost, decay=0)(small_rbm, example)
    q = small_rbm.hidden_mean(example)[0]
    (-cost * (target * q.log() + (1 - target) * (1 - q).log()).sum()).backward()
    for name in ("weight", "hidden_bias"):
        difference = changed[name] - plain[name]
        torch.testing.assert_close(difference, -getattr(small_rbm, name).grad)
    assert torch.equal(changed["visible_bias"], plain["visible_bias"])


def test_a_sparsity_target_draws_the_mean_activity_to_it(small_rbm, data):
    before = small_rbm.hidden_mean(data).detach().mean(0)
    estimator = SparsityTarget(ExactGradient(), 0.1, 3.0)
    train(small_rbm, data, estimator, epochs=200, batch_size=20, learning_rate=0.1)
    after = small_rbm.hidden_mean(data).detach().mean(0)
    assert float((before - 0.1).abs().max()) > 0.3
    assert float((after - 0.1).abs().max()) < 0.06


@pytest.mark.parametrize(
    "wrap", [lambda e: Centred(e, rate=0.3), lambda e: SparsityTarget(e, 0.1, 1.0, decay=0.5)]
)
def test_they_go_on_from_their_saved_state(wrap, small_rbm, data):
    first = wrap(ContrastiveDivergence(generator=seeded(0)))
    first(small_rbm, data[:10])
    saved = copy.deepcopy(first.state_dict())
    second = wrap(ContrastiveDivergence(generator=seeded(1)))
    second.load_state_dict(saved)
    for _ in range(2):
        expected, got = first(small_rbm, data[10:]), second(small_rbm, data[10:])
        assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_wrong_arguments_are_refused(small_rbm, data):
    with pytest.raises(ValueError, match="rate between 0 and 1, got 2"):
        Centred(ExactGradient(), rate=2)
    with pytest.raises(ValueError, match="a parameter W, got"):
        Centred(ExactGradient(), links=[("W", "visible_bias", "hidden_bias")])(small_rbm, data)
    with pytest.raises(ValueError, match=r"weight of shape \(6, 8\), got \(8, 6\)"):
        Centred(ExactGradient(), links=[("weight", "hidden_bias", "visible_bias")])(small_rbm, data)
    for arguments, message in (
        ((0, 1), "target between 0 and 1, got 0"),
        ((0.1, -1), "cost of at least 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            SparsityTarget(ExactGradient(), *arguments)
    with pytest.raises(ValueError, match="decay"):
        SparsityTarget(ExactGradient(), 0.1, 1, decay=1)
