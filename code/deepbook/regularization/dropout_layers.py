"""Dropout: units, or weights, left out at random in training."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from deepbook.regularization.checks import check_probability
from deepbook.regularization.draws import uniform

__all__ = ["DropConnectLinear", "Dropout", "dropout"]


def dropout(
    x: Tensor, p: float = 0.5, *, training: bool = True, generator: torch.Generator | None = None
) -> Tensor:
    """Set each entry to 0 with probability ``p``, and divide the others by ``1 - p``.

    Inverted dropout (Srivastava et al. 2014; Goodfellow et al. 2016, section 7.12): the mean of an
    entry stays what it was, so that nothing is to be scaled in evaluation.

    Parameters
    ----------
    x : Tensor, any shape, floating point
    p : float
        Of being left out, from 0 to below 1. In the book of Goodfellow et al. probabilities are
        of being *kept*.
    training : bool
        If not, ``x`` itself comes back.
    generator : torch.Generator, optional
        The global one if not given.

    Returns
    -------
    Tensor, shape of ``x``
    """
    check_probability("a dropout probability", p, below_one=True)
    if not training or p == 0:
        return x
    kept = uniform(x.shape, x, generator) >= p
    return x * kept / (1 - p)


class Dropout(nn.Module):
    """``dropout`` as a layer: on in training, off in evaluation, as torch's ``nn.Dropout``.

    Parameters
    ----------
    p : float
        Of being left out, from 0 to below 1.
    generator : torch.Generator, optional
        The global one if not given.
    """

    def __init__(self, p: float = 0.5, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.p = check_probability("a dropout probability", p, below_one=True)
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Entries left out in training; ``x`` itself in evaluation."""
        return dropout(x, self.p, training=self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"p={self.p:g}"


class DropConnectLinear(nn.Linear):
    """A linear layer that leaves out weights in training (Wan et al. 2013).

    The weights that stay are divided by ``1 - p``; biases stay all. In evaluation it is the mean,
    a plain linear layer.

    Parameters
    ----------
    in_features, out_features : int
    p : float
        Of a weight's being left out, from 0 to below 1.
    per_example : bool
        Whether each example gets a mask of its own, as in the paper, which takes memory for
        ``N * out_features * in_features`` numbers; or a minibatch has one.
    bias : bool
    generator : torch.Generator, optional
        For the masks; the global one if not given.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        *,
        per_example: bool = True,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.p = check_probability("a dropout probability", p, below_one=True)
        self.per_example, self.generator = per_example, generator

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (..., out_features), of inputs of shape (..., in_features)."""
        if not self.training or self.p == 0:
            return super().forward(x)
        if not self.per_example:
            return linear(x, self._masked(self.weight), self.bias)
        each = self._masked(self.weight.expand(*x.shape[:-1], *self.weight.shape))
        outputs = (each @ x[..., None])[..., 0]
        return outputs if self.bias is None else outputs + self.bias

    def _masked(self, weight: Tensor) -> Tensor:
        return dropout(weight, self.p, generator=self.generator)

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"{super().extra_repr()}, p={self.p:g}"
