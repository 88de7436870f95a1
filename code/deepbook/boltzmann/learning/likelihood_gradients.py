"""Estimators of the log-likelihood's gradient: what the model believes, exactly or by sampling."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.learning.own_generator import OwnGenerator
from deepbook.boltzmann.partition.exact_likelihood import model_statistics
from deepbook.training.counts import check_count

__all__ = [
    "ContrastiveDivergence",
    "ExactGradient",
    "GradientEstimator",
    "PersistentContrastiveDivergence",
]

Statistics = dict[str, Tensor]


class GradientEstimator(OwnGenerator, ABC):
    """Estimates the gradient of the mean log-likelihood of a batch.

    Called with a model and visible units of shape (N, *visible shape), it returns for each
    parameter's name the direction of ascent: the positive phase, ``model.data_statistics``, minus
    a negative phase, which is the mean of the same statistics under the model (Goodfellow et al.
    2016, section 18.1).

    Parameters
    ----------
    generator : torch.Generator, optional
        On the model's device; the global one if not given.
    """

    def __call__(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """The gradient's estimate for this batch; moves the chains on, where there are any."""
        return self.measure(model, visible)[0]

    @torch.no_grad()
    def measure(self, model: EnergyModel, visible: Tensor) -> tuple[Statistics, Statistics]:
        """The gradient's estimate, and the positive phase that went into it."""
        # the one look at what the batch holds; the negative phase is made of what passed
        positive = model.data_statistics(visible)
        negative = self.negative_phase(model, visible)
        return {name: positive[name] - negative[name] for name in positive}, positive

    @abstractmethod
    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """The mean of ``model.statistics`` under the model, or an estimate.

        Parameters
        ----------
        visible : Tensor, shape (N, *visible shape)
            A batch that the positive phase has accepted: it is not checked again.
        """


class ExactGradient(GradientEstimator):
    """The gradient itself, for machines with few enough units to enumerate on one side.

    Exact where ``model.data_statistics`` is. Needs no generator.
    """

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """``model_statistics(model)``; ValueError where there are too many units."""
        return model_statistics(model)


class ContrastiveDivergence(GradientEstimator):
    """CD-k: chains of ``steps`` Gibbs steps that start at the batch (Hinton 2002; section 18.2).

    Biased: what the chain has not yet forgotten of the data is missing in the negative phase.
    """

    def __init__(self, steps: int = 1, *, generator: torch.Generator | None = None) -> None:
        super().__init__(generator)
        self.steps = check_count("step", steps)

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """Statistics of the chains' last states, with everything else at its mean given them."""
        start = model._chain_from_data(visible, self.generator)
        return model._statistics(model._chain(start, self.steps, self.generator))

    def settings(self) -> dict[str, Any]:
        """Adds k."""
        return {**super().settings(), "steps": self.steps}


class PersistentContrastiveDivergence(GradientEstimator):
    """PCD: chains that go on from batch to batch (Younes 1989; Tieleman 2008; section 18.2).

    Parameters
    ----------
    steps : int
        Gibbs steps for each batch.
    chains : int, optional
        How many; as many as the first batch has examples, if not given. They start at examples
        of the first batch.
    generator : torch.Generator, optional
        On the model's device; the global one if not given.

    Attributes
    ----------
    state : Tensor, shape (chains, *state shape), or None
        Where the chains stand; None before the first batch. May be set.
    """

    def __init__(
        self,
        steps: int = 1,
        *,
        chains: int | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.steps = check_count("step", steps)
        self.chains = None if chains is None else check_count("chain", chains)
        self.state: Tensor | None = None
        self._own: Tensor | None = None

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """Statistics of the chains after ``steps`` more steps."""
        state = model._chain(self._current_state(model, visible), self.steps, self.generator)
        self.state = self._own = state
        return model._statistics(state)

    def _current_state(self, model: EnergyModel, visible: Tensor) -> Tensor:
        if self.state is not None:
            state = self.state.to(model.device)
            if self.state is not self._own:  # set by somebody else, or loaded
                model.check_state(state)
            return state
        start = visible
        if self.chains is not None and self.chains != len(visible):
            examples = torch.randint(
                len(visible), (self.chains,), device=visible.device, generator=self.generator
            )
            start = visible[examples]
        return model._chain_from_data(start, self.generator)

    def settings(self) -> dict[str, Any]:
        """Adds the steps for each batch, and the number of chains that was asked for."""
        return {**super().settings(), "steps": self.steps, "chains": self.chains}

    def state_dict(self) -> dict[str, Any]:
        """Adds the chains' states."""
        return {**super().state_dict(), "state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        super().load_state_dict(state)
        self.state = state["state"]
