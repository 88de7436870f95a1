"""How a signal fares on its way through a deep random network, and a gradient on its way back."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepbook.feedforward.activations import Activation, get_activation
from deepbook.feedforward.initialization import initialize_


@dataclass(frozen=True)
class Signal:
    """Measurements by depth: entry 0 is the input, entry ``l`` the output of layer ``l``.

    Attributes
    ----------
    mean, variance : Tensor, shape (depth + 1,)
        Over all units and examples.
    gradient_norm : Tensor, shape (depth + 1,)
        Norm of the gradient that arrives, relative to the one sent down from the top.
    dead_share : Tensor, shape (depth + 1,)
        Share of units that pass no gradient on for any example: their slope is exactly 0.
    zero_share : Tensor, shape (depth + 1,)
        Share of outputs that are exactly 0 (sparsity).
    """

    mean: Tensor
    variance: Tensor
    gradient_norm: Tensor
    dead_share: Tensor
    zero_share: Tensor


@torch.no_grad()
def signal_by_depth(
    activation: str | Activation,
    scheme: str,
    depth: int = 30,
    width: int = 256,
    batch: int = 256,
    generator: torch.Generator | None = None,
) -> Signal:
    """Send standard normal inputs up a random network and a random gradient down.

    Parameters
    ----------
    activation : str or Activation
        A name from ``ACTIVATIONS``.
    scheme : str
        Initial weights, a name from ``SCHEMES``; biases are 0.
    depth, width, batch : int
        Layers, units in each of them and in the input, and examples.
    generator : torch.Generator, optional
        Draws inputs, weights and gradient; the global one if not given.

    Raises
    ------
    ValueError
        If a name is unknown or a size is not positive.
    """
    if min(depth, width, batch) < 1:
        raise ValueError(
            f"expected positive sizes, got depth={depth}, width={width}, batch={batch}"
        )
    unit = get_activation(activation)
    device = torch.get_default_device() if generator is None else generator.device
    outputs = [torch.randn(batch, width, generator=generator, device=device)]
    slopes = [torch.ones(batch, width * unit.pieces, device=device)]  # the input's: never dead
    weights = []
    for _ in range(depth):
        layer = nn.utils.skip_init(nn.Linear, width, width * unit.pieces, device=device)
        initialize_(layer, scheme, generator)
        sums = layer(outputs[-1])
        weights.append(layer.weight)
        outputs.append(unit(sums))
        slopes.append(unit.derivative(sums))

    gradient = torch.randn(batch, width, generator=generator, device=device)
    norms = [gradient.norm()]
    for weight, slope in zip(reversed(weights), reversed(slopes), strict=False):
        # back-propagation by hand (algorithm 6.4), so that a step has a gradient too: zero
        gradient = (gradient.repeat_interleave(unit.pieces, dim=1) * slope) @ weight
        norms.append(gradient.norm())
    return Signal(
        mean=torch.stack([h.mean() for h in outputs]),
        variance=torch.stack([h.var() for h in outputs]),
        gradient_norm=torch.stack(norms[::-1]) / norms[0],
        # a unit of several pieces is dead only where all of them are
        dead_share=torch.stack(
            [
                (slope == 0).unflatten(1, (-1, unit.pieces)).all(2).all(0).float().mean()
                for slope in slopes
            ]
        ),
        zero_share=torch.stack([(h == 0).float().mean() for h in outputs]),
    )
