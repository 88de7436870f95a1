import pytest
import torch

from deepbook.recommenders import (
    BiasModel,
    GlobalMean,
    RatingAutoencoder,
    RatingEnsemble,
    check_blind,
    rmse,
)
from deepbook.training import NonFiniteError

SIZES = (60, 40)


def new(**options):
    options = {"hidden_sizes": (20,), "penalty": 1.0, "epochs": 60, "batch_size": 10} | options
    return RatingAutoencoder(
        *SIZES, learning_rate=0.01, generator=torch.Generator().manual_seed(0), **options
    )


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


CHOICES = [(e, t) for e in ("items", "users") for t in ("stars", "residuals")]


@pytest.mark.parametrize(("examples", "target"), CHOICES)
def test_it_beats_the_mean_always_and_the_biases_where_it_starts_from_them(examples, target, split):
    train, test = split
    error = rmse(predict(new(examples=examples, target=target).fit(train), test), test.stars)
    trivial = [
        rmse(predict(m(*SIZES).fit(train), test), test.stars) for m in (GlobalMean, BiasModel)
    ]
    assert error < trivial[0] - 0.1
    if target == "residuals":
        assert error < trivial[1] - 0.02


@pytest.mark.parametrize(("examples", "target"), CHOICES)
def test_unrated_entries_add_nothing_to_loss_or_output(examples, target, split):
    """Whatever an unrated entry's target is, the same network comes out."""
    train, test = split
    honest = new(examples=examples, target=target, epochs=2)

    class Planted(RatingAutoencoder):
        def _train(self, inputs, mask, targets):
            assert not bool(((mask == 0) & (inputs != 0)).any())
            super()._train(inputs, mask, targets + 100 * (1 - mask))

    planted = Planted(
        *SIZES,
        examples=examples,
        target=target,
        hidden_sizes=(20,),
        penalty=1.0,
        epochs=2,
        batch_size=10,
        learning_rate=0.01,
        generator=torch.Generator().manual_seed(0),
    )
    assert torch.equal(predict(honest.fit(train), test), predict(planted.fit(train), test))


def test_no_test_rating_reaches_it(split):
    check_blind(lambda train, test: predict(new(epochs=2).fit(train), test), *split)


def test_the_test_ratings_as_input_give_another_and_no_honest_score(split):
    """Fitted on the test ratings it knows them: the score of a leak, far better than honest."""
    train, test = split
    honest = rmse(predict(new(penalty=0.1).fit(train), test), test.stars)
    leaking = rmse(predict(new(penalty=0.1).fit(test), test), test.stars)
    assert leaking < honest - 0.2


def test_the_penalty_is_half_its_number_times_the_squared_weights(split):
    """The gradient of one full step is that of the objective in the description."""
    train, _ = split
    seen = {}

    class Watched(RatingAutoencoder):
        def _train(self, inputs, mask, targets):
            start = [p.detach().clone().requires_grad_() for p in self.network.parameters()]
            super()._train(inputs, mask, targets)
            w1, b1, w2, b2 = start
            output = torch.sigmoid(inputs @ w1.T + b1) @ w2.T + b2
            squares = ((output - targets) * mask).square().sum()
            objective = squares + 3.0 * (w1.square().sum() + w2.square().sum())
            gradients = torch.autograd.grad(objective / 2 / mask.sum(), start)
            seen["pairs"] = [
                (p.grad, g) for p, g in zip(self.network.parameters(), gradients, strict=True)
            ]

    Watched(*SIZES, hidden_sizes=(5,), penalty=3.0, epochs=1, batch_size=100).fit(train)
    for ours, theirs in seen["pairs"]:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


def test_its_loss_falls_and_a_generator_repeats_it(split):
    first, second = (new(epochs=20).fit(split[0]) for _ in range(2))
    assert first.losses[-1] < first.losses[0] / 2
    assert first.losses == second.losses


def test_predictions_are_stars(split):
    low, high = new().fit(split[0]).table(torch.arange(60)).aminmax()
    assert 1 <= low < high <= 5


def test_a_loss_that_is_not_finite_stops_the_training(split):
    model = RatingAutoencoder(*SIZES, hidden_sizes=(5,), learning_rate=1e30, epochs=3)
    with pytest.raises(NonFiniteError, match=r"at step \d+ with learning rate .*e\+(29|30)"):
        model.fit(split[0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"examples": "films"}, '"items" or "users", got \'films\''),
        ({"target": "likes"}, '"stars" or "residuals", got \'likes\''),
        ({"hidden_sizes": ()}, "at least 1 unit"),
        ({"hidden_sizes": (0,)}, "at least 1 unit"),
        ({"penalty": -1.0}, "penalty of at least 0"),
        ({"epochs": 0}, "at least 1 epoch"),
    ],
)
def test_choices_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RatingAutoencoder(*SIZES, **wrong)


def test_an_ensemble_is_the_weighted_mean_of_its_members(split):
    train, test = split
    members = [GlobalMean(*SIZES), BiasModel(*SIZES)]
    mixed = RatingEnsemble(members, [1.0, 3.0]).fit(train)
    expected = predict(members[0], test) / 4 + predict(members[1], test) * 3 / 4
    torch.testing.assert_close(predict(mixed, test), expected)
    even = RatingEnsemble(members).fit(train)
    assert even.weights == [0.5, 0.5]


def test_an_ensemble_of_nothing_or_of_strangers_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        RatingEnsemble([])
    with pytest.raises(ValueError, match="same users and items"):
        RatingEnsemble([GlobalMean(2, 3), GlobalMean(3, 3)])
    for weights in ([1.0, 2.0], [0.0], [-1.0]):
        with pytest.raises(ValueError, match="expected 1 positive weights"):
            RatingEnsemble([GlobalMean(2, 3)], weights)
