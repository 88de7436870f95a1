"""The convolutional restricted Boltzmann machine: filters that are shared over the image."""

import math
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, softplus, unfold

from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.units import bernoulli, check_units, log_odds

__all__ = ["ConvolutionalRBM"]


class ConvolutionalRBM(Harmonium):
    """Restricted Boltzmann machine on images, whose hidden units see patches through filters.

    Energy ``E(v, h) = -b . sum v - c . sum h - sum_f h_f . (W_f * v)`` where ``*`` slides a filter
    over the image without padding (Lee et al. 2009; Goodfellow et al. 2016, section 20.6).
    It is a binary machine with one big weight matrix full of zeros and repetitions: ``as_rbm()``.

    With ``pooling`` of 2 or more, hidden units stand in blocks of that side, of which at most one
    unit is on (probabilistic max pooling): one (pooling ** 2 + 1)-way unit for each block.

    Parameters
    ----------
    image_shape : (int, int, int)
        Channels, height and width of the visible layer.
    filter_count, filter_size : int
        Number of filters, and their height and width.
    pooling : int
        Side of the blocks; 1 means that hidden units are free.
    weight_scale : float
        Standard deviation of the initial weights; biases start at zero.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

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
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
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
        if not weight_scale >= 0:
            raise ValueError(f"expected a weight scale of at least 0, got {weight_scale}")
        self.image_shape, self.hidden_shape = (channels, height, width), hidden_shape
        self.filter_size, self.pooling = filter_size, pooling
        shape = (filter_count, channels, filter_size, filter_size)
        noise = torch.randn(shape, generator=generator, device=device, dtype=dtype)
        self.weight = nn.Parameter(weight_scale * noise)
        self.visible_bias = nn.Parameter(noise.new_zeros(channels))
        self.hidden_bias = nn.Parameter(noise.new_zeros(filter_count))

    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Energy of joint states in nats.

        Parameters
        ----------
        visible : Tensor, shape (..., *image_shape), values in [0, 1]
        hidden : Tensor, shape (..., *hidden_shape), values in [0, 1]
            With pooling, a block that adds up to more than one has infinite energy.

        Returns
        -------
        Tensor, shape (...)
            Batch dimensions broadcast.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        self.check_visible(visible)
        self.check_hidden(hidden)
        # the hidden input holds the filters' answers and the hidden biases
        together = (self._hidden_input(visible) * hidden).sum((-3, -2, -1))
        return self._infinite_where_forbidden(-self._bias_of_visible(visible) - together, hidden)

    def free_energy(self, visible: Tensor) -> Tensor:
        """Free energy ``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (...)."""
        self.check_visible(visible)
        blocks = _log_one_plus_sum(self._blocks(self._hidden_input(visible)))
        return -self._bias_of_visible(visible) - blocks.sum((-3, -2, -1))

    def hidden_free_energy(self, hidden: Tensor) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...)."""
        self.check_hidden(hidden)
        hidden_part = hidden.sum((-2, -1)) @ self.hidden_bias
        visible_part = softplus(self._visible_input(hidden)).sum((-3, -2, -1))
        return self._infinite_where_forbidden(-hidden_part - visible_part, hidden)

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``P(h = 1 | v)``, shape (..., *hidden_shape)."""
        self.check_visible(visible)
        blocks = self._blocks(self._hidden_input(visible))
        # a softmax in which "all off" takes part with an input of 0
        return self._from_blocks(torch.exp(blocks - _log_one_plus_sum(blocks)[..., None]))

    def pooled_mean(self, visible: Tensor) -> Tensor:
        """Probability that some unit of a block is on: the layer for what comes above.

        Shape (..., filter_count, hidden height / pooling, hidden width / pooling).
        """
        return self._blocks(self.hidden_mean(visible)).sum(-1)

    def visible_mean(self, hidden: Tensor) -> Tensor:
        """``P(v = 1 | h)``, shape (..., *image_shape)."""
        self.check_hidden(hidden)
        return torch.sigmoid(self._visible_input(hidden))

    @torch.no_grad()
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``h`` given ``v``: zeros and ones, shape (..., *hidden_shape)."""
        blocks = self._blocks(self.hidden_mean(visible))
        # one uniform number for a block: the first partial sum above it is the unit that is on
        uniform = torch.rand(
            (*blocks.shape[:-1], 1), dtype=blocks.dtype, device=blocks.device, generator=generator
        )
        reached = uniform < blocks.cumsum(-1)
        drawn = reached & (reached.cumsum(-1) == 1)
        return self._from_blocks(drawn.to(blocks))

    @torch.no_grad()
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``v`` given ``h``: zeros and ones, shape (..., *image_shape)."""
        return bernoulli(self.visible_mean(hidden), generator)

    @torch.no_grad()
    def statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Weighted means of each parameter's factor in ``-E``, with ``h`` at its mean given ``v``.

        A shared parameter sums over all the places at which it stands.
        """
        if weights is None:
            weights = state.new_full((len(state),), 1 / len(state))
        hidden = self.hidden_mean(state).flatten(2) * weights[:, None, None]
        patches = unfold(state, self.filter_size)  # (N, channels * size ** 2, places)
        return {
            "weight": torch.einsum("nfp,ncp->fc", hidden, patches).view_as(self.weight),
            "visible_bias": weights @ state.sum((-2, -1)),
            "hidden_bias": hidden.sum((0, 2)),
        }

    def initial_state(self, count: int) -> Tensor:
        """Visible units that are all 0, shape (count, *image_shape)."""
        return self.visible_bias.new_zeros(count, *self.image_shape)

    @torch.no_grad()
    def log_partition_without_couplings(self) -> Tensor:
        """``log Z`` where ``weight`` is zero; shape ()."""
        if self.weight.count_nonzero():
            raise ValueError("expected a machine whose weights are all zero")
        pixels = math.prod(self.image_shape[1:])
        # the visible units, and then the hidden ones at any image
        return (
            pixels * softplus(self.visible_bias).sum() - self.free_energy(self.initial_state(1))[0]
        )

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
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """The machine with filters of zeros, and visible biases at the data's log-odds."""
        result = type(self)(
            self.image_shape,
            self.hidden_shape[0],
            self.filter_size,
            pooling=self.pooling,
            weight_scale=0.0,
            device=self.device,
            dtype=self.dtype,
        )
        if visible is not None:
            result.initialize_biases_(visible)
        return result

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

    def _infinite_where_forbidden(self, energy: Tensor, hidden: Tensor) -> Tensor:
        if self.pooling == 1:
            return energy
        # means may add up to a little more than one by rounding
        forbidden = (self._blocks(hidden).sum(-1) > 1 + 1e-4).flatten(-3).any(-1)
        return torch.where(forbidden, math.inf, energy)

    def _bias_of_visible(self, visible: Tensor) -> Tensor:
        return visible.sum((-2, -1)) @ self.visible_bias

    def _hidden_input(self, visible: Tensor) -> Tensor:
        images = visible.reshape(-1, *self.image_shape)
        answers = conv2d(images, self.weight, self.hidden_bias)
        return answers.view(*visible.shape[:-3], *self.hidden_shape)

    def _visible_input(self, hidden: Tensor) -> Tensor:
        maps = hidden.reshape(-1, *self.hidden_shape)
        answers = conv_transpose2d(maps, self.weight, self.visible_bias)
        return answers.view(*hidden.shape[:-3], *self.image_shape)

    def _blocks(self, units: Tensor) -> Tensor:
        # (..., filters, blocks down, blocks across, pooling ** 2)
        side = self.pooling
        parts = units.unflatten(-1, (-1, side)).unflatten(-3, (-1, side))
        return parts.transpose(-3, -2).flatten(-2)

    def _from_blocks(self, blocks: Tensor) -> Tensor:
        side = self.pooling
        return blocks.unflatten(-1, (side, side)).transpose(-3, -2).flatten(-4, -3).flatten(-2)


def _log_one_plus_sum(blocks: Tensor) -> Tensor:
    # log(1 + sum_n exp(x_n)) over the last dimension; 1 is the state with all units off
    return softplus(torch.logsumexp(blocks, -1))
