"""What every machine of the chapter has in common: an energy, a chain, and statistics."""

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

__all__ = ["EnergyModel"]


class EnergyModel(nn.Module, ABC):
    """A distribution that is known up to its partition function.

    ``p(x) = exp(log_unnormalised(x)) / Z`` (Goodfellow et al. 2016, section 16.2.4), with a Markov
    chain that leaves ``p`` as it is. The *state* ``x`` is what that chain carries from step to
    step: the visible units of a restricted machine, whose hidden units are summed out; all units
    of a general machine; the first hidden layer of a deep one, with its neighbours summed out.

    The energy is linear in the parameters. So ``between`` gives the machines on the way from one
    to another (annealing, tempering), and ``statistics`` the gradient (section 18.1). Couplings
    are the parameters with ``weight`` in their names.

    A public method is a door: it checks what it is given, then calls the method of the same name
    with an underscore. A subclass writes the latter, and loops within the package call it: what
    they made themselves they need not ask about again.

    Attributes
    ----------
    binary_state : bool
        Whether the state is any pattern of zeros and ones, so that it can be enumerated.
    """

    binary_state: ClassVar[bool] = True

    def log_unnormalised(self, state: Tensor) -> Tensor:
        """``log p(x) + log Z`` in nats, for states of shape (..., *state shape); shape (...).

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        self.check_state(state)
        return self._log_unnormalised(state)

    def gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One step of the chain for each of the states of shape (N, *state shape).

        Where all couplings are zero, one step from anywhere is an exact and independent draw.
        """
        self.check_state(state)
        return self._gibbs_step(state, generator)

    def statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Gradient of ``log_unnormalised``, averaged over states.

        Parameters
        ----------
        state : Tensor, shape (N, *state shape)
        weights : Tensor, shape (N,), optional
            Weights that add up to one; 1 / N each if not given.

        Returns
        -------
        dict
            For each name in ``named_parameters`` a tensor of that parameter's shape.
        """
        self.check_state(state)
        return self._statistics(state, weights)

    def data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """The positive phase: ``statistics`` for visible units that are data.

        For a machine whose state is not the visible units, an estimate or a bound's gradient.
        """
        self.check_visible(visible)
        return self._data_statistics(visible, weights)

    def chain_from_data(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """States of the chain that start at data, for contrastive divergence."""
        self.check_visible(visible)
        return self._chain_from_data(visible, generator)

    @abstractmethod
    def initial_state(self, count: int) -> Tensor:
        """``count`` states of zeros to start chains from, on the model's device."""

    @torch.no_grad()
    def log_partition_without_couplings(self) -> Tensor:
        """``log Z`` in closed form, where every coupling is zero; shape ().

        Raises
        ------
        ValueError
            If some coupling is not zero.
        """
        if self.has_couplings():
            raise ValueError("expected a machine whose weights are all zero")
        return self._log_partition_without_couplings()

    @torch.no_grad()
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """A machine of this shape whose units are independent.

        Parameters
        ----------
        visible : Tensor, shape (N, *visible shape), optional
            Data whose base rates its visible biases take; zero biases if not given.
        """
        # the constructor draws its weights before it scales them to zero: later draws rely on it
        result = type(self)(
            **self._arguments(), weight_scale=0.0, device=self.device, dtype=self.dtype
        )
        if visible is not None:
            result.initialize_biases_(visible)
        return result

    @torch.no_grad()
    def between(self, base: Self, beta: float) -> Self:
        """The machine with parameters ``(1 - beta) * base + beta * self``.

        As the energy is linear in the parameters, these are the geometric averages
        ``p_base ** (1 - beta) * p ** beta`` of the joint distributions (section 18.7.1).
        """
        if not 0 <= beta <= 1:
            raise ValueError(f"expected beta between 0 and 1, got {beta}")
        result = deepcopy(self)
        theirs = dict(base.named_parameters())
        for name, parameter in result.named_parameters():
            parameter.copy_(torch.lerp(theirs[name], parameter, beta))
        return result

    @abstractmethod
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set the visible biases to the data's base rates (Hinton 2012, section 8.1)."""

    def has_couplings(self) -> bool:
        """Whether some coupling is not zero."""
        named = self.named_parameters()
        return any(bool(p.count_nonzero()) for name, p in named if "weight" in name)

    @abstractmethod
    def check_visible(self, visible: Tensor) -> None:
        """Raise unless the visible units have this machine's shape, dtype and range."""

    def check_state(self, state: Tensor) -> None:
        """Raise unless the states have this machine's shape, dtype and range."""
        self.check_visible(state)

    def check_parameters(self) -> None:
        """Raise where the parameters make no distribution, if there are such."""

    @property
    def dtype(self) -> torch.dtype:
        """The parameters' dtype."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """The parameters' device."""
        return next(self.parameters()).device

    @abstractmethod
    def _log_unnormalised(self, state: Tensor) -> Tensor: ...

    @abstractmethod
    def _gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor: ...

    def _chain(self, state: Tensor, steps: int, generator: torch.Generator | None = None) -> Tensor:
        for _ in range(steps):
            state = self._gibbs_step(state, generator)
        return state

    @abstractmethod
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]: ...

    def _data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        return self._statistics(visible, weights)

    def _chain_from_data(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return visible

    @abstractmethod
    def _log_partition_without_couplings(self) -> Tensor: ...

    @abstractmethod
    def _arguments(self) -> dict[str, Any]:
        """What the constructor is told to make a machine of this shape."""


def shares(examples: Tensor, weights: Tensor | None) -> Tensor:
    """The weights of N examples, shape (N,): 1 / N each if none are given."""
    if weights is None:
        return examples.new_full((len(examples),), 1 / len(examples))
    return weights
