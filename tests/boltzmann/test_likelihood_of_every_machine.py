"""AIS goes to the exact partition function whatever the machine."""

import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    ConvolutionalRBM,
    CopiedRBM,
    GaussianRBM,
    SoftmaxRBM,
    ais,
    log_partition,
    model_statistics,
)

MACHINES = {
    "rbm": lambda: RBM(6, 4),
    "general": lambda: BoltzmannMachine(6),
    "general with hidden units": lambda: BoltzmannMachine(4, 3),
    "gaussian": lambda: GaussianRBM(3, 4),
    "softmax": lambda: SoftmaxRBM(3, 4, 5),
    "copied": lambda: CopiedRBM(3, 4, visible_copies=2, hidden_copies=2),
    "convolutional": lambda: ConvolutionalRBM((1, 4, 4), 2, 3),
}


@pytest.fixture(params=MACHINES, ids=lambda name: name.replace(" ", "-"))
def machine(request):
    torch.manual_seed(0)
    model = MACHINES[request.param]().double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(noise / 2)
    return model


def test_ais_estimates_the_exact_log_partition(machine):
    estimate = ais(machine, None, 30, 5000, torch.Generator().manual_seed(0))
    assert estimate.standard_error < 0.05
    assert (
        abs(estimate.log_z - float(log_partition(machine).detach())) < 4 * estimate.standard_error
    )


def test_the_statistics_under_the_model_are_those_of_its_chain(machine):
    generator = torch.Generator().manual_seed(0)
    state = machine.initial_state(4000)
    for _ in range(60):
        state = machine.gibbs_step(state, generator)
    for name, exact in model_statistics(machine).items():
        if exact.numel() == 0:
            continue  # the hidden units of a machine that has none
        each = torch.stack([machine.statistics(part)[name] for part in state.split(100)])
        error = each.std(0) / len(each) ** 0.5
        assert bool(((each.mean(0) - exact).abs() < 5 * error + 1e-9).all()), name
