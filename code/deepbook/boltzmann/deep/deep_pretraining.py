"""Layer-wise training of a deep Boltzmann machine: restricted machines with doubled layers."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.boltzmann.deep.deep_boltzmann import DBM
from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.units import bernoulli, check_units, log_odds

__all__ = ["CopiedRBM", "dbm_from_rbms"]


class CopiedRBM(Harmonium):
    """A restricted machine with several copies of a layer that share their weights.

    In a deep Boltzmann machine the first hidden layer hears from below and from above. A machine
    trained alone hears from one side only, so it is given two copies of that side: of the visible
    layer for the first machine, of the hidden layer for the last (Salakhutdinov and Hinton 2009).
    It is an ``RBM`` with block-wise equal weights, so everything holds for it that holds for one.

    Parameters
    ----------
    visible_size, hidden_size : int
        Of one copy.
    visible_copies, hidden_copies : int
    weight_scale, generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight, visible_bias, hidden_bias
        Of one copy, as of ``RBM``.

    Raises
    ------
    ValueError
        If a layer has no unit or no copy.
    """

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        visible_copies: int = 1,
        hidden_copies: int = 1,
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        numbers = (visible_size, hidden_size, visible_copies, hidden_copies)
        if min(numbers) < 1:
            raise ValueError(f"expected at least 1 unit and 1 copy of each layer, got {numbers}")
        self.visible_size, self.hidden_size = visible_size, hidden_size
        self.visible_copies, self.hidden_copies = visible_copies, hidden_copies
        noise = torch.randn(
            visible_size, hidden_size, generator=generator, device=device, dtype=dtype
        )
        self.weight = nn.Parameter(weight_scale * noise)
        self.visible_bias = nn.Parameter(torch.zeros(visible_size, device=device, dtype=dtype))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size, device=device, dtype=dtype))

    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Energy of states with all copies side by side, in nats; batch dimensions broadcast."""
        v, h = self._sum_visible(visible), self._sum_hidden(hidden)
        # copies share everything, so the energy knows only their sums
        return -v @ self.visible_bias - h @ self.hidden_bias - (v @ self.weight * h).sum(-1)

    def free_energy(self, visible: Tensor) -> Tensor:
        """``-log sum_h exp(-E(v, h))`` for (..., visible_copies * visible_size), shape (...)."""
        v = self._sum_visible(visible)
        summed = softplus(v @ self.weight + self.hidden_bias).sum(-1)
        return -v @ self.visible_bias - self.hidden_copies * summed

    def hidden_free_energy(self, hidden: Tensor) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` for (..., hidden_copies * hidden_size), shape (...)."""
        h = self._sum_hidden(hidden)
        summed = softplus(h @ self.weight.T + self.visible_bias).sum(-1)
        return -h @ self.hidden_bias - self.visible_copies * summed

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``P(h = 1 | v)``, the same for each copy; shape (..., hidden_copies * hidden_size)."""
        mean = torch.sigmoid(self._sum_visible(visible) @ self.weight + self.hidden_bias)
        return torch.cat([mean] * self.hidden_copies, -1)

    def visible_mean(self, hidden: Tensor) -> Tensor:
        """``P(v = 1 | h)``, the same for each copy; shape (..., visible_copies * visible_size)."""
        mean = torch.sigmoid(self._sum_hidden(hidden) @ self.weight.T + self.visible_bias)
        return torch.cat([mean] * self.visible_copies, -1)

    @torch.no_grad()
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw each copy of the hidden layer on its own."""
        return bernoulli(self.hidden_mean(visible), generator)

    @torch.no_grad()
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw each copy of the visible layer on its own."""
        return bernoulli(self.visible_mean(hidden), generator)

    @torch.no_grad()
    def statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Weighted means of the products and units, summed over the copies."""
        v, h = self._sum_visible(state), self._sum_hidden(self.hidden_mean(state))
        if weights is None:
            weights = v.new_full((len(v),), 1 / len(v))
        return {
            "weight": (v * weights[:, None]).T @ h,
            "visible_bias": weights @ v,
            "hidden_bias": weights @ h,
        }

    def data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """``statistics`` where each visible copy is the data, of shape (N, visible_size)."""
        return self.statistics(self.copy_visible(visible), weights)

    def chain_from_data(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Every visible copy at the data."""
        return self.copy_visible(visible)

    def copy_visible(self, visible: Tensor) -> Tensor:
        """Data of shape (..., visible_size) as a state (..., visible_copies * visible_size)."""
        self.check_visible(visible)
        return torch.cat([visible] * self.visible_copies, -1)

    def recognise(self, visible: Tensor) -> Tensor:
        """Hidden means of one copy, shape (..., hidden_size), for data in every visible copy."""
        return self.hidden_mean(self.copy_visible(visible))[..., : self.hidden_size]

    def initial_state(self, count: int) -> Tensor:
        """Visible copies that are all 0."""
        return self.visible_bias.new_zeros(count, self.visible_copies * self.visible_size)

    @torch.no_grad()
    def log_partition_without_couplings(self) -> Tensor:
        """``log Z`` where ``weight`` is zero; shape ()."""
        if self.weight.count_nonzero():
            raise ValueError("expected a machine whose weights are all zero")
        visible, hidden = softplus(self.visible_bias).sum(), softplus(self.hidden_bias).sum()
        return self.visible_copies * visible + self.hidden_copies * hidden

    @torch.no_grad()
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """The machine with zero weights, and visible biases at the data's log-odds."""
        result = type(self)(
            self.visible_size,
            self.hidden_size,
            visible_copies=self.visible_copies,
            hidden_copies=self.hidden_copies,
            weight_scale=0.0,
            device=self.device,
            dtype=self.dtype,
        )
        if visible is not None:
            result.initialize_biases_(visible)
        return result

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each unit in data (N, visible_size)."""
        self.check_visible(visible)
        self.visible_bias.copy_(log_odds(visible))

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``visible_size`` values in [0, 1] of the model's dtype."""
        check_units(visible, self.visible_size, self.dtype, "visible")

    def _sum_visible(self, visible: Tensor) -> Tensor:
        check_units(visible, self.visible_copies * self.visible_size, self.dtype, "visible")
        return visible.unflatten(-1, (self.visible_copies, self.visible_size)).sum(-2)

    def _sum_hidden(self, hidden: Tensor) -> Tensor:
        check_units(hidden, self.hidden_copies * self.hidden_size, self.dtype, "hidden")
        return hidden.unflatten(-1, (self.hidden_copies, self.hidden_size)).sum(-2)


@torch.no_grad()
def dbm_from_rbms(first: CopiedRBM, second: CopiedRBM, *, sweeps: int = 10) -> DBM:
    """Put two machines together to a deep one (Salakhutdinov and Hinton 2009, section 3.1).

    With two copies of v the first machine's ``log p*(h1)`` says everything about v twice, the
    second's everything about h2. Half of each is what the deep machine has: its ``p(h1)`` is the
    geometric mean of theirs, exactly. So the first hidden biases are averaged.

    Parameters
    ----------
    first : CopiedRBM
        With two visible copies and one hidden.
    second : CopiedRBM
        With one visible copy, as large as the first's hidden layer, and two hidden copies;
        trained on ``first.recognise(data)``.
    sweeps : int
        Of the deep machine.

    Raises
    ------
    ValueError
        If copies or sizes are not these.
    """
    copies = [(m.visible_copies, m.hidden_copies) for m in (first, second)]
    if copies != [(2, 1), (1, 2)] or first.hidden_size != second.visible_size:
        raise ValueError(
            "expected copies (2, 1) and (1, 2), and a second machine on the first's hidden units, "
            f"got {copies}, {second.visible_size} visible on {first.hidden_size} hidden units"
        )
    sizes = (first.visible_size, first.hidden_size, second.hidden_size)
    result = DBM(sizes, sweeps=sweeps, device=first.device, dtype=first.dtype)
    result.weights[0].copy_(first.weight)
    result.weights[1].copy_(second.weight)
    result.biases[0].copy_(first.visible_bias)
    result.biases[1].copy_((first.hidden_bias + second.visible_bias) / 2)
    result.biases[2].copy_(second.hidden_bias)
    return result
