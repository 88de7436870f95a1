"""The restricted Boltzmann machine for ratings: K-way visible units, many of them missing."""

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers
from deepbook.boltzmann.machines.items import (
    check_items,
    check_mask,
    draw_values,
    encode,
    there,
)
from deepbook.boltzmann.machines.one_item import conditional_scores

__all__ = ["SoftmaxRBM"]


class SoftmaxRBM(TwoLayers, Harmonium):
    """Restricted Boltzmann machine whose visible units take one of K values, or are missing.

    Energy ``E(v, h) = -sum_ik v_ik b_ik - c.h - sum_ikj v_ik W_ikj h_j`` (Salakhutdinov, Mnih and
    Hinton 2007). Item ``i`` is a row of K numbers with a single one. A missing item is a row of
    zeros: it has no part in the energy, and a step of the chain leaves it missing. So each user
    has a machine of his or her own over the items that he or she rated, and all of these
    share their weights.

    Methods take visible units of shape (..., item_count, value_count), rows that sum to one, or to
    zero where the item is missing, and hidden ones of shape (..., hidden_size) with values in
    [0, 1]; batch dimensions broadcast.

    Parameters
    ----------
    item_count, value_count, hidden_size : int
        Number of items, of values K that each can take, and of hidden units.
    weight_scale, generator, device, dtype
        As of ``RBM``.

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
        **options: Unpack[InitialWeights],
    ) -> None:
        if item_count < 1 or value_count < 2 or hidden_size < 1:
            raise ValueError(
                "expected at least 1 item, 2 values and 1 hidden unit, "
                f"got {item_count}, {value_count} and {hidden_size}"
            )
        super().__init__((item_count, value_count), (hidden_size,), **options)
        self.item_count, self.value_count = item_count, value_count
        self.hidden_size = hidden_size

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
        return encode(values, self.item_count, self.value_count).to(self.weight)

    def hidden_free_energy(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...).

        The sum runs over all values of the items in ``observed``: bool of shape
        (..., item_count), by default every item.
        """
        self.check_hidden(hidden)
        check_mask(observed, self.item_count)
        return self._hidden_free_energy(hidden, observed)

    def visible_mean(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        """``P(v_ik = 1 | h)``, shape (..., item_count, value_count); zero where not observed."""
        self.check_hidden(hidden)
        check_mask(observed, self.item_count)
        return self._visible_mean(hidden, observed)

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

    def sample_visible(
        self,
        hidden: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        """Draw ``v`` given ``h``: one value for each observed item, by default for every item."""
        self.check_hidden(hidden)
        check_mask(observed, self.item_count)
        return self._sample_visible(hidden, generator, observed)

    @staticmethod
    def observed(visible: Tensor) -> Tensor:
        """Which items are not missing: bool, shape (..., item_count)."""
        return there(visible)

    def initial_state(self, count: int) -> Tensor:
        """Every item observed, at its first value: zeros would mean that all are missing."""
        first = torch.zeros(count, self.item_count, dtype=torch.int64, device=self.device)
        return self.encode(first)

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

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless rows sum to one or zero, and each example has an item that is there."""
        check_items(visible, self.item_count, self.value_count, self.dtype)

    def _energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        return (
            self._visible_energy(visible)
            - hidden @ self.hidden_bias
            - ((self._hidden_input(visible) - self.hidden_bias) * hidden).sum(-1)
        )

    def _hidden_free_energy(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        each_item = torch.logsumexp(self._visible_input(hidden), -1)
        if observed is not None:
            each_item = each_item * observed
        return -hidden @ self.hidden_bias - each_item.sum(-1)

    def _visible_mean(self, hidden: Tensor, observed: Tensor | None = None) -> Tensor:
        probability = torch.softmax(self._visible_input(hidden), -1)
        return probability if observed is None else probability * observed[..., None]

    @torch.no_grad()
    def _sample_visible(
        self,
        hidden: Tensor,
        generator: torch.Generator | None = None,
        observed: Tensor | None = None,
    ) -> Tensor:
        probability = self._visible_mean(hidden)
        drawn = draw_values(probability, generator)
        return drawn if observed is None else drawn * observed[..., None]

    def _gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # what is missing stays missing
        hidden = self._sample_hidden(state, generator)
        return self._sample_visible(hidden, generator, self.observed(state))

    def _log_partition_without_couplings(self) -> Tensor:
        # of the machine over all items
        return torch.logsumexp(self.visible_bias, -1).sum() + softplus(self.hidden_bias).sum()

    def _visible_energy(self, visible: Tensor) -> Tensor:
        return -(visible * self.visible_bias).sum((-2, -1))

    def _hidden_input(self, visible: Tensor) -> Tensor:
        return visible.flatten(-2) @ self.weight.flatten(0, 1) + self.hidden_bias

    def _visible_input(self, hidden: Tensor) -> Tensor:
        flat = hidden @ self.weight.flatten(0, 1).T
        return flat.unflatten(-1, self.visible_bias.shape) + self.visible_bias

    def _arguments(self) -> dict[str, Any]:
        counts = {"item_count": self.item_count, "value_count": self.value_count}
        return {**counts, "hidden_size": self.hidden_size}
