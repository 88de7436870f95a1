"""The feedforward network: layers of weighted sums with a nonlinearity between them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deepbook.feedforward.activations import Activation, get_activation
from deepbook.feedforward.initialization import initialize_


class MLP(nn.Module):
    """Multilayer perceptron (Goodfellow et al. 2016, chapter 6).

    Layer ``l`` computes ``h = g(W h + b)`` from the layer before (eqs. 6.40 and 6.41);
    the last one is linear and gives logits, or means.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units of each layer, outputs: ``[784, 128, 64, 10]``.
    activation : str or Activation
        A name from ``ACTIVATIONS``, for all hidden layers.
    initial : str, optional
        A name from ``SCHEMES``; without one, what suits the activation.
    generator : torch.Generator, optional
        Draws the weights; the global one if not given.

    Attributes
    ----------
    layers : nn.ModuleList of nn.Linear
        One fewer than ``sizes``. A maxout layer has ``pieces`` rows of weights a unit.
    sizes : tuple of int
    activation : Activation

    Raises
    ------
    ValueError
        If there are fewer than two sizes, one is not positive, or a name is unknown.

    Examples
    --------
    >>> import torch
    >>> from deepbook.feedforward import MLP
    >>> network = MLP([784, 128, 10], "relu")
    >>> network(torch.rand(32, 784)).shape
    torch.Size([32, 10])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Activation = "relu",
        initial: str | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"expected two or more positive sizes, got {list(sizes)}")
        self.sizes = tuple(sizes)
        self.activation = get_activation(activation)
        device = torch.get_default_device() if generator is None else generator.device
        outputs = [size * self.activation.pieces for size in sizes[1:-1]] + [sizes[-1]]
        # skip_init: torch's own initial weights would use up global random numbers
        self.layers = nn.ModuleList(
            nn.utils.skip_init(nn.Linear, n_in, n_out, device=device)
            for n_in, n_out in zip(sizes[:-1], outputs, strict=True)
        )
        initialize_(self, initial or self.activation.initial, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs of shape (..., sizes[0]) to outputs of shape (..., sizes[-1]).

        Raises
        ------
        ValueError
            If the last dimension is not ``sizes[0]``.
        TypeError
            If the dtype is not that of the weights.
        """
        return self.outputs(x)[-1]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """What each layer gives out, the first hidden layer first, the logits last."""
        self._check(x)
        *hidden, last = self.layers
        outputs: list[Tensor] = []
        for layer in hidden:
            x = self.activation(layer(x))  # h = g(W h + b)
            outputs.append(x)
        return [*outputs, last(x)]

    def extra_repr(self) -> str:
        """What ``repr`` shows of the activation."""
        return f"activation={self.activation.name}"

    def _check(self, x: Tensor) -> None:
        if x.dim() == 0 or x.shape[-1] != self.sizes[0]:
            raise ValueError(
                f"expected inputs of size {self.sizes[0]} in the last dimension, "
                f"got shape {tuple(x.shape)}"
            )
        weight = self.layers[0].weight
        if x.dtype != weight.dtype:
            raise TypeError(f"expected inputs of dtype {weight.dtype}, got {x.dtype}")
