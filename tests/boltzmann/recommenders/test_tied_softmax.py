import pytest
import torch

from deepbook.boltzmann.recommenders import Penalties, TiedSoftmaxRBM


@pytest.fixture
def tied():
    generator = torch.Generator().manual_seed(0)
    result = TiedSoftmaxRBM(4, 3, 5, 6, generator=generator)
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return result


@pytest.mark.parametrize("example", [0, 3])
def test_scores_are_the_exact_conditionals_of_the_examples_own_machine(tied, example):
    machine = tied.machine(example)
    values = torch.tensor([2, 0, 4])
    visible = machine.encode(values)
    for unit in range(3):
        others = [other for other in range(3) if other != unit]
        from_others = sum(machine.weight[other, values[other]] for other in others)
        scores = tied.scores(
            from_others[None], tied.weight(), torch.tensor([example]), torch.tensor([unit])
        )
        expected = machine.predictive(visible, torch.tensor(unit))
        torch.testing.assert_close(torch.softmax(scores[0], 0), expected)


def test_the_average_machine_knows_nothing_of_an_example(tied):
    with torch.no_grad():
        tied.example_bias.zero_()
    torch.testing.assert_close(tied.machine(2).visible_bias, tied.machine().visible_bias)


def test_without_any_weights_the_biases_are_the_shares_of_the_values(tied):
    units, values = torch.zeros(500, dtype=torch.int64), torch.arange(500) % 5
    tied.initialize_biases_(torch.cat([units, units + 1]), torch.cat([values, values * 0 + 4]))
    assert torch.allclose(
        torch.softmax(tied.base + tied.bias, 1)[0], torch.full((5,), 0.2), atol=0.01
    )
    assert torch.softmax(tied.base + tied.bias, 1)[1, 4] > 0.99
    # a unit without ratings has the shares of all
    torch.testing.assert_close(tied.bias[2], torch.zeros(5), rtol=0, atol=1e-6)


def test_the_penalty_counts_each_square_with_its_factor(tied):
    with torch.no_grad():
        for parameter in tied.parameters():
            parameter.zero_()
        tied.slope[0, 0], tied.deviation[0, 0, 0], tied.bias[0, 0] = 2.0, 3.0, 4.0
        tied.example_bias[0, 0] = 5.0
    factors = Penalties(slope=1.0, deviation=10.0, bias=100.0, example_bias=1000.0)
    assert tied.penalty(factors).item() == 4 + 90 + 1600 + 25000
