"""Networks whose weights are set by hand: one that follows any function, one that needs depth."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from deepbook.feedforward.activation_functions import step


class Step(nn.Module):
    """One where the input is positive, else zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros and ones of the input's shape."""
        return step(x)


ACTIVATIONS: dict[str, type[nn.Module]] = {"step": Step, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}


def bump_network(
    function: Callable[[Tensor], Tensor],
    width: int,
    *,
    activation: str = "relu",
    interval: tuple[float, float] = (0.0, 1.0),
    steepness: float = 50.0,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Sequential:
    """One hidden layer that follows a function, by the proof of universal approximation.

    The interval is cut into equal cells. With ``"step"`` and ``"sigmoid"`` the network is a sum
    of bumps, each as high as the function in the middle of its cell; neighbouring bumps share
    the unit at their common edge, so ``width`` units make ``width + 1`` bumps. With ``"relu"``
    each bump is a hat over two cells, and the sum connects the function's values at the edges
    by straight lines; ``width`` units make ``width`` cells. Goodfellow et al. (2016),
    section 6.4.1.

    Parameters
    ----------
    function
        From a tensor of shape (n,) to a tensor of shape (n,), element by element.
    width
        Number of hidden units, at least 1.
    activation
        ``"step"``, ``"sigmoid"`` or ``"relu"``.
    interval
        Where to follow the function: (low, high).
    steepness
        For ``"sigmoid"``: weight of each hidden unit times the width of a cell.
    device, dtype
        Of the network's parameters, which are computed in float64.

    Returns
    -------
    nn.Sequential
        ``Linear(1, width)``, the activation, ``Linear(width, 1)``.

    Raises
    ------
    ValueError
        If the activation is unknown, the width or steepness is not positive, the interval is
        empty or the function does not keep the shape.
    """
    low, high = interval
    if activation not in ACTIVATIONS:
        raise ValueError(f"expected one of {list(ACTIVATIONS)}, got activation {activation!r}")
    if width < 1:
        raise ValueError(f"expected at least 1 hidden unit, got width {width}")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"expected an interval (low, high) with low < high, got {interval}")
    if not steepness > 0:
        raise ValueError(f"expected a positive steepness, got {steepness}")

    if activation == "relu":
        knots = torch.linspace(low, high, width + 1, dtype=torch.float64, device=device)
        heights = _values(function, knots)
        slopes = heights.diff() / knots.diff()
        kinks, scale = knots[:-1], 1.0  # unit i wakes at knot i and adds a change of slope
        changes = torch.cat([slopes[:1], slopes.diff()])
    else:
        edges = torch.linspace(low, high, width + 2, dtype=torch.float64, device=device)
        heights = _values(function, (edges[:-1] + edges[1:]) / 2)
        # unit i switches at the inner edge i and adds the change of height there
        kinks, changes = edges[1:-1], heights.diff()
        scale = steepness * (width + 1) / (high - low) if activation == "sigmoid" else 1.0

    hidden = _linear(1, width, device, dtype)
    output = _linear(width, 1, device, dtype)
    with torch.no_grad():
        hidden.weight.fill_(scale)
        hidden.bias.copy_(-scale * kinks)
        output.weight.copy_(changes[None])
        output.bias.copy_(heights[:1])
    return nn.Sequential(hidden, ACTIVATIONS[activation](), output)


def sawtooth(
    depth: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> nn.Sequential:
    """The deep network of Telgarsky (2016) that a shallow one can copy only at great width.

    Each hidden layer folds [0, 1] on itself with two ReLUs, ``m(x) = 2 relu(x) - 4 relu(x - 1/2)``;
    folding ``depth`` times gives ``2**(depth - 1)`` triangles, that is ``2**depth`` straight
    pieces, from 0 to 1 and back. A single hidden layer has at most one piece more than units.

    Parameters
    ----------
    depth
        Number of hidden layers, from 1 to 52: what float64 can still tell apart.
    device, dtype
        Of the parameters.

    Returns
    -------
    nn.Sequential
        ``Linear(1, 2)``, ReLU, then ``Linear(2, 2)``, ReLU for every further layer, and
        ``Linear(2, 1)``.

    Raises
    ------
    ValueError
        If the depth is out of range.
    """
    if not 1 <= depth <= 52:
        raise ValueError(f"expected a depth from 1 to 52, got {depth}")
    layers: list[nn.Module] = []
    # the hidden units are relu(t) and relu(t - 1/2), where t is the fold of the layer below
    shift, fold = torch.tensor([0.0, -0.5]), torch.tensor([2.0, -4.0])
    for level in range(depth + 1):
        inputs, outputs = (1 if level == 0 else 2), (1 if level == depth else 2)
        layer = _linear(inputs, outputs, device, dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.ones(2, 1) if level == 0 else fold.expand(outputs, 2))
            layer.bias.copy_(shift[:outputs])
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _linear(
    inputs: int, outputs: int, device: torch.device | str | None, dtype: torch.dtype | None
) -> nn.Linear:
    # weights that are about to be set by hand must not use up random numbers
    device = torch.get_default_device() if device is None else device
    return torch.nn.utils.skip_init(nn.Linear, inputs, outputs, device=device, dtype=dtype)


def _values(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    values = function(points)
    if values.shape != points.shape:
        raise ValueError(
            f"expected a function that keeps the shape {tuple(points.shape)}, "
            f"got {tuple(values.shape)}"
        )
    return values
