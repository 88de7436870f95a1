import copy
import math

import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    Centred,
    PersistentContrastiveDivergence,
    log_likelihood,
    train,
)
from deepbook.boltzmann.learning.fast_training import FastTrainer, train_fast
from deepbook.training import NonFiniteError, linear_decay


def seeded(n):
    return torch.Generator().manual_seed(n)


def worst_deviation(sampled, expected):
    sampled = torch.stack(sampled)
    error = sampled.std(0) / math.sqrt(len(sampled))
    return float(((sampled.mean(0) - expected).abs() / error).max())


@pytest.mark.parametrize("offset_rate", [None, 0.1])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_mean_of_its_steps_is_the_expected_gradient(
    steps, persistent, offset_rate, small_rbm, data, expected_cd, difference
):
    sampled, many, rate = [], data.repeat(50, 1), 0.5
    for run in range(60):
        rbm = copy.deepcopy(small_rbm)
        trainer = FastTrainer(
            rbm,
            len(many),
            steps=steps,
            persistent=persistent,
            offset_rate=offset_rate,
            generator=seeded(run),
        )
        trainer.step(many, rate)
        sampled.append(difference(rbm, small_rbm, rate))
    estimator = expected_cd(steps) if offset_rate is None else Centred(expected_cd(steps))
    gradient = estimator(small_rbm, data)
    expected = torch.cat([each.flatten() for each in gradient.values()])
    assert worst_deviation(sampled, expected) < 4.5


@pytest.mark.parametrize("offset_rate", [None, 0.5])
def test_chains_and_offsets_go_on_from_batch_to_batch(offset_rate, small_rbm, data, difference):
    """Against PCD, after three batches, the parameters held still in the first two."""
    batches = data[:30].repeat(60, 1), data[30:].repeat(60, 1)  # the second one is smaller
    sampled, others = [], []
    torch.manual_seed(0)
    for run in range(60):
        rbm = copy.deepcopy(small_rbm)
        trainer = FastTrainer(
            rbm, 1800, persistent=True, offset_rate=offset_rate, generator=seeded(run)
        )
        other = PersistentContrastiveDivergence()
        if offset_rate is not None:
            other = Centred(other, rate=offset_rate)
        for batch in (batches[0], batches[1]):
            trainer.step(batch, 0.0)
            other(small_rbm, batch)
        trainer.step(batches[0], 0.5)
        gradient = other(small_rbm, batches[0])
        sampled.append(difference(rbm, small_rbm, 0.5))
        others.append(torch.cat([each.flatten() for each in gradient.values()]))
    sampled, others = torch.stack(sampled), torch.stack(others)
    error = ((sampled.var(0) + others.var(0)) / 60).sqrt()
    assert float(((sampled.mean(0) - others.mean(0)).abs() / error).max()) < 4.5


def test_it_reaches_the_likelihood_that_train_reaches(rbm_of, data):
    settings = {"epochs": 150, "batch_size": 16, "learning_rate": 0.2, "weight_decay": 0.01}
    settings["schedule"] = linear_decay
    found = []
    for way in ("slow", "fast"):
        torch.manual_seed(1)
        rbm = rbm_of(8, 6, seed=3)
        if way == "slow":
            train(rbm, data, PersistentContrastiveDivergence(), **settings)
        else:
            train_fast(rbm, data, persistent=True, **settings)
        with torch.no_grad():
            found.append(float(log_likelihood(rbm, data).mean()))
    assert found[1] == pytest.approx(found[0], abs=0.1)


def test_only_weights_decay(small_rbm, data):
    twin = copy.deepcopy(small_rbm)
    for rbm, decay in ((small_rbm, 0.5), (twin, 0.0)):
        trainer = FastTrainer(rbm, 40, weight_decay=decay, generator=seeded(0))
        before = rbm.weight.detach().clone()
        trainer.step(data, 0.1)
    torch.testing.assert_close(small_rbm.weight, twin.weight - 0.1 * 0.5 * before)
    assert torch.equal(small_rbm.visible_bias, twin.visible_bias)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_generator_makes_it_repeatable(dtype, rbm_of, data):
    found = []
    for seed in (1, 1, 2):
        rbm = rbm_of(dtype=dtype)
        settings = {"epochs": 2, "batch_size": 16, "learning_rate": 0.1, "persistent": True}
        train_fast(rbm, data.to(dtype), offset_rate=0.1, generator=seeded(seed), **settings)
        found.append(rbm.weight.detach())
    assert found[0].dtype == dtype
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_precision_of_products_is_given_back(rbm_of, data):
    found = []
    for precision in ("highest", "medium"):
        rbm = rbm_of(dtype=torch.float32)
        trainer = FastTrainer(rbm, 40, precision=precision, generator=seeded(0))
        trainer.step(data.float(), 0.1)
        assert torch.get_float32_matmul_precision() == "highest"
        found.append(rbm.weight.detach())
    # bfloat16 has 8 bits
    torch.testing.assert_close(found[1], found[0], rtol=0.01, atol=0.01)


def test_it_is_monitored_like_train(small_rbm, data):
    record = train_fast(
        small_rbm,
        data,
        epochs=5,
        batch_size=16,
        learning_rate=0.1,
        monitor=lambda model: {"norm": model.weight.norm()},
        monitor_every=2,
    )
    assert record.column("epoch") == [2, 4, 5]
    assert record.column("norm")[-1] == float(small_rbm.weight.detach().norm())


def test_what_is_not_finite_stops_it_before_it_does_harm(small_rbm, data):
    before = small_rbm.weight.detach().clone()
    with torch.no_grad():
        small_rbm.hidden_bias[3] = math.nan
    with pytest.raises(NonFiniteError, match=r"step 1 with learning rate 0\.1"):
        train_fast(small_rbm, data, epochs=1, batch_size=16, learning_rate=0.1)
    assert torch.equal(small_rbm.weight, before)


def test_wrong_arguments_are_refused(small_rbm, data):
    for model in (BoltzmannMachine(4), RBM(4, 3, dtype=torch.float16), RBM(4, 3, device="meta")):
        with pytest.raises(TypeError, match="RBM of float32 or float64 on the CPU"):
            FastTrainer(model, 10)
    for wrong, message in (
        ({"steps": 0}, "at least 1 step, got 0"),
        ({"offset_rate": 2}, "offset rate between 0 and 1, got 2"),
        ({"precision": "low"}, "got 'low'"),
        ({"weight_decay": -1}, "weight decay of at least 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            FastTrainer(small_rbm, 10, **wrong)
    with pytest.raises(ValueError, match="expected 1 to 10 examples, got 40"):
        FastTrainer(small_rbm, 10).step(data, 0.1)
    settings = {"epochs": 1, "batch_size": 4, "learning_rate": 0.1}
    with pytest.raises(ValueError, match="at least 1 epoch, got 0"):
        train_fast(small_rbm, data, **{**settings, "epochs": 0})
    with pytest.raises(ValueError, match="expected 8 visible units"):
        train_fast(small_rbm, data[:, :7], **settings)
