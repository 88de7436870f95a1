"""NADE: a network that gives a picture's probability exactly, one unit after another."""

import torch
from torch import Tensor, nn

from deepbook.boltzmann.directed.likelihood_bounds import bernoulli_log_likelihood, check_bits
from deepbook.boltzmann.energy.layers import check_layers
from deepbook.units import bernoulli, log_odds

__all__ = ["NADE"]

_BLOCK = 16


class NADE(nn.Module):
    """Neural autoregressive distribution estimator (Larochelle and Murray 2011).

    ``p(v) = prod_d p(v_d | v_<d)``, each factor a network with one hidden layer,

    ``h_d = sigmoid(c + sum_{k < d} v_k W_k)``, ``P(v_d = 1 | v_<d) = sigmoid(b_d + V_d . h_d)``,

    whose weights all factors share (Goodfellow et al. 2016, section 20.10.10). From one unit to the
    next the sum grows by one term: a picture costs ``visible_size * hidden_size`` multiplications.

    Parameters
    ----------
    visible_size, hidden_size : int
    order : Tensor of int, shape (visible_size,), optional
        Which unit comes first, second, ...; as they are numbered if not given.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    weight, output_weight : Tensor, shape (visible_size, hidden_size)
        ``W`` and ``V``; row ``i`` belongs to unit ``i``, whatever the order.
    visible_bias, hidden_bias : Tensor, shapes (visible_size,) and (hidden_size,)
    order : Tensor of int64, shape (visible_size,)

    Raises
    ------
    ValueError
        If there is no unit, or the order does not name every unit once.
    """

    order: Tensor

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        order: Tensor | None = None,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_layers(visible_size, hidden_size)
        self.visible_size, self.hidden_size = visible_size, hidden_size
        kind = {"generator": generator, "device": device, "dtype": dtype}
        noise = torch.randn(2, visible_size, hidden_size, **kind)  # type: ignore[arg-type]
        # a sum over units, or over hidden units, has variance 1
        self.weight = nn.Parameter(noise[0] / visible_size**0.5)
        self.output_weight = nn.Parameter(noise[1] / hidden_size**0.5)
        self.visible_bias = nn.Parameter(noise.new_zeros(visible_size))
        self.hidden_bias = nn.Parameter(noise.new_zeros(hidden_size))
        units = torch.arange(visible_size, device=device)
        order = units if order is None else order.to(units)
        if order.shape != units.shape or not torch.equal(order.sort().values, units):
            raise ValueError(f"expected an order of the units 0 to {visible_size - 1}, each once")
        self.register_buffer("order", order)

    def logits(self, visible: Tensor) -> Tensor:
        """Logits of ``P(v_d = 1 | v_<d)`` for every unit ``d``, at once.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones

        Returns
        -------
        Tensor, shape (N, visible_size)
            As units are numbered, whatever the order.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        check_bits(visible, self.visible_size, self.weight.dtype)
        before = self.hidden_bias.expand(len(visible), -1)
        outputs = []
        # blocks of units, so that what is worked on stays in the processor's cache
        for units in self.order.split(_BLOCK):
            v, weight = visible[:, units], self.weight[units]
            # row d holds the units before d in this block, (N, block, block)
            earlier = v[:, None] * v.new_ones(len(units), len(units)).tril(-1)
            hidden = torch.sigmoid(earlier @ weight + before[:, None])
            outputs.append((hidden * self.output_weight[units]).sum(-1))
            before = before + v @ weight
        return torch.cat(outputs, dim=1)[:, self.order.argsort()] + self.visible_bias

    def log_likelihood(self, visible: Tensor) -> Tensor:
        """Exact ``log p(v)`` in nats, shape (N,)."""
        return bernoulli_log_likelihood(visible, self.logits(visible))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Exact, independent draws, unit after unit; shape (count, visible_size)."""
        return self._complete(self.weight.new_zeros(count, self.visible_size), 0, generator)

    @torch.no_grad()
    def complete(
        self, visible: Tensor, known: int, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw the other units, given the first ``known`` ones of the order: exact.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size), zeros and ones
            What stands after the known units is not looked at.
        known : int

        Returns
        -------
        Tensor, shape (N, visible_size)
        """
        check_bits(visible, self.visible_size, self.weight.dtype)
        if not 0 <= known <= self.visible_size:
            raise ValueError(f"expected 0 to {self.visible_size} known units, got {known}")
        return self._complete(visible, known, generator)

    def _complete(self, visible: Tensor, known: int, generator: torch.Generator | None) -> Tensor:
        visible = visible.clone()
        given = self.order[:known]
        before = self.hidden_bias + visible[:, given] @ self.weight[given]
        for unit in self.order[known:]:
            logit = before.sigmoid() @ self.output_weight[unit] + self.visible_bias[unit]
            visible[:, unit] = bernoulli(logit.sigmoid(), generator)
            before = before + visible[:, unit, None] * self.weight[unit]
        return visible

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each unit in the data, shape (N, D)."""
        check_bits(visible, self.visible_size, self.weight.dtype)
        self.visible_bias.copy_(log_odds(visible))
