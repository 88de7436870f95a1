import copy
import math

import pytest
import torch

from deepbook.boltzmann import (
    Centred,
    ContrastiveDivergence,
    ExactGradient,
    FastPersistentContrastiveDivergence,
    NonFiniteGradientError,
    PersistentContrastiveDivergence,
    SparsityTarget,
    TemperedGradient,
    constant,
    linear_decay,
    log_likelihood,
    train,
    train_fast,
)
from deepbook.boltzmann.gradients import GradientEstimator


def seeded(n):
    return torch.Generator().manual_seed(n)


@pytest.fixture
def data():
    patterns = (torch.rand(6, 8, generator=seeded(7)) < 0.5).double()
    return patterns[torch.randint(6, (30,), generator=seeded(8))]


SETTINGS = {"batch_size": 8, "learning_rate": 0.1}


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_raises_the_exact_log_likelihood_near_the_best_there_is(rbm_of, data):
    rbm = rbm_of(8, 8)
    train(rbm, data, ExactGradient(), epochs=300, batch_size=30, learning_rate=0.5, momentum=0.9)
    counts = data.unique(dim=0, return_counts=True)[1] / len(data)
    best = float((counts * counts.log()).sum())
    assert best - 0.05 < float(log_likelihood(rbm, data).mean().detach()) < best


ESTIMATORS = {
    "CD": lambda g, base: ContrastiveDivergence(2, generator=g),
    "PCD": lambda g, base: PersistentContrastiveDivergence(chains=5, generator=g),
    "fast PCD": lambda g, base: FastPersistentContrastiveDivergence(generator=g),
    "tempered": lambda g, base: TemperedGradient([0, 0.5, 1], base, generator=g),
    "centred": lambda g, base: Centred(PersistentContrastiveDivergence(generator=g)),
    "sparse": lambda g, base: SparsityTarget(ContrastiveDivergence(generator=g), 0.1, 1.0),
}


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("own_generators", [True, False])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_training_resumed_equals_training_never_interrupted(
    name, own_generators, rbm_of, data, tmp_path
):
    def prepare():
        torch.manual_seed(1)
        model = rbm_of()
        generator = seeded(2) if own_generators else None
        estimator = ESTIMATORS[name](generator, model.without_couplings(data))
        return model, estimator, generator

    def run(model, estimator, generator, **more):
        return train(
            model,
            data,
            estimator,
            epochs=6,
            schedule=linear_decay,
            momentum=0.9,
            weight_decay=0.01,
            generator=generator,
            **SETTINGS,
            **more,
        )

    model, estimator, generator = prepare()
    run(model, estimator, generator, monitor=lambda m: {"norm": m.weight.norm()})
    draw = torch.rand(3, generator=generator)

    def interrupt(m):
        if stop:
            stop.pop()
            return {"norm": m.weight.norm()}
        raise Interrupted

    stop = [1, 2, 3]
    path = tmp_path / "new" / "checkpoint.pt"
    first, first_estimator, first_generator = prepare()
    with pytest.raises(Interrupted):
        run(first, first_estimator, first_generator, monitor=interrupt, checkpoint=path)

    second, second_estimator, second_generator = prepare()
    torch.manual_seed(99)  # what the new process happens to start with
    torch.rand(7, generator=second_generator)
    record = run(
        second,
        second_estimator,
        second_generator,
        monitor=lambda m: {"norm": m.weight.norm()},
        checkpoint=path,
        resume=True,
    )
    assert torch.equal(parameters(second), parameters(model))
    assert torch.equal(torch.rand(3, generator=second_generator), draw)
    assert record.column("epoch") == [1, 2, 3, 4, 5, 6]
    assert record.epoch == 6


def test_a_longer_training_may_go_on_from_a_finished_one(rbm_of, data, tmp_path):
    results = []
    for pieces in ([5], [2, 5]):
        model, estimator = rbm_of(), ContrastiveDivergence(generator=seeded(1))
        for epochs in pieces:
            train(
                model,
                data,
                estimator,
                epochs=epochs,
                generator=seeded(2),
                checkpoint=tmp_path / str(len(pieces)),
                resume=True,
                **SETTINGS,
            )
        results.append(parameters(model))
    assert torch.equal(*results)


def test_a_checkpoint_of_other_settings_is_refused(small_rbm, data, tmp_path):
    path = tmp_path / "checkpoint.pt"
    same = {"epochs": 2, **SETTINGS, "checkpoint": path, "schedule": linear_decay}
    train(small_rbm, data, ContrastiveDivergence(), **same)
    before = parameters(small_rbm)
    for other in ({"learning_rate": 0.2}, {"schedule": constant}, {"epochs": 3}):
        with pytest.raises(ValueError, match=f"with {next(iter(other))} "):
            train(small_rbm, data, ContrastiveDivergence(), **{**same, **other}, resume=True)
    with pytest.raises(ValueError, match="expected a checkpoint to resume from"):
        train(small_rbm, data, ContrastiveDivergence(), epochs=1, **SETTINGS, resume=True)
    assert torch.equal(parameters(small_rbm), before)


def test_a_checkpoint_is_whole_also_when_writing_it_fails(small_rbm, data, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    train(small_rbm, data, ContrastiveDivergence(), epochs=1, checkpoint=path, **SETTINGS)
    whole = path.read_bytes()

    def full_disk(content, file):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        train(
            small_rbm,
            data,
            ContrastiveDivergence(),
            epochs=2,
            checkpoint=path,
            resume=True,
            **SETTINGS,
        )
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


class Explodes(GradientEstimator):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def negative_phase(self, model, visible):
        self.calls += 1
        statistics = model.statistics(visible)
        if self.calls == 6:
            statistics["hidden_bias"][2] = math.nan
        return statistics


def test_a_gradient_that_is_not_finite_stops_the_training_before_it_does_harm(small_rbm, data):
    message = r"hidden_bias is not finite at step 6 with learning rate 0\.1; .* those of step 5"
    with pytest.raises(NonFiniteGradientError, match=message):
        train(small_rbm, data, Explodes(), epochs=3, **SETTINGS)
    assert parameters(small_rbm).isfinite().all()


def test_sgd_takes_the_steps_and_only_weights_decay(small_rbm, data):
    twin = copy.deepcopy(small_rbm)
    train(
        small_rbm,
        data,
        ExactGradient(),
        epochs=4,
        batch_size=30,
        learning_rate=0.1,
        schedule=linear_decay,
        momentum=0.5,
        weight_decay=0.2,
    )
    velocity = dict.fromkeys(dict(twin.named_parameters()), 0.0)
    for rate in (0.1, 0.075, 0.05, 0.025):
        gradient = ExactGradient()(twin, data)
        gradient["weight"] -= 0.2 * twin.weight.detach()
        with torch.no_grad():
            for name, parameter in twin.named_parameters():
                velocity[name] = 0.5 * velocity[name] + gradient[name]
                parameter += rate * velocity[name]
    torch.testing.assert_close(parameters(small_rbm), parameters(twin), rtol=0, atol=1e-12)


def test_the_schedule_is_asked_before_each_step_how_much_is_done(small_rbm, data):
    asked = []

    def schedule(done):
        asked.append(done)
        return 0.0

    before = parameters(small_rbm)
    settings = {"epochs": 2, **SETTINGS, "schedule": schedule}
    train(small_rbm, data, ContrastiveDivergence(), **settings)
    assert asked == [step / 8 for step in range(8)]  # 30 examples are 4 batches
    asked.clear()
    train_fast(small_rbm, data, **settings)
    assert asked == [step / 8 for step in range(8)]
    assert torch.equal(parameters(small_rbm), before)


def test_a_parameter_without_requires_grad_stays(small_rbm, data):
    small_rbm.visible_bias.requires_grad_(False)
    before = copy.deepcopy(small_rbm)
    train(small_rbm, data, ContrastiveDivergence(), epochs=1, **SETTINGS)
    assert torch.equal(small_rbm.visible_bias, before.visible_bias)
    assert not torch.equal(small_rbm.weight, before.weight)


def test_the_monitor_is_called_every_so_many_epochs_and_at_the_end(small_rbm, data):
    record = train(
        small_rbm,
        data,
        ContrastiveDivergence(),
        epochs=5,
        monitor=lambda model: {"norm": model.weight.norm()},
        monitor_every=2,
        **SETTINGS,
    )
    assert record.column("epoch") == [2, 4, 5]
    assert record.column("norm")[-1] == float(small_rbm.weight.detach().norm())
    assert record.seconds == record.column("seconds")[-1] > record.column("seconds")[0] > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "at least 1 epoch, got 0"),
        ({"batch_size": 0}, "at least 1 example in a batch, got 0"),
        ({"monitor_every": 0}, "at least 1 epoch between monitorings, got 0"),
        ({"checkpoint_every": 0}, "at least 1 epoch between checkpoints, got 0"),
        ({"learning_rate": -1}, "learning rate"),
        ({"momentum": -1}, "momentum"),
        ({"weight_decay": -1}, "weight.decay"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message, small_rbm, data):
    with pytest.raises(ValueError, match=message):
        train(small_rbm, data, ContrastiveDivergence(), **{"epochs": 1, **SETTINGS, **wrong})


def test_no_example_is_refused(small_rbm):
    with pytest.raises(ValueError, match="at least 1 example"):
        train(small_rbm, torch.zeros(0, 8), ContrastiveDivergence(), epochs=1, **SETTINGS)
