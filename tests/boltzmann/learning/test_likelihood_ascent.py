import copy
import math

import pytest
import torch

from deepbook.boltzmann import (
    Centred,
    ContrastiveDivergence,
    ExactGradient,
    FastPersistentContrastiveDivergence,
    LikelihoodAscent,
    PersistentContrastiveDivergence,
    SparsityTarget,
    TemperedGradient,
    log_likelihood,
    train,
    train_fast,
)
from deepbook.boltzmann.learning.likelihood_gradients import GradientEstimator
from deepbook.training import NonFiniteError, constant, linear_decay


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


CD, PCD, FastPCD = (
    ContrastiveDivergence,
    PersistentContrastiveDivergence,
    FastPersistentContrastiveDivergence,
)
BETAS = (0, 0.5, 1)
# who wrote the checkpoint, who is to go on from it, and what the error says
OTHERS = {
    "CD-1 as CD-10": (lambda b: CD(1), lambda b: CD(10), r"estimator\.steps 10, got one with 1"),
    "CD as PCD": (lambda b: CD(1), lambda b: PCD(1), "estimator.kind Persistent.* with Contrast"),
    "PCD as CD": (lambda b: PCD(1), lambda b: CD(1), "estimator.kind Contrast.* with Persistent"),
    "PCD as fast PCD": (lambda b: PCD(1), lambda b: FastPCD(1), "estimator.kind FastPersistent"),
    "PCD-1 as PCD-2": (lambda b: PCD(1), lambda b: PCD(2), r"estimator\.steps 2, got one with 1"),
    "more chains": (lambda b: PCD(chains=5), lambda b: PCD(chains=6), r"chains 6, got one with 5"),
    "exact": (lambda b: CD(1), lambda b: ExactGradient(), "estimator.kind ExactGradient"),
    "fast rate": (
        lambda b: FastPCD(),
        lambda b: FastPCD(fast_learning_rate=0.02),
        r"fast_learning_rate 0\.02, got one with 0\.01",
    ),
    "decay": (lambda b: FastPCD(), lambda b: FastPCD(decay=0.9), r"decay 0\.9, got one with 0\.95"),
    "betas": (
        lambda b: TemperedGradient(BETAS, b),
        lambda b: TemperedGradient((0, 0.6, 1), b),
        r"betas \[0, 0\.6, 1\], got one with \[0, 0\.5, 1\]",
    ),
    "base": (
        lambda b: TemperedGradient(BETAS, b),
        lambda b: TemperedGradient(BETAS, b.without_couplings()),
        r"base\.visible_bias a tensor of shape \(8,\)",
    ),
    "no longer centred": (lambda b: Centred(CD()), lambda b: CD(), "estimator.kind Contrastive"),
    "centred by another rate": (
        lambda b: Centred(CD(), rate=0.01),
        lambda b: Centred(CD(), rate=0.1),
        r"estimator\.rate 0\.1, got one with 0\.01",
    ),
    "centred, within": (
        lambda b: Centred(CD(1)),
        lambda b: Centred(CD(2)),
        r"estimator\.estimator\.steps 2, got one with 1",
    ),
    "sparser": (
        lambda b: SparsityTarget(CD(), 0.1, 1.0),
        lambda b: SparsityTarget(CD(), 0.2, 1.0),
        r"estimator\.target 0\.2, got one with 0\.1",
    ),
    "sparse, within": (
        lambda b: SparsityTarget(CD(1), 0.1, 1.0),
        lambda b: SparsityTarget(PCD(1), 0.1, 1.0),
        "estimator.estimator.kind Persistent",
    ),
    "another's random numbers": (
        lambda b: CD(generator=seeded(1)),
        lambda b: CD(),
        "own_generator False, got one with True",
    ),
    "own class": (lambda b: CD(1), lambda b: Renamed(1), "kind Renamed, got one with Contrastive"),
}


class Renamed(ContrastiveDivergence):
    """Someone's own estimator is another one, without a line of code."""


def everything(model, estimator):
    state = {**model.state_dict(), **estimator.state_dict(), "global": torch.get_rng_state()}
    return copy.deepcopy(state)


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_estimator_is_refused_and_nothing_is_changed(
    name, rbm_of, data, tmp_path
):
    write, read, message = OTHERS[name]
    options = {"epochs": 1, "checkpoint": tmp_path / "checkpoint.pt", **SETTINGS}
    model = rbm_of()
    base = model.without_couplings(data)
    train(model, data, write(base), **options)
    fresh, estimator = rbm_of(), read(base)
    before = everything(fresh, estimator)
    with pytest.raises(ValueError, match=message):
        train(fresh, data, estimator, **{**options, "epochs": 2}, resume=True)
    torch.testing.assert_close(everything(fresh, estimator), before, rtol=0, atol=0)
    record = train(fresh, data, write(base), **{**options, "epochs": 2}, resume=True)
    assert record.epoch == 2


def test_a_checkpoint_of_another_machine_dtype_or_schedule_is_refused(rbm_of, data, tmp_path):
    options = {"epochs": 2, "checkpoint": tmp_path / "checkpoint.pt", **SETTINGS}
    options["schedule"] = lambda done: 1 - done
    train(rbm_of(), data, ContrastiveDivergence(), **options)
    for model, examples, more, message in (
        (rbm_of(8, 4), data, {}, r"weight of model in .* shape \(8, 4\).* got shape \(8, 6\)"),
        (rbm_of().float(), data.float(), {}, "torch.float32, got .* torch.float64"),
        (rbm_of(), data[:29], {}, "examples 29, got one with 30"),
        (rbm_of(), data, {"schedule": lambda done: 1.0}, r"schedule's factors \[1\.0, 1\.0"),
    ):
        before = parameters(model)
        with pytest.raises(ValueError, match=message):
            train(model, examples, ContrastiveDivergence(), **{**options, **more}, resume=True)
        assert torch.equal(parameters(model), before)


def test_a_shorter_training_is_not_resumed_from_a_longer_one(rbm_of, data, tmp_path):
    options = {"checkpoint": tmp_path / "checkpoint.pt", **SETTINGS}
    train(rbm_of(), data, ContrastiveDivergence(), epochs=3, **options)
    model = rbm_of()
    before = parameters(model)
    with pytest.raises(ValueError, match="a checkpoint of at most 2 epochs, got one of 3"):
        train(model, data, ContrastiveDivergence(), epochs=2, resume=True, **options)
    assert torch.equal(parameters(model), before)


def test_a_damaged_checkpoint_is_named_and_nothing_is_changed(rbm_of, data, tmp_path):
    path = tmp_path / "checkpoint.pt"
    options = {"epochs": 1, "checkpoint": path, **SETTINGS}
    train(rbm_of(), data, ContrastiveDivergence(), **options)
    whole, model = path.read_bytes(), rbm_of()
    before = parameters(model)
    for content in (whole[: len(whole) // 2], b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged or something else"):
            train(model, data, ContrastiveDivergence(), resume=True, **options)
    assert torch.equal(parameters(model), before)


def test_an_estimator_without_settings_is_known_by_its_kind(small_rbm, data, tmp_path):
    class Bare:
        def __call__(self, model, visible):
            return ExactGradient()(model, visible)

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            assert state == {}

    options = {"checkpoint": tmp_path / "checkpoint.pt", **SETTINGS}
    train(small_rbm, data, Bare(), epochs=1, **options)
    assert train(small_rbm, data, Bare(), epochs=2, resume=True, **options).epoch == 2
    with pytest.raises(ValueError, match=r"estimator\.kind ExactGradient, got one with Bare"):
        train(small_rbm, data, ExactGradient(), epochs=2, resume=True, **options)


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
    with pytest.raises(NonFiniteError, match=message):
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


def test_a_step_by_itself_goes_up_the_gradient_at_the_rate_of_the_schedule(small_rbm, data):
    twin = copy.deepcopy(small_rbm)
    step = LikelihoodAscent(small_rbm, ExactGradient(), 0.2, linear_decay)
    step(data, 0.75)
    gradient = ExactGradient()(twin, data)
    for name, parameter in twin.named_parameters():
        moved = dict(small_rbm.named_parameters())[name] - parameter
        torch.testing.assert_close(moved.detach(), 0.05 * gradient[name], rtol=1e-9, atol=1e-12)
    assert step.steps_taken == 1


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
