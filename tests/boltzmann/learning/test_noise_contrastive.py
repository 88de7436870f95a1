import pytest
import torch

from deepbook.boltzmann import NoiseContrastive, all_states, log_likelihood, log_partition


def samples(rbm, count, seed=0):
    states = all_states(rbm.visible_size, dtype=rbm.dtype)
    probability = log_likelihood(rbm, states).exp().detach()
    draws = torch.multinomial(
        probability, count, replacement=True, generator=torch.Generator().manual_seed(seed)
    )
    return states[draws]


@pytest.mark.parametrize("noise_per_example", [1, 5])
def test_the_gradient_vanishes_where_the_data_are_the_model_and_log_z_is_right(
    small_rbm, noise_per_example
):
    contrast = NoiseContrastive(
        small_rbm, samples(small_rbm, 500), noise_per_example=noise_per_example
    )
    with torch.no_grad():
        contrast.log_z.copy_(log_partition(small_rbm))
    gradients = []
    generator = torch.Generator().manual_seed(1)
    for seed in range(100):
        contrast.zero_grad()
        contrast(samples(small_rbm, 1000, seed), generator).backward()
        learning = [p for p in contrast.parameters() if p.requires_grad]
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in learning]))
    every = torch.stack(gradients)
    deviations = every.mean(0).abs() / (every.std(0) / 10)
    assert deviations.numel() == 8 * 6 + 8 + 6 + 1
    # 63 means; 4 standard errors each
    assert float(deviations.max()) < 4


def test_log_z_is_learned_with_the_model(rbm_of):
    truth = rbm_of(4, 3, seed=1)
    data = samples(truth, 3000)
    model = rbm_of(4, 3, seed=2)
    contrast = NoiseContrastive(model, data, noise_per_example=3)
    optimizer = torch.optim.Adam([p for p in contrast.parameters() if p.requires_grad], lr=0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        optimizer.zero_grad()
        contrast(data, generator).backward()
        optimizer.step()
    states = all_states(4, dtype=torch.float64)
    target, learned = (log_likelihood(rbm, states).detach() for rbm in (truth, model))
    assert abs(float(contrast.log_z.detach() - log_partition(model).detach())) < 0.05
    divergence = float(target.exp() @ (target - learned))
    assert divergence < 0.01, divergence


def test_the_log_ratio_is_that_of_the_two_densities(small_rbm):
    states = all_states(8, dtype=torch.float64)
    contrast = NoiseContrastive(small_rbm, states[:77])
    with torch.no_grad():
        contrast.log_z.copy_(log_partition(small_rbm))
    expected = log_likelihood(small_rbm, states) - log_likelihood(contrast.noise, states)
    torch.testing.assert_close(contrast.log_ratio(states), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_noise_does_not_learn_and_a_generator_makes_the_loss_repeatable(rbm_of, dtype):
    rbm = rbm_of(dtype=dtype)
    data = samples(rbm, 50)
    contrast = NoiseContrastive(rbm, data)
    one, other = (contrast(data, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(one, other)
    assert one.dtype == dtype
    one.backward()
    assert all(parameter.grad is None for parameter in contrast.noise.parameters())
    assert all(parameter.grad is not None for parameter in rbm.parameters())


def test_no_noise_is_refused(small_rbm):
    with pytest.raises(ValueError, match="at least 1 draw of the noise for each example, got 0"):
        NoiseContrastive(small_rbm, samples(small_rbm, 5), noise_per_example=0)
