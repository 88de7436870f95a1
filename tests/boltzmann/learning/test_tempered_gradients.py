import math

import pytest
import torch

from deepbook.boltzmann import (
    FastPersistentContrastiveDivergence,
    PersistentContrastiveDivergence,
    TemperedGradient,
    expected_cd_gradient,
    model_statistics,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def flat(gradient):
    return torch.cat([gradient[name].detach().flatten() for name in sorted(gradient)])


def worst_deviation(sampled, expected):
    sampled = torch.stack([flat(gradient) for gradient in sampled])
    error = sampled.std(0) / math.sqrt(len(sampled))
    return float(((sampled.mean(0) - flat(expected)).abs() / error).max())


@pytest.fixture
def data():
    return (torch.rand(20, 8, generator=seeded(7)) < 0.5).double()


def test_fast_pcd_without_fast_learning_is_pcd(small_rbm, data):
    fast = FastPersistentContrastiveDivergence(2, fast_learning_rate=0, generator=seeded(1))
    slow = PersistentContrastiveDivergence(2, generator=seeded(1))
    for _ in range(3):
        assert torch.equal(flat(fast(small_rbm, data)), flat(slow(small_rbm, data)))


def test_fast_parameters_follow_the_gradient_and_decay(small_rbm, data):
    estimator = FastPersistentContrastiveDivergence(
        fast_learning_rate=0.2, decay=0.9, generator=seeded(1)
    )
    first = estimator(small_rbm, data)
    second = estimator(small_rbm, data)
    expected = 0.9 * 0.2 * first["weight"] + 0.2 * second["weight"]
    torch.testing.assert_close(estimator.fast["weight"], expected)


def test_the_chains_of_fast_pcd_see_slow_plus_fast_parameters(small_rbm, rbm_of, data):
    chased, slow = rbm_of(seed=5), dict(small_rbm.named_parameters())
    fast = {name: (p - slow[name]).detach() for name, p in chased.named_parameters()}
    sampled = []
    torch.manual_seed(0)
    for _ in range(60):
        estimator = FastPersistentContrastiveDivergence()
        estimator.fast = fast
        many = data.repeat(50, 1)
        with torch.no_grad():
            sampled.append(estimator.negative_phase(small_rbm, many))
    positive = chased.data_statistics(data)
    gradient = expected_cd_gradient(chased, data, 1)
    expected = {name: positive[name] - gradient[name] for name in positive}
    assert worst_deviation(sampled, expected) < 4.5
    assert torch.equal(flat(slow), flat(dict(rbm_of().named_parameters())))


def test_fast_pcd_refuses_numbers_out_of_range():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        FastPersistentContrastiveDivergence(fast_learning_rate=-1)
    with pytest.raises(ValueError, match="between 0 and 1, got 2"):
        FastPersistentContrastiveDivergence(decay=2)


def test_the_negative_phase_of_tempering_is_the_models(small_rbm, data):
    base = small_rbm.without_couplings(data)
    estimator = TemperedGradient([0, 0.5, 1], base, chains=1000, generator=seeded(2))
    for _ in range(10):
        estimator(small_rbm, data)
    sampled = []
    with torch.no_grad():
        for _ in range(40):
            for _ in range(4):
                statistics = estimator.negative_phase(small_rbm, data)
            sampled.append(statistics)
    assert estimator.state.shape == (3, 1000, 8)
    # what is left between batches of a mean makes its error a little larger than it seems
    assert worst_deviation(sampled, model_statistics(small_rbm)) < 5


def test_tempering_goes_on_from_its_saved_state_on_a_copy_of_the_model(small_rbm, rbm_of, data):
    base = small_rbm.without_couplings(data)
    first = TemperedGradient([0, 1], base, generator=seeded(0))
    first(small_rbm, data)
    saved = {key: value.clone() for key, value in first.state_dict().items()}
    second = TemperedGradient([0, 1], base, generator=seeded(1))
    second.load_state_dict(saved)
    for _ in range(2):
        assert torch.equal(flat(second(rbm_of(), data)), flat(first(small_rbm, data)))
