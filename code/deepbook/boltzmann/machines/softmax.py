"""The restricted Boltzmann machine for ratings: K-way visible units, many of them missing."""

from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.units import check_units

__all__ = ["SoftmaxRBM", "conditional_scores"]


class SoftmaxRBM(Harmonium):
    """Restricted Boltzmann machine whose visible units take one of K values, or are missing.

    Energy ``E(v, h) = -sum_ik v_ik b_ik - c.h - sum_ikj v_ik W_ikj h_j`` (Salakhutdinov, Mnih and
    Hinton 2007). Item ``i`` is a row of K numbers with a single one. A missing item is a row of
    zeros: it has no part in the energy, and a step of the chain leaves it missing. So each user
    has a machine of his or her own over the items that he or she rated, and all of these
    share their weights.

    Parameters
    ----------
    item_count, value_count, hidden_size : int
        Number of items, of values K that each can take, and of hidden units.
    weight_scale : float
        Standard deviation of the initial weights; biases start at zero.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    weight : Tensor, shape (item_count, value_count, hidden_size)
    visible_bias : Tensor, shape (item_count, value_count)
    hidden_bias : Tensor, shape (hidden_size,)

    Raises
    ------
    ValueError
        If there is no item, no hidden unit or less than 2 values, or the scale is negative.
    """

    binary_state: ClassVar[bool] = False

    def __init__(
        self,
        item_count: int,
        value_count: int,
        hidden_size: int,
        *,
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if item_count < 1 or value_count < 2 or hidden_size < 1:
            raise ValueError(
                "expected at least 1 item, 2 values and 1 hidden unit, "
                f"got {item_count}, {value_count} and {hidden_size}"
            )
        if not weight_scale >= 0:
            raise ValueError(f"expected a weight scale of at least 0, got {weight_scale}")
        self.item_count, self.value_count = item_count, value_count
        self.hidden_size = hidden_size
        shape = (item_count, value_count, hidden_size)
        noise = torch.randn(shape, generator=generator, device=device, dtype=dtype)
        self.weight = nn.Parameter(weight_scale * noise)
        self.visible_bias = nn.Parameter(noise.new_zeros(item_count, value_count))
        self.hidden_bias = nn.Parameter(noise.new_zeros(hidden_size))

    def encode(self, values: Tensor) -> Tensor:
        """Visible units for values 0 to K - 1, and -1 where the item is missing.

        Parameters
        ----------
        values : Tensor of integers, shape (..., item_count)

        Returns
        -------
        Tensor, shape (..., item_count, value_count)

        Raises
        ------
        ValueError
            If the last dimension or a value is out of range.
        """
        if values.shape[-1:] != (self.item_count,):
            raise ValueError(f"expected {self.item_count} items, got shape {tuple(values.shape)}")
        if values.is_floating_point() or values.is_complex():
            raise TypeError(f"expected integers, got {values.dtype}")
        if bool(((values < -1) | (values >= self.value_count)).any()):
            raise ValueError(
                f"expected values from 0 to {self.value_count - 1}, or -1 where missing, "
                f"got values from {int(values.min())} to {int(values.max())}"
            )
        # one row more for the missing, then cut off
        return one_hot(values.long() + 1, self.value_count + 1)[..., 1:].to(self.weight)

    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Energy of joint states in nats.

        Parameters
        ----------
        visible : Tensor, shape (..., item_count, value_count)
            Rows that sum to one, or to zero where the item is missing.
        hidden : Tensor, shape (..., hidden_size), values in [0, 1]

        Returns
        -------
        Tensor, shape (...)
            Batch dimensions broadcast.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong, or all items are missing; so in every method.
        """
        self.check_visible(visible)
        self.check_hidden(hidden)
        return (
            -(visible * self.visible_bias).sum((-2, -1))
            - hidden @ self.hidden_bias
            - ((self._hidden_input(visible) - self.hidden_bias) * hidden).sum(-1)
        )

    def free_energy(self, visible: Tensor) -> Tensor:
        """Free energy ``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (...)."""
        self.check_visible(visible)
        hidden_part = softplus(self._hidden_input(visible)).sum(-1)
        return -(visible * self.visible_bias).sum((-2, -1)) - hidden_part

    def hidden_free_energy(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...).

        The sum runs over all values of the items in ``observed``: bool of shape
        (..., item_count), by default every item.
        """
        self.check_hidden(hidden)
        each_item = torch.logsumexp(self._visible_input(hidden), -1)
        if observed is not None:
            each_item = each_item * self._checked(observed)
        return -hidden @ self.hidden_bias - each_item.sum(-1)

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``P(h = 1 | v)``, shape (..., hidden_size)."""
        self.check_visible(visible)
        return torch.sigmoid(self._hidden_input(visible))

    def visible_mean(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        """``P(v_ik = 1 | h)``, shape (..., item_count, value_count); zero where not observed."""
        self.check_hidden(hidden)
        probability = torch.softmax(self._visible_input(hidden), -1)
        if observed is None:
            return probability
        return probability * self._checked(observed)[..., None]

    def predictive(self, visible: Tensor, item: Tensor | int) -> Tensor:
        """Exact ``P(v_i | the values of the other items)``, with all hidden units summed out.

        Items that are missing from ``visible`` have no part in it. The row of item ``i`` itself
        is never read: for one that is observed this is the prediction from all the others.

        Parameters
        ----------
        visible : Tensor, shape (..., item_count, value_count)
        item : Tensor of int64 whose shape broadcasts with ``...``, or int

        Returns
        -------
        Tensor, shape (..., value_count)

        Raises
        ------
        ValueError
            If an item does not exist, or nothing is observed.
        """
        self.check_visible(visible)
        items = torch.as_tensor(item, device=visible.device)
        if items.numel() and not 0 <= int(items.min()) <= int(items.max()) < self.item_count:
            raise ValueError(f"expected items from 0 to {self.item_count - 1}, got {item}")
        weight = self.weight[items]
        batch = torch.broadcast_shapes(visible.shape[:-2], items.shape)
        places = items.expand(batch)[..., None, None].expand(*batch, 1, self.value_count)
        own = visible.expand(*batch, *visible.shape[-2:]).gather(-2, places)
        others = self._hidden_input(visible) - (own @ weight).squeeze(-2)
        return torch.softmax(conditional_scores(others, weight, self.visible_bias[items]), -1)

    @torch.no_grad()
    def sample_visible(
        self,
        hidden: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        """Draw ``v`` given ``h``: one value for each observed item, by default for every item."""
        probability = self.visible_mean(hidden)
        # the number of partial sums below a uniform number is a draw of the value
        uniform = torch.rand(
            (*probability.shape[:-1], 1),
            dtype=probability.dtype,
            device=probability.device,
            generator=generator,
        )
        value = (probability.cumsum(-1)[..., :-1] <= uniform).sum(-1)
        drawn = one_hot(value, self.value_count).to(probability)
        return drawn if observed is None else drawn * self._checked(observed)[..., None]

    def gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw all hidden units, then all visible ones that are not missing."""
        return self.sample_visible(
            self.sample_hidden(state, generator), generator, self.observed(state)
        )

    @staticmethod
    def observed(visible: Tensor) -> Tensor:
        """Which items are not missing: bool, shape (..., item_count)."""
        return visible.sum(-1) > 0.5

    @torch.no_grad()
    def statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Weighted means of ``v h``, ``v`` and ``h``, with ``h`` at its mean given ``v``."""
        hidden = self.hidden_mean(state)
        if weights is None:
            weights = state.new_full((len(state),), 1 / len(state))
        weighted = state.flatten(1) * weights[:, None]
        return {
            "weight": (weighted.T @ hidden).view_as(self.weight),
            "visible_bias": weighted.sum(0).view_as(self.visible_bias),
            "hidden_bias": weights @ hidden,
        }

    def initial_state(self, count: int) -> Tensor:
        """Every item observed, at its first value: zeros would mean that all are missing."""
        first = torch.zeros(count, self.item_count, dtype=torch.int64, device=self.device)
        return self.encode(first)

    @torch.no_grad()
    def log_partition_without_couplings(self) -> Tensor:
        """``log Z`` of the machine over all items, where ``weight`` is zero; shape ()."""
        if self.weight.count_nonzero():
            raise ValueError("expected a machine whose weights are all zero")
        return torch.logsumexp(self.visible_bias, -1).sum() + softplus(self.hidden_bias).sum()

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log of each value's share among the item's ratings.

        Each value counts half a rating more, so that an item which nobody rated is even.

        Parameters
        ----------
        visible : Tensor, shape (N, item_count, value_count)
        """
        self.check_visible(visible)
        counts = visible.sum(0) + 0.5
        self.visible_bias.copy_(torch.log(counts / counts.sum(-1, keepdim=True)))

    @torch.no_grad()
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """The machine with zero weights, and visible biases at the data's base rates."""
        result = type(self)(
            self.item_count,
            self.value_count,
            self.hidden_size,
            weight_scale=0.0,
            device=self.device,
            dtype=self.dtype,
        )
        if visible is not None:
            result.initialize_biases_(visible)
        return result

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless rows sum to one or zero, and each example has an item that is there."""
        if visible.shape[-2:] != (self.item_count, self.value_count):
            raise ValueError(
                f"expected {self.item_count} items of K = {self.value_count} values in the last "
                f"two dimensions, got shape {tuple(visible.shape)}"
            )
        check_units(visible, self.value_count, self.dtype, "visible")
        total = visible.sum(-1)
        there = total > 0.5
        if bool(((total - there.to(total)).abs() > 1e-4).any()):
            raise ValueError("expected rows that sum to 1, or to 0 where an item is missing")
        if not bool(there.any(-1).all()):
            raise ValueError("expected at least 1 observed item in each example, got none in one")

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` has ``hidden_size`` values in [0, 1] of the model's dtype."""
        check_units(hidden, self.hidden_size, self.dtype, "hidden")

    def _checked(self, observed: Tensor) -> Tensor:
        if observed.shape[-1:] != (self.item_count,) or observed.dtype != torch.bool:
            raise ValueError(
                f"expected a bool for each of {self.item_count} items, "
                f"got {observed.dtype} of shape {tuple(observed.shape)}"
            )
        return observed

    def _hidden_input(self, visible: Tensor) -> Tensor:
        return visible.flatten(-2) @ self.weight.flatten(0, 1) + self.hidden_bias

    def _visible_input(self, hidden: Tensor) -> Tensor:
        flat = hidden @ self.weight.flatten(0, 1).T
        return flat.unflatten(-1, self.visible_bias.shape) + self.visible_bias


def conditional_scores(others: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``log P(v_i = k | the other items)`` up to what all values k share.

    It is ``-F`` of the other items together with each value of this one.

    Parameters
    ----------
    others : Tensor, shape (..., hidden_size)
        What the hidden units get from the other items and from their biases.
    weight : Tensor, shape (..., value_count, hidden_size)
        Of this item.
    bias : Tensor, shape (..., value_count)

    Returns
    -------
    Tensor, shape (..., value_count)
    """
    return bias + softplus(others[..., None, :] + weight).sum(-1)
