import pytest
import torch

from deepbook.boltzmann import GaussianRBM, denoising_score_matching, score_matching


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def gaussian_data(count=400, size=3):
    mixing = torch.randn(size, size, generator=generator(1), dtype=torch.float64)
    noise = torch.randn(count, size, generator=generator(2), dtype=torch.float64)
    return noise @ mixing + 1


class Gaussian(torch.nn.Module):
    def __init__(self, mean, precision):
        super().__init__()
        self.mean, self.precision = torch.nn.Parameter(mean), torch.nn.Parameter(precision)

    def score(self, visible):
        return -(visible - self.mean) @ self.precision


def test_score_matching_of_a_gaussian_is_stationary_at_the_data_mean_and_precision():
    data = gaussian_data()
    covariance = torch.cov(data.T, correction=0)
    model = Gaussian(data.mean(0), torch.linalg.inv(covariance))
    score_matching(model.score, data).mean().backward()
    for parameter in model.parameters():
        assert float(parameter.grad.abs().max()) < 1e-10
    # half of E|score|^2 less the trace of the precision
    loss = score_matching(model.score, data).mean()
    torch.testing.assert_close(loss, -model.precision.trace() / 2)


def test_score_matching_differs_from_the_distance_of_scores_by_a_constant():
    """E |s - s_data|^2 / 2 less the loss is E |s_data|^2 / 2 whatever the model."""
    sharp = torch.tensor([[1.3, 0.4], [0.4, 0.8]], dtype=torch.float64)
    data = torch.randn(100_000, 2, generator=generator(), dtype=torch.float64)  # s_data = -x
    for mean in (0.0, 0.5):
        model = Gaussian(torch.full((2,), mean, dtype=torch.float64), sharp)
        distance = (model.score(data) + data).square().sum(1) / 2
        constant = (distance - score_matching(model.score, data)).detach()
        assert abs(constant.mean() - 1) < 4 * constant.std() / len(data) ** 0.5


def small_gaussian_rbm():
    torch.manual_seed(0)
    model = GaussianRBM(3, 4).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator(5)).double() / 3)
    return model


def test_score_matching_of_a_gaussian_rbm_is_what_its_free_energy_says():
    model, data = small_gaussian_rbm(), gaussian_data(5)
    expected = []
    for row in data:
        log_p = lambda v: -model.free_energy(v[None])[0]
        slope = torch.autograd.functional.jacobian(log_p, row)
        curvature = torch.autograd.functional.hessian(log_p, row)
        expected.append(slope.square().sum() / 2 + curvature.trace())
    for divergence in (None, model.score_divergence):
        loss = score_matching(model.score, data, divergence)
        torch.testing.assert_close(loss, torch.stack(expected))


def test_denoising_score_matching_is_best_at_the_precision_of_the_blurred_data():
    data, noise = gaussian_data(200_000), 0.7
    covariance = torch.cov(data.T, correction=0)
    blurred = covariance + noise**2 * torch.eye(3, dtype=torch.float64)
    for target, best in ((blurred, True), (covariance, False)):
        model = Gaussian(data.mean(0), torch.linalg.inv(target))
        loss = denoising_score_matching(model.score, data, noise, generator()).mean()
        loss.backward()
        largest = max(float(parameter.grad.abs().max()) for parameter in model.parameters())
        assert (largest < 0.02) == best, largest


def test_denoising_score_matching_is_the_formula_for_its_noise():
    data = gaussian_data(6)
    normal = torch.randn(data.shape, dtype=torch.float64, generator=generator(3))
    loss = denoising_score_matching(lambda x: -2 * x, data, 0.5, generator(3))
    expected = ((-2 * (data + 0.5 * normal) + normal / 0.5) ** 2).sum(1) / 2
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_keep_the_dtype_and_leave_the_data_alone(dtype):
    data = gaussian_data(6).to(dtype)
    assert score_matching(torch.neg, data).dtype == dtype
    assert denoising_score_matching(torch.neg, data, 0.1, generator()).dtype == dtype
    assert not data.requires_grad


def test_wrong_arguments_are_named():
    data = gaussian_data(6)
    with pytest.raises(ValueError, match=r"noise above 0, got 0"):
        denoising_score_matching(torch.neg, data, 0)
    with pytest.raises(ValueError, match=r"score of shape \(6, 3\), got \(6,\)"):
        score_matching(lambda x: x.sum(1), data)
    with pytest.raises(ValueError, match=r"shape \(N, size\), got \(3,\)"):
        score_matching(torch.neg, data[0])
