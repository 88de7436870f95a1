"""What ``EnergyModel`` and ``Harmonium`` promise, asked of every machine that is one."""

import sys

import pytest
import torch
from torch.func import functional_call

from deepbook.boltzmann import (
    DBM,
    RBM,
    BoltzmannMachine,
    ContrastiveDivergence,
    ConvolutionalRBM,
    CopiedRBM,
    EnergyModel,
    FastPersistentContrastiveDivergence,
    GaussianRBM,
    Harmonium,
    ParallelTempering,
    PersistentContrastiveDivergence,
    SoftmaxRBM,
    TemperedGradient,
    ais,
    run_chain,
)
from deepbook.boltzmann.machines.layered_machine import LayeredMachine
from deepbook.boltzmann.partition.annealing_paths import AnnealingPath, LayeredPath, annealing_path
from deepbook.units import check_size

MACHINES = {
    "RBM": lambda **options: RBM(5, 4, **options),
    "BoltzmannMachine": lambda **options: BoltzmannMachine(3, 3, **options),
    "GaussianRBM": lambda **options: GaussianRBM(3, 4, **options),
    "learned precision": lambda **options: GaussianRBM(3, 4, learn_precision=True, **options),
    "SoftmaxRBM": lambda **options: SoftmaxRBM(3, 2, 3, **options),
    "ConvolutionalRBM": lambda **options: ConvolutionalRBM((1, 3, 3), 2, 2, **options),
    "pooled": lambda **options: ConvolutionalRBM((1, 3, 3), 2, 2, pooling=2, **options),
    "visible copies": lambda **options: CopiedRBM(3, 2, visible_copies=2, **options),
    "hidden copies": lambda **options: CopiedRBM(4, 3, hidden_copies=2, **options),
    "DBM": lambda **options: DBM((4, 3, 2), **options),
    "three layers": lambda **options: DBM((3, 2, 2, 2), **options),
}


def machine_of(name, *, dtype=torch.float64, weight_scale=0.7, seed=0):
    """Weights and biases that matter."""
    generator = torch.Generator().manual_seed(seed)
    machine = MACHINES[name](weight_scale=weight_scale, generator=generator, dtype=dtype)
    with torch.no_grad():
        for parameter_name, parameter in machine.named_parameters():
            if "bias" in parameter_name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=dtype))
    return machine


@pytest.fixture(params=MACHINES)
def name(request):
    return request.param


def states_of(machine, count=40, steps=3):
    """Draws from the chain, so that they are states of this machine whatever it is."""
    generator = torch.Generator().manual_seed(1)
    state = machine.initial_state(count)
    for _ in range(steps):
        state = machine.gibbs_step(state, generator)
    return state


def test_every_machine_of_the_chapter_is_asked():
    def below(kind):
        return {kind} | {found for sub in kind.__subclasses__() for found in below(sub)}

    asked = {type(make()) for make in MACHINES.values()}
    abstract = {EnergyModel, Harmonium, LayeredMachine}
    ours = {kind for kind in below(EnergyModel) if kind.__module__.startswith("deepbook.boltzmann")}
    assert ours - abstract == asked
    assert len(asked) == 7


def test_statistics_are_the_gradient_of_the_unnormalised_log_probability(name):
    machine = machine_of(name)
    state = states_of(machine)
    weights = torch.softmax(torch.randn(len(state), dtype=torch.float64), 0)
    for given in (None, weights):
        share = torch.full_like(weights, 1 / len(state)) if given is None else given
        total = share @ machine.log_unnormalised(state)
        parameters = dict(machine.named_parameters())
        gradient = torch.autograd.grad(total, list(parameters.values()))
        statistics = machine.statistics(state, given)
        assert statistics.keys() == parameters.keys()
        for key, by_autograd in zip(parameters, gradient, strict=True):
            torch.testing.assert_close(statistics[key], by_autograd, rtol=0, atol=1e-10)


def test_a_machine_between_two_is_one_of_them_at_the_ends_and_linear_in_the_parameters(name):
    machine = machine_of(name)
    base = machine.without_couplings()
    state = states_of(machine)
    for beta, other in ((0.0, base), (1.0, machine)):
        torch.testing.assert_close(
            machine.between(base, beta).log_unnormalised(state), other.log_unnormalised(state)
        )
    parameters = {
        key: 0.75 * theirs + 0.25 * ours
        for (key, theirs), ours in zip(base.named_parameters(), machine.parameters(), strict=True)
    }
    between = machine.between(base, 0.25)
    for key, parameter in between.named_parameters():
        torch.testing.assert_close(parameter, parameters[key])
    for beta in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="expected beta between 0 and 1, got"):
            machine.between(base, beta)


def test_without_couplings_one_step_from_anywhere_is_an_independent_draw(name):
    base = machine_of(name).without_couplings()
    first = base.gibbs_step(base.initial_state(2000), torch.Generator().manual_seed(2))
    second = base.gibbs_step(first, torch.Generator().manual_seed(3))
    one, two = (state.reshape(2000, -1) for state in (first, second))
    centred = (one - one.mean(0)) / one.std(0), (two - two.mean(0)) / two.std(0)
    correlation = centred[0].T @ centred[1] / 2000
    # the largest of at most 81 correlations of 2,000 independent draws
    assert correlation.abs().max() < 5 / 2000**0.5


def test_a_machine_with_couplings_has_no_closed_log_partition(name):
    machine = machine_of(name)
    assert torch.isfinite(machine.without_couplings().log_partition_without_couplings())
    with pytest.raises(ValueError, match="zero"):
        machine.log_partition_without_couplings()


def test_a_chain_is_repeated_by_its_generator_and_keeps_shape_and_dtype(name):
    for dtype in (torch.float32, torch.float64):
        machine = machine_of(name, dtype=dtype)
        runs = [
            machine.gibbs_step(machine.initial_state(7), torch.Generator().manual_seed(4))
            for _ in range(2)
        ]
        assert torch.equal(*runs)
        assert runs[0].shape == machine.initial_state(7).shape
        assert runs[0].dtype == machine.dtype == dtype
        assert machine.device.type == "cpu"


def data_of(machine, count=6):
    """Visible units that this machine accepts."""
    if isinstance(machine, CopiedRBM):
        return states_of(machine, count)[:, : machine.visible_size]
    if isinstance(machine, Harmonium):
        return states_of(machine, count)
    return (torch.rand(count, machine.visible_size) < 0.5).to(machine.dtype)


@pytest.fixture
def scans(monkeypatch):
    """A list that grows by one whenever units are looked at for their size and values."""
    seen = []

    def counted(units, *arguments):
        seen.append(tuple(units.shape))
        check_size(units, *arguments)

    for name, module in list(sys.modules.items()):
        # check_units of the same module calls it, too
        if name.startswith("deepbook") and vars(module).get("check_size") is check_size:
            monkeypatch.setattr(module, "check_size", counted)
    return seen


ESTIMATORS = {
    "CD-1": lambda base: ContrastiveDivergence(1),
    "CD-3": lambda base: ContrastiveDivergence(3),
    "PCD": lambda base: PersistentContrastiveDivergence(2, chains=5),
    "FPCD": lambda base: FastPersistentContrastiveDivergence(1, chains=5),
    "tempered": lambda base: TemperedGradient([0.3, 1.0], base, 2, chains=5),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_step_of_training_looks_at_its_batch_once_and_never_at_its_own_chains(name, kind, scans):
    machine = machine_of(name)
    visible, estimator = data_of(machine), ESTIMATORS[kind](machine.without_couplings())
    scans.clear()
    for step in range(1, 4):
        estimator(machine, visible)
        assert scans == [tuple(visible.shape)] * step


def test_chains_that_somebody_set_are_looked_at_once(name, scans):
    machine = machine_of(name)
    visible, estimator = data_of(machine), PersistentContrastiveDivergence(1)
    estimator(machine, visible)
    estimator.state = machine.initial_state(3)
    scans.clear()
    for _ in range(2):
        estimator(machine, visible)
    assert sorted(scans) == sorted([tuple(visible.shape)] * 2 + [(3, *estimator.state.shape[1:])])
    estimator.state = torch.full_like(estimator.state, torch.nan)
    with pytest.raises(ValueError, match=r"nan|NaN|at least 1 observed"):
        estimator(machine, visible)


def test_long_chains_are_looked_at_no_more_than_short_ones(name, scans):
    machine = machine_of(name)
    state = states_of(machine, 4)
    tempering = ParallelTempering(machine, [0.2, 1.0], 4)

    def count(run):
        scans.clear()
        run()
        return len(scans)

    assert count(lambda: run_chain(machine, state, 20)) == 1
    assert count(lambda: tempering.run(20)) == 1
    assert count(lambda: ais(machine, None, 20, 4)) == count(lambda: ais(machine, None, 2, 4)) == 2


def test_bad_units_are_refused_before_anything_is_drawn(name):
    machine, generator = machine_of(name), torch.Generator().manual_seed(0)
    before = generator.get_state()
    tempering = ParallelTempering(machine, [0.2, 1.0], 4)
    tempering.states = torch.full_like(tempering.states, torch.nan)
    bad = torch.full_like(data_of(machine), torch.nan)
    wrong_chain = torch.full_like(machine.initial_state(3), torch.nan)
    for call in (
        lambda: ContrastiveDivergence(1, generator=generator)(machine, bad),
        lambda: machine.chain_from_data(bad, generator),
        lambda: machine.data_statistics(bad),
        lambda: machine.gibbs_step(wrong_chain, generator),
        lambda: machine.statistics(wrong_chain),
        lambda: machine.log_unnormalised(wrong_chain),
        lambda: run_chain(machine, wrong_chain, 3, generator),
        lambda: tempering.run(3, generator),
    ):
        with pytest.raises(ValueError, match=r"nan|NaN|at least 1 observed"):
            call()
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("name", ["RBM", "GaussianRBM", "ConvolutionalRBM", "visible copies"])
def test_a_harmoniums_hidden_mean_is_minus_the_slope_of_its_free_energy(name):
    machine = machine_of(name)
    assert isinstance(machine, Harmonium)
    visible = states_of(machine)

    def free_energy(bias):
        parameters = dict(machine.named_parameters())
        parameters[next(name for name in parameters if name.endswith("hidden_bias"))] = bias
        return functional_call(
            Asked(machine), {f"machine.{k}": v for k, v in parameters.items()}, visible
        )

    slope = torch.autograd.functional.jacobian(free_energy, machine.hidden_bias.detach())
    mean = machine.hidden_mean(visible).reshape(len(visible), len(machine.hidden_bias), -1).sum(-1)
    torch.testing.assert_close(-slope, mean, rtol=0, atol=1e-10)


class Asked(torch.nn.Module):
    def __init__(self, machine):
        super().__init__()
        self.machine = machine

    def forward(self, visible):
        return self.machine.free_energy(visible)


def test_a_deep_machine_anneals_along_its_fast_path_as_along_the_general_one():
    machine = machine_of("DBM")
    assert isinstance(machine, LayeredMachine)
    base = machine.without_couplings()
    fast, general = annealing_path(base, machine), AnnealingPath(base, machine)
    assert type(fast) is LayeredPath
    state = states_of(machine)
    ratios = [
        path.cross(state, 0.3, 0.4, torch.Generator().manual_seed(5))[0] for path in (fast, general)
    ]
    torch.testing.assert_close(*ratios, rtol=0, atol=1e-10)
    assert type(annealing_path(machine, machine)) is AnnealingPath
