import math

import pytest
import torch

from deepbook.convolution import GaborFilters, GaborFits, fit_gabors


def seeded(n):
    return torch.Generator().manual_seed(n)


def known(count=5, seed=0):
    """Filters of 11 x 11 pixels whose parameters are settled: some waves under each Gaussian."""
    u = torch.rand(8, count, generator=seeded(seed), dtype=torch.float64)
    return GaborFilters(
        amplitude=0.5 + u[0],
        beta_x=0.04 + 0.06 * u[1],
        beta_y=0.03 + 0.06 * u[2],
        frequency=0.8 + 0.8 * u[3],
        phase=math.pi * (u[4] - 0.5),
        x0=2 * u[5] - 1,
        y0=2 * u[6] - 1,
        angle=math.pi * u[7],
    )


def test_known_parameters_are_recovered():
    gabors = known()
    found = fit_gabors(gabors.on_grid(11, 11)).gabors
    # turned by pi, with the phase of the other sign, it is the same function
    turns = torch.round((found.angle - gabors.angle) / math.pi)
    sign = torch.where(turns % 2 == 0, 1.0, -1.0).double()
    amplitude = found.amplitude.abs()
    for ours, true in (
        (amplitude, gabors.amplitude),
        (found.beta_x, gabors.beta_x),
        (found.beta_y, gabors.beta_y),
        (found.frequency, gabors.frequency),
        (found.angle - turns * math.pi, gabors.angle),
    ):
        torch.testing.assert_close(ours, true, rtol=1e-4, atol=1e-4)
    # the place along the wave trades with nothing, as the Gaussian settles it
    torch.testing.assert_close(found.x0, gabors.x0, rtol=0, atol=1e-3)
    torch.testing.assert_close(found.y0, gabors.y0, rtol=0, atol=1e-3)
    phase = sign * found.phase + (found.amplitude < 0) * math.pi - gabors.phase
    torch.testing.assert_close(torch.cos(phase), torch.ones_like(phase), rtol=0, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_a_gabor_function_is_explained_whole(seed):
    filters = known(8, seed).on_grid(9, 12)
    fits = fit_gabors(filters)
    assert fits.explained.min() > 1 - 1e-6
    torch.testing.assert_close(fits.fitted, filters, rtol=0, atol=1e-3)


def test_the_explained_share_is_one_minus_the_squared_error_over_the_squares():
    filters = torch.randn(6, 7, 7, generator=seeded(0), dtype=torch.float64)
    fits = fit_gabors(filters)
    error = (filters - fits.fitted).square().sum((1, 2))
    share = 1 - error / filters.square().sum((1, 2))
    torch.testing.assert_close(fits.explained, share, rtol=0, atol=1e-8)
    assert (share > 0.1).all()
    assert (share < 0.9).all()
    assert isinstance(fits, GaborFits)


def test_each_step_and_each_start_can_only_help():
    filters = torch.randn(6, 6, 6, generator=seeded(1), dtype=torch.float64)
    shares = [fit_gabors(filters, starts=1, iterations=n).explained for n in (0, 5, 30)]
    more = fit_gabors(filters, starts=3, iterations=30).explained
    for less, better in zip([*shares], [*shares[1:], more], strict=True):
        assert (better >= less - 1e-12).all()
    assert (shares[-1] > shares[0]).all()


def test_noise_on_a_gabor_function_is_what_stays_unexplained():
    filters = known(6).on_grid(11, 11)
    noise = torch.randn(filters.shape, generator=seeded(2), dtype=torch.float64)
    noise *= 0.5 * filters.flatten(1).norm(dim=1)[:, None, None] / 11
    explained = fit_gabors(filters + noise).explained
    # a quarter of the filter's squares is noise, of which 8 parameters of 121 fit a little
    assert ((explained - 0.8).abs() < 0.12).all()


def test_the_fit_does_not_depend_on_the_scale_and_keeps_the_dtype():
    filters = torch.randn(3, 5, 5, generator=seeded(3), dtype=torch.float64)
    torch.testing.assert_close(fit_gabors(filters).explained, fit_gabors(1e-4 * filters).explained)
    single = fit_gabors(filters.float())
    assert single.explained.dtype == single.fitted.dtype == torch.float32
    assert fit_gabors(torch.zeros(1, 4, 4)).explained.tolist() == [1]


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match=r"at least 3 x 3, got \(1, 2, 5\)"):
        fit_gabors(torch.zeros(1, 2, 5))
    with pytest.raises(ValueError, match=r"expected filters of shape .*got \(5, 5\)"):
        fit_gabors(torch.zeros(5, 5))
    with pytest.raises(ValueError, match="filters that are finite, got NaN"):
        fit_gabors(torch.full((1, 3, 3), torch.nan))
    with pytest.raises(ValueError, match="expected at least 1 start, got 0"):
        fit_gabors(torch.zeros(1, 3, 3), starts=0)
    with pytest.raises(ValueError, match="expected 0 iterations or more, got -1"):
        fit_gabors(torch.zeros(1, 3, 3), iterations=-1)
