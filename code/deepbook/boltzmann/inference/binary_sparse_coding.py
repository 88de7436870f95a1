"""Binary sparse coding: a directed model whose posterior is a Boltzmann machine."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.inference.mean_field import MeanField, fit_mean_field, pairwise_bound
from deepbook.units import bernoulli, check_units

__all__ = ["BinarySparseCoding"]


class BinarySparseCoding(nn.Module):
    """Binary causes, each adding its pattern to the data, and Gaussian noise.

    ``p(h_i = 1) = sigmoid(b_i)`` and ``p(v | h) = N(h W, 1 / precision)`` (Goodfellow et al. 2016,
    section 19.4.1). Causes are independent until the data are seen: then one explains another
    away, and their posterior is a fully visible Boltzmann machine over ``h``.

    Parameters
    ----------
    visible_size, hidden_size : int
    precision : float
        Of the noise, at the start; ``em_step`` learns it.
    weight_scale : float
        Standard deviation of the initial weights.
    generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight : Tensor, shape (hidden_size, visible_size)
    bias : Tensor, shape (hidden_size,)
    precision : Tensor, shape ()

    Raises
    ------
    ValueError
        If a layer has no unit or the precision is not positive.
    """

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        precision: float = 1.0,
        weight_scale: float = 1.0,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if visible_size < 1 or hidden_size < 1 or not precision > 0:
            raise ValueError(
                "expected at least 1 visible and 1 hidden unit and a positive precision, "
                f"got {visible_size}, {hidden_size} and {precision}"
            )
        noise = torch.randn(
            hidden_size, visible_size, generator=generator, device=device, dtype=dtype
        )
        self.weight = nn.Parameter(weight_scale * noise)
        self.bias = nn.Parameter(torch.zeros(hidden_size, device=device, dtype=dtype))
        self.precision = nn.Parameter(torch.tensor(precision, device=device, dtype=dtype))

    def log_joint(self, data: Tensor, hidden: Tensor) -> Tensor:
        """``log p(v, h)`` in nats; batch dimensions broadcast, shape (...)."""
        self._check(data)
        check_units(hidden, len(self.bias), self.weight.dtype, "hidden")
        return self._log_joint(data, hidden)

    def _log_joint(self, data: Tensor, hidden: Tensor) -> Tensor:
        error = (data - hidden @ self.weight).square().sum(-1)
        prior = (hidden * self.bias + logsigmoid(-self.bias)).sum(-1)
        scale = data.shape[-1] / 2 * torch.log(self.precision / (2 * math.pi))
        return prior + scale - self.precision / 2 * error

    def log_likelihood(self, data: Tensor) -> Tensor:
        """``log p(v)`` exactly, by enumeration of the hidden units; shape (N,)."""
        return self._table(data).logsumexp(-1)

    def posterior(self, data: Tensor) -> Tensor:
        """``p(h | v)`` of all states, in the order of ``all_states``; shape (N, 2 ** hidden)."""
        return self._table(data).softmax(-1)

    def field_and_coupling(self, data: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior as a Boltzmann machine: ``p(h | v) ~ exp(field.h + h coupling h / 2)``.

        Returns
        -------
        field : Tensor, shape (N, hidden_size)
        coupling : Tensor, shape (hidden_size, hidden_size)
            Negative where two patterns overlap: only one of them is needed.
        """
        self._check(data)
        overlap = self.precision * self.weight @ self.weight.T
        overlap = (overlap + overlap.T) / 2  # symmetric to the last bit
        field = self.bias + self.precision * data @ self.weight.T - overlap.diagonal() / 2
        return field, -(overlap - torch.diag(overlap.diagonal()))

    @torch.no_grad()
    def mean_field(self, data: Tensor, **options: object) -> MeanField:
        """``fit_mean_field`` on the posterior; options are passed on to it."""
        return fit_mean_field(*self.field_and_coupling(data), **options)  # type: ignore[arg-type]

    def elbo(self, data: Tensor, mean: Tensor) -> Tensor:
        """The evidence lower bound on ``log p(v)`` for independent units; shape (N,)."""
        field, coupling = self.field_and_coupling(data)
        nothing = self._log_joint(data, torch.zeros_like(mean))  # all that h does not change
        return nothing + pairwise_bound(mean, field, coupling)

    @torch.no_grad()
    def em_step(self, data: Tensor, *, exact: bool = True) -> None:
        """One step of expectation maximisation (section 19.2), in place.

        Parameters
        ----------
        data : Tensor, shape (N, visible_size)
        exact : bool
            With the posterior itself, by enumeration: the likelihood never falls. Otherwise with
            mean field: the bound never falls, if mean field goes on from where it was.
        """
        if exact:
            states, posterior = self._states(), self.posterior(data)
            mean = posterior @ states
            # E[h h^T], summed over examples
            second = torch.einsum("s,si,sj->ij", posterior.sum(0), states, states)
        else:
            mean = self.mean_field(data).mean
            second = mean.T @ mean
            second += torch.diag((mean - mean.square()).sum(0))
        # least squares with uncertain inputs; a hidden unit that is never on keeps small weights
        ridge = 1e-8 * torch.eye(len(second), dtype=second.dtype, device=second.device)
        weight = torch.linalg.solve(second + ridge, mean.T @ data)
        error = data.square().sum() - 2 * (mean.T @ data * weight).sum()
        error += (second * (weight @ weight.T)).sum()
        self.weight.copy_(weight)
        self.precision.copy_(data.numel() / error.clamp(min=1e-8))
        self.bias.copy_(torch.logit(mean.mean(0), eps=1e-6))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw data, shape (count, visible_size)."""
        hidden = bernoulli(torch.sigmoid(self.bias).expand(count, -1), generator)
        center = hidden @ self.weight
        noise = torch.randn(
            center.shape, generator=generator, dtype=center.dtype, device=center.device
        )
        return center + noise / self.precision.sqrt()

    def _table(self, data: Tensor) -> Tensor:
        # log p(v, h) of N examples and all states, (N, 2 ** hidden_size)
        self._check(data)
        return self._log_joint(data[..., None, :], self._states())

    def _states(self) -> Tensor:
        return all_states(len(self.bias), dtype=self.bias.dtype, device=self.bias.device)

    def _check(self, data: Tensor) -> None:
        if data.shape[-1:] != self.weight.shape[1:]:
            raise ValueError(
                f"expected {self.weight.shape[1]} visible units in the last dimension, "
                f"got shape {tuple(data.shape)}"
            )
