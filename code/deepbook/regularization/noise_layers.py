"""Noise as layers: on inputs and on weights, in training alone."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from deepbook.regularization.checks import check_not_negative
from deepbook.regularization.draws import normal

__all__ = ["GaussianNoise", "NoisyLinear", "input_noise_penalty", "weight_noise_penalty"]


class GaussianNoise(nn.Module):
    """Add independent noise from ``N(0, sigma^2)`` in training, nothing in evaluation.

    Goodfellow et al. (2016), section 7.5. First in a network it is noise on the inputs, later
    noise on hidden units.

    Parameters
    ----------
    sigma : float
    generator : torch.Generator, optional
        The global one if not given.
    """

    def __init__(self, sigma: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.sigma = check_not_negative("a standard deviation", sigma)
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Noisy ``x`` in training, ``x`` itself in evaluation or where ``sigma`` is 0."""
        if not self.training or self.sigma == 0:
            return x
        return x + self.sigma * normal(x.shape, x, self.generator)

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"sigma={self.sigma:g}"


class NoisyLinear(nn.Linear):
    """A linear layer whose weights get noise from ``N(0, sigma^2)`` in training.

    Goodfellow et al. (2016), section 7.5; Graves (2011). One noise for a whole minibatch; the
    biases have none.

    Parameters
    ----------
    in_features, out_features : int
    sigma : float
    bias : bool
    generator : torch.Generator, optional
        For the noise; the global one if not given.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        sigma: float,
        *,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.sigma = check_not_negative("a standard deviation", sigma)
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """``x (W + noise)^T + b``, without the noise in evaluation or where ``sigma`` is 0."""
        if not self.training or self.sigma == 0:
            return super().forward(x)
        noise = normal(self.weight.shape, self.weight, self.generator)
        return linear(x, self.weight + self.sigma * noise, self.bias)

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"{super().extra_repr()}, sigma={self.sigma:g}"


def input_noise_penalty(weight: Tensor, sigma: float) -> Tensor:
    """What noise on the inputs adds, in the mean, to half the squared error of a linear model.

    ``sigma^2 |W|^2 / 2``: an L2 penalty of strength ``sigma^2`` (section 7.5; Bishop 1995). Exact
    for a linear model, and the first term of an expansion for others.

    Parameters
    ----------
    weight : Tensor, shape (outputs, inputs) or (inputs,)
    sigma : float
        Standard deviation of the noise on each input.

    Returns
    -------
    Tensor, shape ()
    """
    return check_not_negative("a standard deviation", sigma) ** 2 * weight.square().sum() / 2


def weight_noise_penalty(x: Tensor, outputs: int, sigma: float) -> Tensor:
    """The same for noise on the weights: ``sigma^2 K |x|^2 / 2``, a mean over examples.

    The general form is ``sigma^2 |grad_W y(x)|^2 / 2`` (section 7.5): for a linear model it does
    not depend on the weights, so that nothing is learned from it.

    Parameters
    ----------
    x : Tensor, shape (N, inputs)
    outputs : int
        ``K``.
    sigma : float
        Standard deviation of the noise on each weight.

    Returns
    -------
    Tensor, shape ()
    """
    check_not_negative("a standard deviation", sigma)
    return sigma**2 * outputs * x.square().sum(-1).mean() / 2
