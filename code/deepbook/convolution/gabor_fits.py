"""Gabor functions fitted to filters by least squares."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from deepbook.convolution.gabor import GaborFilters, gabor_function, pixel_grid
from deepbook.data.summaries import Summarised
from deepbook.training import check_count

__all__ = ["GaborFits", "fit_gabors"]

NARROWEST = 1.0  # the largest beta: a Gaussian with a standard deviation of 0.7 pixels


@dataclass(frozen=True, eq=False, repr=False)
class GaborFits(Summarised):
    """The Gabor functions that come nearest to some filters.

    Attributes
    ----------
    gabors : GaborFilters
    fitted : Tensor, shape (N, height, width)
        Their values at the pixels.
    explained : Tensor, shape (N,)
        Share of a filter's sum of squares that its Gabor function explains, from 0 to 1; 1 for a
        filter of zeros.
    """

    gabors: GaborFilters
    fitted: Tensor
    explained: Tensor


def fit_gabors(filters: Tensor, *, starts: int = 4, iterations: int = 40) -> GaborFits:
    """Minimise the squared error between each filter and a Gabor function.

    Some thousand Gabor functions on a grid of angles, frequencies, widths and places are compared
    with each filter; amplitude and phase of each are had in closed form, since a cosine with a
    phase is a sum of a cosine and a sine. From the best of them, the Levenberg-Marquardt method
    (Nocedal and Wright 2006, section 10.3) improves all eight parameters, for all filters at once.

    The frequency stays below pi (the shortest wave has two pixels), ``beta_x`` and ``beta_y`` below
    1: else a Gabor function could stand on a single pixel and would fit anything a little. Even so
    eight parameters fit noise on few pixels rather well: compare with random filters of one size.

    Parameters
    ----------
    filters : Tensor, shape (N, height, width)
        At least 3 x 3 pixels.
    starts : int
        How many of the compared functions are improved for each filter; the best counts.
    iterations : int
        Steps of the method; 0 for the comparison alone.

    Raises
    ------
    ValueError
        If ``filters`` has another shape or is not finite, there is no start, or ``iterations`` is
        negative.
    """
    if filters.ndim != 3 or min(filters.shape[1:]) < 3:
        raise ValueError(
            f"expected filters of shape (N, height, width), at least 3 x 3, "
            f"got {tuple(filters.shape)}"
        )
    if not bool(filters.isfinite().all()):
        raise ValueError("expected filters that are finite, got NaN or infinity")
    check_count("start", starts)
    if iterations < 0:
        raise ValueError(f"expected 0 iterations or more, got {iterations}")
    height, width = filters.shape[1:]
    # in float64, and with squares that sum to 1: the damping then suits all filters
    scales = filters.double().flatten(1).norm(dim=1).clamp_min(1e-300)
    data = filters.double().flatten(1) / scales[:, None]
    x, y = (grid.flatten() for grid in pixel_grid(height, width, data))
    parameters = _best_on_grid(data, x, y, starts)  # (N, starts, 8)
    repeated = data[:, None].expand(-1, starts, -1).flatten(0, 1)
    parameters = _improved(parameters.flatten(0, 1), repeated, x, y, iterations)
    errors = (_values(parameters, x, y) - repeated).square().sum(1).view(len(data), starts)
    best = errors.argmin(1) + starts * torch.arange(len(data), device=data.device)
    chosen = _natural(parameters[best])
    gabors = GaborFilters(*(value.to(filters.dtype) for value in (chosen[0] * scales, *chosen[1:])))
    explained = (1 - errors.amin(1)).where(data.square().sum(1) > 0, 1.0).clamp(0, 1)
    return GaborFits(gabors, gabors.on_grid(height, width), explained.to(filters.dtype))


def _natural(parameters: Tensor) -> tuple[Tensor, ...]:
    """From free numbers, shape (..., 8), to what ``gabor_function`` takes, in its order."""
    a, log_beta_x, log_beta_y, free_frequency, phase, x0, y0, angle = parameters.unbind(-1)
    frequency = math.pi * torch.sigmoid(free_frequency)
    beta_x, beta_y = (NARROWEST * torch.sigmoid(b) for b in (log_beta_x, log_beta_y))
    return a, beta_x, beta_y, frequency, phase, x0, y0, angle


def _values(parameters: Tensor, x: Tensor, y: Tensor) -> Tensor:
    names = ("amplitude", "beta_x", "beta_y", "frequency", "phase", "x0", "y0", "angle")
    natural = (value[..., None] for value in _natural(parameters))
    return gabor_function(x, y, **dict(zip(names, natural, strict=True)))


def _best_on_grid(data: Tensor, x: Tensor, y: Tensor, starts: int) -> Tensor:
    """Of a grid of Gabor functions, those that explain most of each filter, as free numbers."""
    side = float(max(x.max(), y.max()))
    angles = data.new_tensor(range(8)) * math.pi / 8
    frequencies = data.new_tensor([0.1, 0.2, 0.35, 0.5, 0.7]) * math.pi
    deviations = data.new_tensor([0.2, 0.4, 0.8]) * max(side, 1.5)
    betas = (1 / (2 * deviations**2)).clamp_max(0.9 * NARROWEST)
    places = data.new_tensor([-0.5, 0.0, 0.5]) * side
    grid = torch.cartesian_prod(betas, frequencies, places, places, angles)
    beta, frequency, x0, y0, angle = (column[:, None] for column in grid.T)
    common = {"beta_x": beta, "beta_y": beta, "frequency": frequency}
    waves = torch.stack(
        [
            gabor_function(x, y, phase=phase, x0=x0, y0=y0, angle=angle, **common)
            for phase in (0.0, -math.pi / 2)
        ],
        1,
    )  # (G, 2, pixels): cosine and sine
    # least squares with two columns: a + b i from the 2 x 2 normal equations
    gram = waves @ waves.mT + 1e-9 * data.new_tensor([[1, 0], [0, 1]])
    dots = torch.einsum("gkp,np->ngk", waves, data)
    both = torch.linalg.solve(gram, dots[..., None])[..., 0]
    explained = (both * dots).sum(-1)  # (N, G)
    best = explained.topk(starts, 1).indices
    cosine, sine = both.gather(1, best[..., None].expand(-1, -1, 2)).unbind(-1)
    beta, frequency, x0, y0, angle = grid[best].unbind(-1)
    # a cos(t) + b sin(t) = r cos(t + phase), with phase = atan2(-b, a)
    amplitude, phase = torch.hypot(cosine, sine), torch.atan2(-sine, cosine)
    free = (beta / NARROWEST).logit(), (frequency / math.pi).logit()
    return torch.stack([amplitude, free[0], free[0], free[1], phase, x0, y0, angle], -1)


def _improved(parameters: Tensor, data: Tensor, x: Tensor, y: Tensor, iterations: int) -> Tensor:
    """Levenberg-Marquardt, for each row of parameters with a damping of its own."""
    jacobian = vmap(jacfwd(lambda p: _values(p, x, y)))
    damping = torch.full_like(parameters[:, :1], 1e-2)
    residuals = _values(parameters, x, y) - data
    errors = residuals.square().sum(1, keepdim=True)
    for _ in range(iterations):
        j = jacobian(parameters)  # (rows, pixels, 8)
        curvature, slope = j.mT @ j, (residuals[:, None] @ j)[:, 0]
        diagonal = curvature.diagonal(dim1=1, dim2=2)
        damped = curvature + torch.diag_embed(damping * (diagonal + 1e-3))
        # Nocedal and Wright 10.24
        moved = parameters - torch.linalg.solve(damped, slope)
        # a number whose sigmoid is 0 or 1 would never come back
        moved[:, 1:4] = moved[:, 1:4].clamp(-8, 8)
        there = _values(moved, x, y) - data
        new = there.square().sum(1, keepdim=True)
        better = new < errors
        parameters = torch.where(better, moved, parameters)
        residuals = torch.where(better, there, residuals)
        errors = torch.where(better, new, errors)
        damping = torch.where(better, damping / 4, damping * 4).clamp(1e-9, 1e9)
    return parameters
