"""The perceptron: one neuron that decides by a step, its learning rule and its limit.

Targets are 0 and 1. Goodfellow et al. (2016), sections 6.1 and 6.6; Rosenblatt (1958);
the bound on the number of updates is Novikoff's (1962).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_TRUTH = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "nand": (1, 1, 1, 0), "xor": (0, 1, 1, 0)}


def neuron(x: Tensor, weight: Tensor, bias: Tensor | float) -> Tensor:
    """Weigh the inputs, add the bias, compare with zero.

    Parameters
    ----------
    x : Tensor, shape (..., n_inputs)
    weight : Tensor, shape (n_inputs,)
    bias : float or Tensor, shape ()

    Returns
    -------
    Tensor, shape (...), 0 or 1 in the dtype of ``x``, so that neurons can feed neurons

    Raises
    ------
    ValueError
        If the last dimension of ``x`` is not ``n_inputs``.
    """
    if x.dim() == 0 or x.shape[-1] != weight.shape[0]:
        raise ValueError(
            f"expected {weight.shape[0]} inputs in the last dimension, got shape {tuple(x.shape)}"
        )
    return (x @ weight + bias > 0).to(x.dtype)


@dataclass(frozen=True)
class PerceptronRecord:
    """What happened while a perceptron learned.

    Attributes
    ----------
    updates : int
        Corrections made, one for each mistake.
    passes : int
        Times that the examples were gone through.
    errors : tuple of int, length ``passes``
        Mistakes made, and corrected at once, in each pass.
    converged : bool
        Whether the last pass was without a mistake.
    """

    updates: int
    passes: int
    errors: tuple[int, ...]
    converged: bool


class Perceptron(nn.Module):
    """One neuron with a step, trained by the perceptron rule.

    Parameters
    ----------
    n_inputs : int

    Attributes
    ----------
    weight : Tensor, shape (n_inputs,), zero at first
    bias : Tensor, shape (), zero at first
    """

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        if n_inputs < 1:
            raise ValueError(f"expected at least one input, got n_inputs={n_inputs}")
        # a step has no useful gradient: the rule below sets these, not an optimizer
        self.weight = nn.Parameter(torch.zeros(n_inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Decide: ``x`` of shape (..., n_inputs) gives 0 or 1, shape (...)."""
        return neuron(x, self.weight, self.bias)

    def learn(self, x: Tensor, y: Tensor, max_epochs: int = 1000) -> PerceptronRecord:
        """Learn from zero weights by correcting each mistake until a pass has none.

        Parameters
        ----------
        x : Tensor, shape (N, n_inputs), in the dtype of the weights
        y : Tensor, shape (N,), 0 or 1
        max_epochs : int
            Passes after which to give up.

        Returns
        -------
        PerceptronRecord

        Raises
        ------
        ValueError
            If the shapes do not fit, ``y`` holds anything but 0 and 1, or ``max_epochs``
            is not positive.
        """
        _check_examples(x, y, self.weight.shape[0])
        if max_epochs < 1:
            raise ValueError(f"expected max_epochs of at least 1, got {max_epochs}")
        self.weight.zero_()
        self.bias.zero_()
        errors: list[int] = []
        while len(errors) < max_epochs and (not errors or errors[-1] > 0):
            errors.append(0)
            for inputs, target in zip(x, y.to(x.dtype), strict=True):
                correction = target - self(inputs)  # -1, 0 or 1
                if correction != 0:
                    self.weight.add_(correction * inputs)
                    self.bias.add_(correction)
                    errors[-1] += 1
        return PerceptronRecord(sum(errors), len(errors), tuple(errors), errors[-1] == 0)


def mistake_bound(x: Tensor, y: Tensor, separator: Tensor) -> float:
    """The most updates that the perceptron rule can make: ``(R / gamma)**2`` (Novikoff 1962).

    The bias counts as a weight whose input is always 1. ``R`` is the length of the
    longest input so extended; ``gamma`` the smallest distance of one from the plane of
    the separator. The bound holds for every separator, and is tightest for the one
    with the widest margin.

    Parameters
    ----------
    x : Tensor, shape (N, n_inputs)
    y : Tensor, shape (N,), 0 or 1
    separator : Tensor, shape (n_inputs + 1,)
        Weights and then bias of a neuron that makes no mistake; of any length.

    Raises
    ------
    ValueError
        If the shapes do not fit, ``y`` holds anything but 0 and 1, or ``separator``
        does not separate the two classes.
    """
    _check_examples(x, y, separator.numel() - 1)
    extended = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    signs = 2 * y.to(x.dtype) - 1
    gamma = (signs * (extended @ separator)).min() / separator.norm()
    if not gamma > 0:
        raise ValueError(
            f"expected a separator with every example strictly on its side, got margin {gamma:.3g}"
        )
    return float((extended.norm(dim=1).max() / gamma) ** 2)


def truth_table(name: str) -> tuple[Tensor, Tensor]:
    """Inputs (4, 2), in the order 00, 01, 10, 11, and targets (4,) of a logic function.

    ``name`` is "and", "or", "nand" or "xor"; any other raises ValueError.

    Examples
    --------
    >>> from deepbook.feedforward import Perceptron, truth_table
    >>> inputs, targets = truth_table("or")
    >>> targets
    tensor([0., 1., 1., 1.])
    >>> Perceptron(2).learn(inputs, targets).converged
    True
    >>> Perceptron(2).learn(*truth_table("xor")).converged
    False
    """
    if name not in _TRUTH:
        raise ValueError(f"expected one of {', '.join(_TRUTH)}, got {name!r}")
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return inputs, torch.tensor(_TRUTH[name], dtype=inputs.dtype)


class XorNetwork(nn.Module):
    """Two ReLU units and a linear one that compute XOR (Goodfellow et al. 2016, section 6.1).

    Attributes
    ----------
    W : Tensor, shape (2, 2); c : Tensor, shape (2,)
        Weights (input, unit) and biases of the hidden units, eqs. 6.4 and 6.5.
    w : Tensor, shape (2,); b : Tensor, shape ()
        Weights and bias of the output, eq. 6.6.
    """

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.ones(2, 2))
        self.c = nn.Parameter(torch.tensor([0.0, -1.0]))
        self.w = nn.Parameter(torch.tensor([1.0, -2.0]))
        self.b = nn.Parameter(torch.zeros(()))

    def hidden(self, x: Tensor) -> Tensor:
        """Where the hidden units put the inputs: (..., 2) to (..., 2), figure 6.1 right."""
        return torch.relu(x @ self.W + self.c)

    def forward(self, x: Tensor) -> Tensor:
        """The output, eq. 6.3: (..., 2) to (...)."""
        return self.hidden(x) @ self.w + self.b


def _check_examples(x: Tensor, y: Tensor, n_inputs: int) -> None:
    if x.dim() != 2 or x.shape[1] != n_inputs or x.shape[0] == 0:
        raise ValueError(f"expected x of shape (N, {n_inputs}), got {tuple(x.shape)}")
    if y.shape != x.shape[:1]:
        raise ValueError(f"expected y of shape ({x.shape[0]},), got {tuple(y.shape)}")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError(f"expected targets 0 and 1, got {y.unique().tolist()}")
