"""The restricted Boltzmann machine with binary units."""

from typing import Unpack

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.layers import check_layers
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers

__all__ = ["RBM"]


class RBM(TwoLayers, Harmonium):
    """Restricted Boltzmann machine with binary units.

    Energy ``E(v, h) = -b.v - c.h - v W h`` (Goodfellow et al. 2016, section 20.2). Methods take
    visible units of shape (..., visible_size) and hidden ones of shape (..., hidden_size), all
    with values in [0, 1]; batch dimensions broadcast.

    Parameters
    ----------
    visible_size, hidden_size : int
        Number of visible and hidden units.
    weight_scale : float
        Standard deviation of the initial weights, 0.01 if not given; biases start at zero.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    weight : Tensor, shape (visible_size, hidden_size)
    visible_bias : Tensor, shape (visible_size,)
    hidden_bias : Tensor, shape (hidden_size,)

    Raises
    ------
    ValueError
        If a layer has no unit, or the weight scale is negative.
    """

    def __init__(
        self, visible_size: int, hidden_size: int, **options: Unpack[InitialWeights]
    ) -> None:
        check_layers(visible_size, hidden_size)
        super().__init__((visible_size,), (hidden_size,), **options)
        self.visible_size, self.hidden_size = visible_size, hidden_size

    def _hidden_free_energy(self, hidden: Tensor) -> Tensor:
        return -hidden @ self.hidden_bias - softplus(self._visible_input(hidden)).sum(-1)

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        if weights is not None:
            return super()._statistics(state, weights)
        # a batch whose examples count alike, the case of every training, needs no weights
        hidden, weighted = self._hidden_mean(state), state / len(state)
        return {
            "weight": weighted.T @ hidden,
            "visible_bias": weighted.sum(0),
            "hidden_bias": hidden.mean(0),
        }

    def _log_partition_without_couplings(self) -> Tensor:
        # one softplus for each unit
        return softplus(self.visible_bias).sum() + softplus(self.hidden_bias).sum()
