"""K-way machines for little data: values share weights, each example has biases of its own."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepbook.boltzmann.machines.one_item import conditional_scores
from deepbook.boltzmann.machines.softmax import SoftmaxRBM

__all__ = ["Penalties", "TiedSoftmaxRBM"]


@dataclass(frozen=True)
class Penalties:
    """Factors of the squared parameters in the loss, which sums nats over ratings.

    Attributes
    ----------
    slope : float
        For what a unit's values share: weights that rise from the lowest value to the highest.
    deviation : float
        For how far each value's weights are from that.
    bias : float
        For how far a unit's shares of values are from everybody's.
    example_bias : float
        For an example's own level and spread.
    """

    slope: float = 3.0
    deviation: float = 30.0
    bias: float = 4.0
    example_bias: float = 2.0

    def __post_init__(self) -> None:
        if min(self.slope, self.deviation, self.bias, self.example_bias) < 0:
            raise ValueError(f"expected penalties of at least 0, got {self}")


class TiedSoftmaxRBM(nn.Module):
    """A ``SoftmaxRBM`` for each example, with few free numbers where there are few ratings.

    The weight of unit ``i`` and value ``k`` is ``s_k slope_i + deviation_ik + common_k`` with
    ``s`` from -1 to 1: neighbouring stars are neighbours. The visible bias of example ``e`` is
    ``base_k + bias_ik + s_k level_e + (s_k ** 2 - mean) spread_e``: some users are milder than
    others, and some give more extreme stars. ``machine(e)`` is the resulting machine.

    Parameters
    ----------
    example_count, unit_count, value_count, hidden_size : int
    generator : torch.Generator, optional
        On the CPU; the global one if not given.

    Attributes
    ----------
    slope : Tensor, shape (unit_count, hidden_size)
    deviation : Tensor, shape (unit_count, value_count, hidden_size)
    common : Tensor, shape (value_count, hidden_size)
    hidden_bias : Tensor, shape (hidden_size,)
    bias : Tensor, shape (unit_count, value_count)
    example_bias : Tensor, shape (example_count, 2)
        Level and spread.
    base : Tensor, shape (value_count,)
        Log of each value's share among all ratings: fixed.
    """

    base: Tensor
    steps: Tensor
    example_features: Tensor

    def __init__(
        self,
        example_count: int,
        unit_count: int,
        value_count: int,
        hidden_size: int,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()

        def noise(scale: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(shape, generator=generator))

        self.slope = noise(0.1, unit_count, hidden_size)
        self.deviation = noise(0.01, unit_count, value_count, hidden_size)
        self.common = noise(0.1, value_count, hidden_size)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size))
        self.bias = nn.Parameter(torch.zeros(unit_count, value_count))
        self.example_bias = nn.Parameter(torch.zeros(example_count, 2))
        steps = torch.linspace(-1, 1, value_count)
        self.register_buffer("base", torch.zeros(value_count))
        self.register_buffer("steps", steps)
        spread = steps.square() - steps.square().mean()
        self.register_buffer("example_features", torch.stack([steps, spread]))

    @torch.no_grad()
    def initialize_biases_(self, units: Tensor, values: Tensor) -> None:
        """Set the biases to the log of the values' shares, a unit's shrunk by five ratings.

        Parameters
        ----------
        units, values : Tensor, shape (N,), int64
        """
        counts = torch.zeros_like(self.bias)
        counts.index_put_((units, values), counts.new_ones(len(units)), accumulate=True)
        share = counts.sum(0) + 1
        share = share / share.sum()
        self.base.copy_(share.log())
        counts += 5 * share
        self.bias.copy_(torch.log(counts / counts.sum(1, keepdim=True)) - self.base)

    def weight(self) -> Tensor:
        """Shape (unit_count, value_count, hidden_size)."""
        return self.slope[:, None] * self.steps[:, None] + self.deviation + self.common

    def scores(self, others: Tensor, weight: Tensor, examples: Tensor, units: Tensor) -> Tensor:
        """``log P(value | the other units)`` of pairs, up to what all values share.

        Parameters
        ----------
        others : Tensor, shape (N, hidden_size)
            What the hidden units get from the other units; without their own bias.
        weight : Tensor
            ``self.weight()``, computed once.
        examples, units : Tensor, shape (N,), int64

        Returns
        -------
        Tensor, shape (N, value_count)
        """
        bias = self.base + self.bias[units] + self.example_bias[examples] @ self.example_features
        return conditional_scores(others + self.hidden_bias, weight[units], bias)

    def penalty(self, factors: Penalties) -> Tensor:
        """All squared parameters times their factors; shape ()."""
        return (
            factors.slope * self.slope.square().sum()
            + factors.deviation * self.deviation.square().sum()
            + factors.bias * self.bias.square().sum()
            + factors.example_bias * self.example_bias.square().sum()
        )

    @torch.no_grad()
    def machine(self, example: int | None = None) -> SoftmaxRBM:
        """The machine of one example; of an average new one if not given."""
        unit_count, value_count, hidden_size = self.deviation.shape
        result = SoftmaxRBM(unit_count, value_count, hidden_size, device=self.base.device)
        result.weight.copy_(self.weight())
        result.hidden_bias.copy_(self.hidden_bias)
        result.visible_bias.copy_(self.base + self.bias)
        if example is not None:
            result.visible_bias.add_(self.example_bias[example] @ self.example_features)
        return result
