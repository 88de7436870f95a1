"""The convolutional restricted Boltzmann machine: filters that are shared over the image."""

import math
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, softplus, unfold

from deepbook.boltzmann.energy.energy_model import shares
from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers
from deepbook.boltzmann.machines.pooling import (
    log_one_plus_sum,
    one_way_draws,
    one_way_means,
    to_blocks,
)
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.units import check_units, log_odds

__all__ = ["ConvolutionalRBM"]


class ConvolutionalRBM(TwoLayers, Harmonium):
    """Restricted Boltzmann machine on images, whose hidden units see patches through filters.

    Energy ``E(v, h) = -b . sum v - c . sum h - sum_f h_f . (W_f * v)`` where ``*`` slides a filter
    over the image without padding (Lee et al. 2009; Goodfellow et al. 2016, section 20.6).
    It is a binary machine with one big weight matrix full of zeros and repetitions: ``as_rbm()``.

    With ``pooling`` of 2 or more, hidden units stand in blocks of that side, of which at most one
    unit is on (probabilistic max pooling): one (pooling ** 2 + 1)-way unit for each block. A block
    that adds up to more than one has infinite energy.

    Methods take visible units of shape (..., *image_shape) and hidden ones of shape
    (..., *hidden_shape), all with values in [0, 1]; batch dimensions broadcast.

    Parameters
    ----------
    image_shape : (int, int, int)
        Channels, height and width of the visible layer.
    filter_count, filter_size : int
        Number of filters, and their height and width.
    pooling : int
        Side of the blocks; 1 means that hidden units are free.
    weight_scale, generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight : Tensor, shape (filter_count, channels, filter_size, filter_size)
    visible_bias : Tensor, shape (channels,)
    hidden_bias : Tensor, shape (filter_count,)
    hidden_shape : (int, int, int)
        Filters, height and width of the hidden layer: height - filter_size + 1 and so on.

    Raises
    ------
    ValueError
        If a size is not positive, the filter does not fit, blocks do not tile the hidden layer,
        or the weight scale is negative.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        filter_count: int,
        filter_size: int,
        *,
        pooling: int = 1,
        **options: Unpack[InitialWeights],
    ) -> None:
        channels, height, width = image_shape
        if min(channels, filter_count, filter_size, pooling) < 1:
            raise ValueError(
                "expected at least 1 channel, 1 filter, and sizes of at least 1, got "
                f"{channels} channels, {filter_count} filters of size {filter_size} "
                f"and pooling {pooling}"
            )
        if min(height, width) < filter_size:
            raise ValueError(
                f"expected images of at least {filter_size} x {filter_size} as the filters are, "
                f"got {height} x {width}"
            )
        hidden_shape = (filter_count, height - filter_size + 1, width - filter_size + 1)
        if hidden_shape[1] % pooling or hidden_shape[2] % pooling:
            raise ValueError(
                f"expected a pooling that divides {hidden_shape[1]} x {hidden_shape[2]}, "
                f"the hidden layer of a filter; got {pooling}"
            )
        shape = (filter_count, channels, filter_size, filter_size)
        super().__init__((channels,), (filter_count,), shape, **options)
        self.image_shape, self.hidden_shape = (channels, height, width), hidden_shape
        self.filter_size, self.pooling = filter_size, pooling

    def pooled_mean(self, visible: Tensor) -> Tensor:
        """Probability that some unit of a block is on: the layer for what comes above.

        Shape (..., filter_count, hidden height / pooling, hidden width / pooling).
        """
        return to_blocks(self.hidden_mean(visible), self.pooling).sum(-1)

    def initial_state(self, count: int) -> Tensor:
        """Visible units that are all 0, shape (count, *image_shape)."""
        return self.visible_bias.new_zeros(count, *self.image_shape)

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each channel's pixels in the data.

        Parameters
        ----------
        visible : Tensor, shape (N, *image_shape)
        """
        self.check_visible(visible)
        self.visible_bias.copy_(log_odds(visible.movedim(1, -1).flatten(0, -2)))

    @torch.no_grad()
    def as_rbm(self) -> RBM:
        """The binary machine with the same distribution, on flattened layers.

        Raises
        ------
        ValueError
            If there is pooling: its hidden units are not independent.
        """
        if self.pooling != 1:
            raise ValueError(f"expected a machine without pooling, got blocks of {self.pooling}")
        visible_size, hidden_size = math.prod(self.image_shape), math.prod(self.hidden_shape)
        result = RBM(visible_size, hidden_size, device=self.device, dtype=self.dtype)
        pixels = torch.eye(visible_size, dtype=self.dtype, device=self.device)
        # what each single pixel adds to each hidden input
        result.weight.copy_(conv2d(pixels.view(-1, *self.image_shape), self.weight).flatten(1))
        pixels_of_channel = math.prod(self.image_shape[1:])
        result.visible_bias.copy_(self.visible_bias.repeat_interleave(pixels_of_channel))
        places = math.prod(self.hidden_shape[1:])
        result.hidden_bias.copy_(self.hidden_bias.repeat_interleave(places))
        return result

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``image_shape`` and values in [0, 1] of the right dtype."""
        self._check_shape(visible, self.image_shape, "visible")
        check_units(visible, self.image_shape[-1], self.dtype, "visible")

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` has ``hidden_shape`` and values in [0, 1] of the right dtype."""
        self._check_shape(hidden, self.hidden_shape, "hidden")
        check_units(hidden, self.hidden_shape[-1], self.dtype, "hidden")

    @staticmethod
    def _check_shape(units: Tensor, shape: tuple[int, int, int], layer: str) -> None:
        if units.shape[-3:] != shape:
            raise ValueError(
                f"expected {layer} units of shape (..., {', '.join(map(str, shape))}), "
                f"got {tuple(units.shape)}"
            )

    def _energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        # the hidden input holds the filters' answers and the hidden biases
        together = (self._hidden_input(visible) * hidden).sum((-3, -2, -1))
        return self._infinite_where_forbidden(self._visible_energy(visible) - together, hidden)

    def _free_energy(self, visible: Tensor) -> Tensor:
        blocks = to_blocks(self._hidden_input(visible), self.pooling)
        return self._visible_energy(visible) - log_one_plus_sum(blocks).sum((-3, -2, -1))

    def _hidden_free_energy(self, hidden: Tensor) -> Tensor:
        hidden_part = hidden.sum((-2, -1)) @ self.hidden_bias
        visible_part = softplus(self._visible_input(hidden)).sum((-3, -2, -1))
        return self._infinite_where_forbidden(-hidden_part - visible_part, hidden)

    def _infinite_where_forbidden(self, energy: Tensor, hidden: Tensor) -> Tensor:
        if self.pooling == 1:
            return energy
        # means may add up to a little more than one by rounding
        forbidden = (to_blocks(hidden, self.pooling).sum(-1) > 1 + 1e-4).flatten(-3).any(-1)
        return torch.where(forbidden, math.inf, energy)

    def _hidden_mean(self, visible: Tensor) -> Tensor:
        return one_way_means(self._hidden_input(visible), self.pooling)

    @torch.no_grad()
    def _sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return one_way_draws(self._hidden_mean(visible), self.pooling, generator)

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # a shared parameter sums over all the places at which it stands
        weights = shares(state, weights)
        hidden = self._hidden_mean(state).flatten(2) * weights[:, None, None]
        patches = unfold(state, self.filter_size)  # (N, channels * size ** 2, places)
        return {
            "weight": torch.einsum("nfp,ncp->fc", hidden, patches).view_as(self.weight),
            "visible_bias": weights @ state.sum((-2, -1)),
            "hidden_bias": hidden.sum((0, 2)),
        }

    def _log_partition_without_couplings(self) -> Tensor:
        pixels = math.prod(self.image_shape[1:])
        # the visible units, and then the hidden ones at any image
        hidden = self._free_energy(self.initial_state(1))[0]
        return pixels * softplus(self.visible_bias).sum() - hidden

    def _visible_energy(self, visible: Tensor) -> Tensor:
        return -(visible.sum((-2, -1)) @ self.visible_bias)

    def _hidden_input(self, visible: Tensor) -> Tensor:
        images = visible.reshape(-1, *self.image_shape)
        answers = conv2d(images, self.weight, self.hidden_bias)
        return answers.view(*visible.shape[:-3], *self.hidden_shape)

    def _visible_input(self, hidden: Tensor) -> Tensor:
        maps = hidden.reshape(-1, *self.hidden_shape)
        answers = conv_transpose2d(maps, self.weight, self.visible_bias)
        return answers.view(*hidden.shape[:-3], *self.image_shape)

    def _arguments(self) -> dict[str, Any]:
        return {
            "image_shape": self.image_shape,
            "filter_count": self.hidden_shape[0],
            "filter_size": self.filter_size,
            "pooling": self.pooling,
        }
