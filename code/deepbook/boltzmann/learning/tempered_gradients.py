"""Persistent chains that get help on their way from mode to mode: fast parameters, tempering."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.learning.likelihood_gradients import (
    PersistentContrastiveDivergence,
    Statistics,
)
from deepbook.boltzmann.sampling.parallel_tempering import ParallelTempering

__all__ = ["FastPersistentContrastiveDivergence", "TemperedGradient"]


class FastPersistentContrastiveDivergence(PersistentContrastiveDivergence):
    """PCD whose chains see extra, fast-learning parameters that soon decay to zero.

    They raise the energy where the chains are, which drives the chains on to other modes
    (Tieleman and Hinton 2009).

    Parameters
    ----------
    steps, chains, generator
        As for PCD.
    fast_learning_rate : float
        Of the fast parameters; the paper lets that of the slow ones fall beside it.
    decay : float
        The fast parameters are multiplied by it at each batch: 19 / 20 in the paper.
    """

    def __init__(
        self,
        steps: int = 1,
        *,
        fast_learning_rate: float = 0.01,
        decay: float = 0.95,
        chains: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(steps, chains=chains, generator=generator)
        if not fast_learning_rate >= 0:
            raise ValueError(
                f"expected a fast learning rate of at least 0, got {fast_learning_rate}"
            )
        if not 0 <= decay <= 1:
            raise ValueError(f"expected a decay between 0 and 1, got {decay}")
        self.fast_learning_rate, self.decay = fast_learning_rate, decay
        self.fast: Statistics = {}

    @torch.no_grad()
    def measure(self, model: EnergyModel, visible: Tensor) -> tuple[Statistics, Statistics]:
        """As for PCD; then the fast parameters take their own step along the gradient."""
        gradient, positive = super().measure(model, visible)
        for name, direction in gradient.items():
            fast = self.fast.get(name, torch.zeros_like(direction)).to(direction.device)
            self.fast[name] = self.decay * fast + self.fast_learning_rate * direction
        return gradient, positive

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """Statistics of the chains of the machine with slow plus fast parameters."""
        chased = deepcopy(model)
        for name, parameter in chased.named_parameters():
            if name in self.fast:
                parameter.add_(self.fast[name].to(parameter.device))
        chased.check_parameters()
        return super().negative_phase(chased, visible)

    def settings(self) -> dict[str, Any]:
        """Adds the fast parameters' learning rate and decay."""
        own = {"fast_learning_rate": self.fast_learning_rate, "decay": self.decay}
        return {**super().settings(), **own}

    def state_dict(self) -> dict[str, Any]:
        """Adds the fast parameters."""
        return {**super().state_dict(), "fast": self.fast}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        super().load_state_dict(state)
        self.fast = dict(state["fast"])


class TemperedGradient(PersistentContrastiveDivergence):
    """PCD with parallel tempering: chains that get over barriers while they are warm.

    The negative phase is that of the coldest level, which samples the model (Desjardins et al.
    2010; Cho, Raiko and Ilin 2010). One batch costs as many Gibbs steps as there are levels.

    Parameters
    ----------
    betas : sequence of float
        Inverse temperatures, rising to 1; see ``ParallelTempering``.
    base : EnergyModel
        The machine at ``beta = 0``, such as ``model.without_couplings(data)``.
    steps, chains, generator
        As for PCD.

    Attributes
    ----------
    state : Tensor, shape (levels, chains, *state shape), or None
        Where the chains stand; None before the first batch.
    """

    def __init__(
        self,
        betas: Sequence[float],
        base: EnergyModel,
        steps: int = 1,
        *,
        chains: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(steps, chains=chains, generator=generator)
        self.betas, self.base = tuple(betas), base
        self._tempering: ParallelTempering | None = None

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """Statistics of the coldest chains after ``steps`` more steps and swaps."""
        state = self._current_state(model, visible)
        if self.state is None:
            state = state.expand(len(self.betas), *state.shape).clone()
        if self._tempering is None or self._tempering.model is not model:
            self._tempering = ParallelTempering(model, self.betas, state.shape[1], base=self.base)
        self._tempering.states = state
        coldest = self._tempering._run(self.steps, self.generator)
        self.state = self._own = self._tempering.states
        return model._statistics(coldest)

    def settings(self) -> dict[str, Any]:
        """Adds the inverse temperatures and the machine at the warm end."""
        base = {"kind": type(self.base).__name__, **self.base.state_dict()}
        return {**super().settings(), "betas": self.betas, "base": base}
