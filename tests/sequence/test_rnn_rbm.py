import itertools
import math

import pytest
import torch
from torch.nn.functional import logsigmoid

import deepbook
from deepbook.sequence import RNNRBM


def seeded(n):
    return torch.Generator().manual_seed(n)


def machine(visible=4, hidden=3, state=5, scale=1.0):
    model = RNNRBM(visible, hidden, state, seeded(0)).double()
    generator = seeded(1)
    with torch.no_grad():
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(scale * drawn)
    return model


def pieces(count=2, steps=3, visible=4, seed=2):
    return torch.randint(2, (count, steps, visible), generator=seeded(seed)).double()


def every_piece(steps, visible):
    bits = itertools.product([0.0, 1.0], repeat=steps * visible)
    return torch.tensor(list(bits), dtype=torch.float64).view(-1, steps, visible)


@pytest.mark.parametrize(("hidden", "state"), [(3, 5), (0, 5), (3, 0), (0, 0)])
def test_the_probabilities_of_all_pieces_sum_to_one(hidden, state):
    model = machine(3, hidden, state)
    likelihood = model.log_likelihood(every_piece(3, 3)).sum(1)
    assert likelihood.exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_a_step_is_the_joint_probability_summed_over_hidden_states():
    model, visible = machine(), pieces(1, 2)
    of_visible, of_hidden = model.biases(visible)
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)

    def joint(v, t):
        energies = v @ of_visible[0, t] + states @ of_hidden[0, t] + states @ (v @ model.weight)
        return energies.exp().sum()

    for t in range(2):
        z = sum(joint(v, t) for v in every_piece(1, 4)[:, 0])
        expected = (joint(visible[0, t], t) / z).log()
        torch.testing.assert_close(model.log_likelihood(visible)[0, t], expected)


def test_biases_come_from_the_steps_before_alone():
    model, visible = machine(), pieces()
    changed = visible.clone()
    changed[:, 1] = 1 - changed[:, 1]
    for before, after in zip(model.biases(visible), model.biases(changed), strict=True):
        assert torch.equal(before[:, :2], after[:, :2])
        assert not torch.allclose(before[:, 2], after[:, 2])


def test_the_state_is_that_of_the_formula():
    model, visible = machine(), pieces(1, 2)
    first = model.initial_state
    second = torch.tanh(
        visible[0, 0] @ model.visible_to_state + first @ model.state_to_state + model.state_bias
    )
    of_visible, of_hidden = model.biases(visible)
    expected = model.hidden_bias + torch.stack([first, second]) @ model.state_to_hidden
    torch.testing.assert_close(of_hidden[0], expected)
    expected = model.visible_bias + torch.stack([first, second]) @ model.state_to_visible
    torch.testing.assert_close(of_visible[0], expected)


def test_without_hidden_units_the_units_are_independent():
    model, visible = machine(hidden=0), pieces()
    logits, _ = model.biases(visible)
    bernoulli = logsigmoid((2 * visible - 1) * logits).sum(-1)
    torch.testing.assert_close(model.log_likelihood(visible), bernoulli)


def test_without_a_state_every_step_has_the_same_machine():
    model, visible = machine(state=0), pieces()
    shuffled = visible[:, [2, 0, 1]]
    torch.testing.assert_close(
        model.log_likelihood(visible)[:, [2, 0, 1]], model.log_likelihood(shuffled)
    )


def test_contrastive_divergence_climbs_to_the_likelihoods_gradient():
    # from the model's own samples CD is unbiased: there its mean is the exact gradient, which is 0
    model = machine(3, 2, 0, scale=0.5)
    every = every_piece(1, 3)
    likelihood = model.log_likelihood(every)[:, 0]
    probabilities = likelihood.exp().detach()
    drawn = every[torch.multinomial(probabilities, 20_000, replacement=True, generator=seeded(3))]
    loss = model.contrastive_loss(drawn, steps=1, generator=seeded(4))
    (by_sampling,) = torch.autograd.grad(loss, [model.weight])
    assert float(by_sampling.abs().max()) < 0.02
    # and on other data its mean for many steps is the exact one
    data = every[[7] * 5000 + [1] * 5000]
    loss = model.contrastive_loss(data, steps=20, generator=seeded(5))
    (by_sampling,) = torch.autograd.grad(loss, [model.weight])
    (exact,) = torch.autograd.grad(-model.log_likelihood(data).mean(), [model.weight])
    assert float((by_sampling - exact).abs().max()) < 0.04
    assert float(exact.abs().max()) > 0.1


def test_a_masked_step_changes_no_gradient():
    model, visible = machine(), pieces(2, 3)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    padded = visible.clone()
    padded[1, 2] = 1 - padded[1, 2]
    gradients = [
        torch.autograd.grad(
            model.contrastive_loss(each, mask, generator=seeded(6)), [model.state_to_state]
        )[0]
        for each in (visible, padded)
    ]
    assert torch.equal(*gradients)


def test_training_learns_what_repeats():
    # two chords in turn, of three notes each: neither a machine alone nor a net alone knows both
    chords = torch.tensor([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]]).float()
    piece = chords[torch.arange(12) % 2][None]
    model = RNNRBM(6, 4, 8, seeded(0))
    adam = torch.optim.Adam(model.parameters(), 0.03)
    before = model.log_likelihood(piece).mean().item()
    for _ in range(150):
        adam.zero_grad()
        model.contrastive_loss(piece, generator=seeded(1)).backward()
        adam.step()
    after = model.log_likelihood(piece).mean().item()
    assert before == pytest.approx(-6 * math.log(2), abs=0.1)
    assert after > -0.5
    dreamt = model.sample(12, generator=seeded(2))
    assert float((dreamt == piece[0]).double().mean()) > 0.9


def test_samples_come_with_the_probabilities_of_the_machine():
    model = machine(3, 2, 2, scale=0.7).float()
    deepbook.seed(0)
    drawn = torch.stack([model.sample(2, gibbs_steps=15) for _ in range(1500)])
    every = every_piece(2, 3).float()
    expected = model.log_likelihood(every).sum(1).exp().detach().double()
    codes = (drawn.flatten(1) @ 2.0 ** torch.arange(6.0).flip(0)).long()
    counts = torch.bincount(codes, minlength=64).double()
    # pieces that are rare in one cell, so that the statistic has its distribution
    rare = expected * 1500 < 5
    counts = torch.cat([counts[~rare], counts[rare].sum()[None]])
    expected = 1500 * torch.cat([expected[~rare], expected[rare].sum()[None]])
    statistic = float(((counts - expected) ** 2 / expected).sum())
    cells = len(counts) - 1
    assert statistic < cells + 5 * math.sqrt(2 * cells)


def test_the_pseudolikelihood_asks_for_each_unit_given_the_others():
    model, visible = machine(3), pieces(visible=3)
    biases = model.biases(visible)
    expected = torch.zeros(visible.shape[:2], dtype=torch.float64)
    for unit in range(3):
        on, off = visible.clone(), visible.clone()
        on[..., unit], off[..., unit] = 1, 0
        both = torch.stack([-model.free_energy(each, biases) for each in (off, on)], -1)
        chosen = both.gather(-1, visible[..., unit, None].long())[..., 0]
        expected += chosen - both.logsumexp(-1)
    torch.testing.assert_close(model.log_pseudolikelihood(visible), expected)


def test_a_seed_makes_the_same_machine_and_the_same_piece():
    one, other = (RNNRBM(4, 3, 2, seeded(7)) for _ in range(2))
    assert torch.equal(one.state_to_state, other.state_to_state)
    pieces = [model.sample(5, generator=seeded(8)) for model in (one, other)]
    assert torch.equal(*pieces)
    assert pieces[0].shape == (5, 4)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 visible unit .* got 0, 1 and 1"):
        RNNRBM(0, 1, 1)
    with pytest.raises(ValueError, match="sizes of 0 or more, got 2, -1 and 1"):
        RNNRBM(2, -1, 1)
    model = RNNRBM(4, 17, 2)
    with pytest.raises(ValueError, match=r"units of shape \(N, T, 4\), got \(3, 4\)"):
        model.biases(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="at most 16 hidden units to sum over, got 17"):
        model.log_likelihood(torch.zeros(1, 2, 4))
    with pytest.raises(ValueError, match="at least 1 Gibbs step, got 0"):
        model.contrastive_loss(torch.zeros(1, 2, 4), steps=0)
    with pytest.raises(ValueError, match="at least 1 step and 1 Gibbs step, got 0 and 1"):
        model.sample(0, gibbs_steps=1)
