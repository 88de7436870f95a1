"""A ReLU network is linear in pieces: find all of them along a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# what is closer than this (the segment or the square has size 1) is one point up to rounding
CLOSE = 1e-12


@dataclass(frozen=True)
class Pieces:
    """A network along a segment, ``start + t (end - start)`` with ``t`` from 0 to 1.

    Attributes
    ----------
    breakpoints : Tensor, shape (pieces + 1,), float64
        Where the network bends, and the two ends 0 and 1; increasing.
    slopes, intercepts : Tensor, shape (pieces, outputs), float64
        On piece ``i``, the network's output is ``intercepts[i] + slopes[i] * t``.
    """

    breakpoints: Tensor
    slopes: Tensor
    intercepts: Tensor

    def __len__(self) -> int:
        return len(self.slopes)


@torch.no_grad()
def linear_pieces(
    network: nn.Sequential,
    start: Tensor | Sequence[float] | float,
    end: Tensor | Sequence[float] | float,
) -> Pieces:
    """Pieces of a ReLU network along the segment from ``start`` to ``end``, exactly.

    No sampling: the segment is carried through the network layer by layer, as linear pieces;
    each ReLU cuts a piece where its input changes sign. At the end, pieces on which the output
    is the same linear map are joined again. Exact up to float64 rounding: breakpoints closer
    than 1e-12 of the segment count as one.

    Parameters
    ----------
    network
        ``nn.Linear`` and ``nn.ReLU`` only.
    start, end
        Two points of the input space, shape (inputs,); plain numbers for a single input.

    Raises
    ------
    TypeError
        If the network holds another kind of module.
    ValueError
        If a point does not have the network's number of inputs.
    """
    weight = first_linear(network).weight
    ends = [torch.as_tensor(p, dtype=torch.float64, device=weight.device) for p in (start, end)]
    ends = [p.reshape(1) if p.ndim == 0 else p for p in ends]
    for point in ends:
        if point.shape != weight.shape[1:]:
            raise ValueError(
                f"expected points of shape {tuple(weight.shape[1:])}, got {tuple(point.shape)}"
            )
    t = ends[0].new_tensor([0.0, 1.0])
    slopes, intercepts = (ends[1] - ends[0])[None], ends[0][None]

    for module in network:
        if isinstance(module, nn.Linear):
            slopes, intercepts = through(module, slopes, intercepts)
            continue
        left, right = (slopes * edge[:, None] + intercepts for edge in (t[:-1], t[1:]))
        crossing = left * right < 0
        new = -intercepts[crossing] / slopes[crossing]
        old, t = t, _merged(torch.cat([t, new]))
        middle = (t[:-1] + t[1:]) / 2
        piece = torch.searchsorted(old, middle) - 1  # the old piece that holds the new one
        slopes, intercepts = slopes[piece], intercepts[piece]
        active = slopes * middle[:, None] + intercepts > 0
        slopes, intercepts = slopes * active, intercepts * active

    bend = slopes.diff(dim=0).abs().amax(1) > CLOSE * slopes.abs().max()
    first = torch.cat([bend.new_ones(1), bend])
    return Pieces(torch.cat([t[:-1][first], t[-1:]]), slopes[first], intercepts[first])


def through(linear: nn.Linear, slopes: Tensor, intercepts: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes and intercepts, shapes (n, inputs), of linear maps that a layer follows."""
    weight = linear.weight.to(slopes)
    after = intercepts @ weight.T
    return slopes @ weight.T, after if linear.bias is None else after + linear.bias.to(slopes)


def _merged(points: Tensor) -> Tensor:
    """Sort points of [0, 1], both ends among them, and keep one of those that are too close."""
    points = points.sort().values
    points = points[torch.cat([points.new_ones(1, dtype=torch.bool), points.diff() > CLOSE])]
    inner = points[(points > CLOSE) & (points < 1 - CLOSE)]
    return torch.cat([points.new_zeros(1), inner, points.new_ones(1)])


def first_linear(network: nn.Sequential) -> nn.Linear:
    """The first layer; TypeError where a module is neither ``nn.Linear`` nor ``nn.ReLU``."""
    for module in network:
        if not isinstance(module, nn.Linear | nn.ReLU):
            raise TypeError(f"expected nn.Linear and nn.ReLU only, got {type(module).__name__}")
    if len(network) == 0 or not isinstance(network[0], nn.Linear):
        raise TypeError("expected a network that begins with nn.Linear")
    return network[0]
