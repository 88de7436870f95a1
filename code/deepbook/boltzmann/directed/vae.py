"""The variational autoencoder: a directed model and its inference network, trained together."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deepbook.boltzmann.directed.likelihood_bounds import (
    bernoulli_log_likelihood,
    check_bits,
    log_mean_exp,
)
from deepbook.feedforward.network import MLP
from deepbook.units import bernoulli, log_odds

__all__ = ["VAE", "gaussian_kl"]


class VAE(nn.Module):
    """Variational autoencoder with binary visible units (Kingma and Welling 2014).

    ``z ~ N(0, I)``, then ``P(v_i = 1 | z) = sigmoid(decoder(z)_i)``; the inference network gives
    mean and log standard deviation of ``q(z | v)`` (Goodfellow et al. 2016, section 20.10.3).

    Parameters
    ----------
    visible_size, latent_size : int
    hidden_sizes : sequence of int
        Layers of the encoder; the decoder has the same, in reverse.
    activation : str
        Of the hidden layers, a name from ``deepbook.feedforward.ACTIVATIONS``.
    generator : torch.Generator, optional
        For the initial weights; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    encoder : MLP, to ``2 * latent_size`` outputs: means, then log standard deviations
    decoder : MLP, to ``visible_size`` logits

    Raises
    ------
    ValueError
        If a size is not positive.
    """

    def __init__(
        self,
        visible_size: int,
        latent_size: int,
        hidden_sizes: Sequence[int] = (200,),
        *,
        activation: str = "tanh",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.visible_size, self.latent_size = visible_size, latent_size
        up, down = [visible_size, *hidden_sizes], [*reversed(hidden_sizes), visible_size]
        self.encoder = MLP([*up, 2 * latent_size], activation, generator=generator)
        self.decoder = MLP([latent_size, *down], activation, generator=generator)
        self.to(device=device, dtype=dtype)

    def posterior(self, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of ``q(z | v)``, each of shape (N, latent_size).

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        check_bits(visible, self.visible_size, self._dtype)
        mean, log_std = self.encoder(visible).chunk(2, dim=-1)
        return mean, log_std

    def elbo(
        self, visible: Tensor, samples: int = 1, generator: torch.Generator | None = None
    ) -> Tensor:
        """Unbiased estimate of the evidence lower bound (Goodfellow et al. 2016, section 20.10.3).

        The divergence from the prior is in closed form, the reconstruction a mean over draws.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
        samples : int
            Draws from ``q`` for each example.

        Returns
        -------
        Tensor, shape (N,)
            In nats; its gradient reaches the encoder through the draws (section 20.9).
        """
        mean, log_std = self.posterior(visible)
        z = self._draw(mean, log_std, samples, generator)
        reconstruction = bernoulli_log_likelihood(visible, self.decoder(z)).mean(0)
        return reconstruction - gaussian_kl(mean, log_std)

    def log_weights(
        self, visible: Tensor, samples: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """``log p(v, z) - log q(z | v)`` for draws from ``q``, shape (samples, N)."""
        mean, log_std = self.posterior(visible)
        z = self._draw(mean, log_std, samples, generator)
        log_q = _log_normal(z, mean, log_std)
        log_prior = _log_normal(z, torch.zeros_like(mean), torch.zeros_like(log_std))
        return bernoulli_log_likelihood(visible, self.decoder(z)) + log_prior - log_q

    def importance_weighted_bound(
        self, visible: Tensor, samples: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """``log_mean_exp`` of ``log_weights``: at most ``log p(v)`` on average; shape (N,).

        It rises with the number of samples, and its bias falls about as one over it
        (Burda et al. 2016).
        """
        return log_mean_exp(self.log_weights(visible, samples, generator))

    def visible_mean(self, latent: Tensor) -> Tensor:
        """``P(v = 1 | z)``, shape (..., visible_size), for ``latent`` (..., latent_size)."""
        return self.decoder(latent).sigmoid()

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent draws of visible units, shape (count, visible_size)."""
        bias = self.decoder.layers[-1].bias
        assert isinstance(bias, Tensor)
        z = torch.randn(
            count, self.latent_size, generator=generator, dtype=bias.dtype, device=bias.device
        )
        return bernoulli(self.visible_mean(z), generator)

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set the biases of the decoder's logits to the data's log-odds; data (N, D)."""
        check_bits(visible, self.visible_size, self._dtype)
        bias = self.decoder.layers[-1].bias
        assert isinstance(bias, Tensor)
        bias.copy_(log_odds(visible))

    def _draw(
        self, mean: Tensor, log_std: Tensor, samples: int, generator: torch.Generator | None
    ) -> Tensor:
        if samples < 1:
            raise ValueError(f"expected at least 1 sample, got {samples}")
        noise = torch.randn(
            samples, *mean.shape, generator=generator, dtype=mean.dtype, device=mean.device
        )
        return mean + log_std.exp() * noise  # section 20.9: a draw as a function of its parameters

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


def gaussian_kl(mean: Tensor, log_std: Tensor) -> Tensor:
    """Divergence from ``N(mean, std^2)`` to ``N(0, I)`` in nats, summed over the last dimension."""
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


def _log_normal(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    standard = (x - mean) * torch.exp(-log_std)
    return -(0.5 * standard**2 + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)
