import copy
import math

import pytest
import torch

from deepbook.boltzmann import RBM, Centred
from deepbook.boltzmann.learning.fast_training import train_fast
from deepbook.boltzmann.learning.many_machines import train_many
from deepbook.training import NonFiniteError, linear_decay

RECIPES = [
    {"persistent": persistent, "offset_rate": offset_rate}
    for persistent in (False, True)
    for offset_rate in (None, 0.1)
]


def seeded(n):
    return torch.Generator().manual_seed(n)


def copies(rbm, recipes):
    return [copy.deepcopy(rbm) for _ in recipes]


@pytest.mark.parametrize("steps", [1, 3])
def test_the_mean_of_the_first_steps_is_the_expected_gradient(
    steps, small_rbm, data, expected_cd, difference
):
    many, rate, runs = data.repeat(50, 1), 0.5, 60
    sampled = torch.empty(len(RECIPES), runs, sum(p.numel() for p in small_rbm.parameters()))
    for run in range(runs):
        models = copies(small_rbm, RECIPES)
        recipes = [recipe | {"learning_rate": rate} for recipe in RECIPES]
        settings = {"epochs": 1, "batch_size": len(many), "steps": steps}
        train_many(models, many, recipes, **settings, generator=seeded(run))
        for place, model in enumerate(models):
            sampled[place, run] = difference(model, small_rbm, rate)
    for recipe, each in zip(RECIPES, sampled, strict=True):
        estimator = (
            expected_cd(steps) if recipe["offset_rate"] is None else Centred(expected_cd(steps))
        )
        expected = torch.cat([g.flatten() for g in estimator(small_rbm, data).values()])
        error = each.std(0) / math.sqrt(runs)
        assert float(((each.mean(0) - expected).abs() / error).max()) < 4.5, recipe


def test_it_learns_what_the_fast_trainer_learns(data):
    many, settings = data.repeat(5, 1), {"epochs": 30, "batch_size": 50}
    recipe = {"learning_rate": 0.2, "schedule": linear_decay, "persistent": True}
    ends = torch.empty(2, 20, 8)
    for run in range(20):
        ours = RBM(8, 4, generator=seeded(run), dtype=torch.float64)
        theirs = copy.deepcopy(ours)
        train_many([ours], many, [recipe], **settings, generator=seeded(run))
        train_fast(theirs, many, **settings, **recipe, generator=seeded(100 + run))
        for end, rbm in zip(ends, (ours, theirs), strict=True):
            end[run] = rbm.visible_bias.detach()
    error = (ends.var(1).sum(0) / 20).sqrt()
    assert float(((ends[0] - ends[1]).mean(0).abs() / error).max()) < 4.5


def test_a_machine_does_not_notice_its_neighbours(small_rbm, data):
    together = copies(small_rbm, RECIPES)
    settings = {"epochs": 3, "batch_size": 10}
    train_many(together, data, RECIPES, **settings, generator=seeded(1))
    for recipe, neighbour in zip(RECIPES, together, strict=True):
        (alone,) = copies(small_rbm, [recipe])
        train_many([alone], data, [recipe], **settings, generator=seeded(1))
        torch.testing.assert_close(alone.state_dict(), neighbour.state_dict())


def test_momentum_decay_and_schedule_do_what_they_do_in_train(small_rbm, data, difference):
    recipes = [{}, {"momentum": 0.5}, {"weight_decay": 0.1}, {"schedule": lambda done: 0.5}]
    plain, pushed, decayed, slower = models = copies(small_rbm, recipes)
    train_many(models, data, recipes, epochs=1, batch_size=40, generator=seeded(1))
    torch.testing.assert_close(pushed.state_dict(), plain.state_dict())
    torch.testing.assert_close(decayed.visible_bias, plain.visible_bias)
    torch.testing.assert_close(plain.weight - decayed.weight, 0.1 * 0.1 * small_rbm.weight)
    torch.testing.assert_close(
        difference(slower, small_rbm, 0.05), difference(plain, small_rbm, 0.1)
    )


def test_the_second_step_of_momentum_brings_the_first_along(small_rbm, data, difference):
    recipes = [{"momentum": 0.5}, {"momentum": 0.5, "learning_rate": 0.0}]
    moving, resting = copies(small_rbm, recipes)
    train_many([moving, resting], data, recipes, epochs=2, batch_size=40, generator=seeded(1))
    assert moving.weight.ne(small_rbm.weight).all()
    torch.testing.assert_close(resting.state_dict(), small_rbm.state_dict())

    def no_second_step(done):
        return 1.0 if done == 0 else 0.0

    (first,) = copies(small_rbm, [0])
    recipe = {"schedule": no_second_step}
    train_many([first], data, [recipe], epochs=2, batch_size=40, generator=seeded(1))
    (second,) = copies(first, [0])
    # the gradient at the second step does not depend on the momentum
    train_many([second], data, [{}], epochs=1, batch_size=40, generator=seeded(2))
    assert difference(moving, small_rbm, 0.1) @ difference(first, small_rbm, 0.1) > 0


@pytest.mark.parametrize("chains", [3, 100])
def test_there_may_be_fewer_or_more_chains_than_examples(chains, small_rbm, data):
    models = copies(small_rbm, RECIPES)
    settings = {"epochs": 2, "batch_size": 16, "chains": chains}
    train_many(models, data, RECIPES, **settings, generator=seeded(1))
    for model in models:
        assert model.weight.ne(small_rbm.weight).all()


def test_it_says_what_it_expected(small_rbm, data):
    settings = {"epochs": 1, "batch_size": 10}
    with pytest.raises(ValueError, match="at least 1 machine, got 0"):
        train_many([], data, [], **settings)
    with pytest.raises(ValueError, match="expected 1 recipes, got 2"):
        train_many([small_rbm], data, [{}, {}], **settings)
    with pytest.raises(ValueError, match=r"keys among.*got \['rate'\]"):
        train_many([small_rbm], data, [{"rate": 1.0}], **settings)
    other = RBM(8, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"one shape and dtype, got .*\(8, 3\).*\(8, 6\)"):
        train_many([small_rbm, other], data, [{}, {}], **settings)
    with pytest.raises(ValueError, match=r"one shape and dtype, got .*float32.*float64"):
        train_many([small_rbm, RBM(8, 6)], data, [{}, {}], **settings)


def test_a_gradient_that_is_not_finite_names_its_machine(small_rbm, data):
    models = copies(small_rbm, range(2))
    with torch.no_grad():
        models[1].hidden_bias[0] = math.nan
    with pytest.raises(NonFiniteError, match="machine 1"):
        train_many(models, data, [{}, {}], epochs=1, batch_size=10)
