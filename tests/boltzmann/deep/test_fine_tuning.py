import copy

import pytest
import torch

from deepbook.boltzmann import (
    DBM,
    all_states,
    network_from_dbm,
    network_from_dbn,
    with_mean_field,
)
from deepbook.feedforward import MLP


def states(size):
    return all_states(size, dtype=torch.float64)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def test_network_computes_what_the_upward_pass_computes(dbn):
    network = network_from_dbn(dbn, 10)
    assert network.sizes == (4, 3, 5, 2, 10)
    *hidden, logits = network.outputs(states(4))
    for ours, theirs in zip(hidden, dbn.recognise(states(4))[1:], strict=False):
        close(ours, theirs)
    close(hidden[-1], dbn.top.hidden_mean(hidden[-2]))
    assert logits.shape == (16, 10)
    before = copy.deepcopy(dbn.state_dict())
    network(states(4)).sum().backward()
    torch.optim.SGD(network.parameters(), lr=1.0).step()
    assert all(torch.equal(before[k], v) for k, v in dbn.state_dict().items())
    MLP(network.sizes, "sigmoid").load_state_dict(network.state_dict())


def test_network_of_a_deep_machine_is_at_a_fixed_point_of_mean_field():
    generator = torch.Generator().manual_seed(0)
    dbm = DBM((6, 5, 4), weight_scale=1.0, generator=generator, dtype=torch.float64, sweeps=1000)
    with torch.no_grad():
        for bias in dbm.biases:
            bias.normal_(generator=generator)
        layers = dbm.mean_field(states(6), tolerance=1e-12)
    dbm.sweeps = 500
    hidden = network_from_dbm(dbm, 10).outputs(with_mean_field(dbm, states(6)))
    close(hidden[0], layers[1], 1e-3)
    close(hidden[1], layers[2], 1e-3)
    with pytest.raises(ValueError, match="two hidden layers"):
        network_from_dbm(DBM((4, 3, 2, 2)), 10)
