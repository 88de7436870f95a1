import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    CopiedRBM,
    all_states,
    log_partition,
)


def states(size, dtype=torch.float64):
    return all_states(size, dtype=dtype)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("copies", [(1, 1), (2, 1), (1, 2), (2, 3)])
def test_copies_are_an_rbm_with_repeated_weights(copies, copied):
    small = copied(*copies)
    rbm = RBM(4 * copies[0], 3 * copies[1], dtype=torch.float64)
    rbm.weight.data.copy_(small.weight.data.repeat(*copies))
    rbm.visible_bias.data.copy_(small.visible_bias.data.repeat(copies[0]))
    rbm.hidden_bias.data.copy_(small.hidden_bias.data.repeat(copies[1]))
    v, h = states(rbm.visible_size)[::3], states(rbm.hidden_size)
    close(small.energy(v[:, None], h), rbm.energy(v[:, None], h))
    close(small.free_energy(v), rbm.free_energy(v))
    close(small.hidden_free_energy(h), rbm.hidden_free_energy(h))
    close(small.hidden_mean(v), rbm.hidden_mean(v))
    close(small.visible_mean(h), rbm.visible_mean(h))
    close(log_partition(small), log_partition(rbm))
    gradients = torch.autograd.grad(small.log_unnormalised(v).mean(), list(small.parameters()))
    for (name, _), gradient in zip(small.named_parameters(), gradients, strict=True):
        close(small.statistics(v)[name], gradient)
    base = small.without_couplings(states(4))
    close(base.log_partition_without_couplings(), log_partition(base))


def test_copied_machines_start_and_recognise_with_every_copy_at_the_data(copied):
    rbm, data = copied(2, 1), states(4)
    close(rbm.chain_from_data(data), torch.cat([data, data], 1))
    close(rbm.recognise(data), torch.sigmoid(2 * data @ rbm.weight + rbm.hidden_bias))
    close(copied(1, 2).recognise(data), copied(1, 1).recognise(data))
    step = rbm.gibbs_step(rbm.initial_state(500), torch.Generator().manual_seed(0))
    assert not torch.equal(step[:, :4], step[:, 4:])


def test_a_machine_without_a_copy_is_refused():
    with pytest.raises(ValueError, match="at least 1 unit and 1 copy"):
        CopiedRBM(4, 3, hidden_copies=0)
