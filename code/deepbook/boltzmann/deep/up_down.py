"""The up-down algorithm: wake-sleep for a deep belief network."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.deep.deep_belief import DBN
from deepbook.boltzmann.learning.own_generator import OwnGenerator
from deepbook.training.counts import check_count

__all__ = ["UpDown"]


class UpDown(OwnGenerator):
    """The contrastive form of wake-sleep (Hinton, Osindero and Teh 2006).

    Up: draw each layer from the one below; the generative weights learn to give the layer below
    back. At the top: ``steps`` Gibbs steps, and contrastive divergence. Down: dream from where
    these steps ended; the recognition weights learn to find the layer above that a dream came
    from (Goodfellow et al. 2016, section 19.5.1). The dreams are not the data, so the recognition
    weights follow no gradient of the bound.

    Called with a ``DBN`` and a batch of (N, sizes[0]), as ``train`` does.

    Parameters
    ----------
    steps : int
        Gibbs steps in the top machine.
    generator : torch.Generator, optional
        On the model's device; the global one if not given.

    Raises
    ------
    ValueError
        If ``steps`` is less than one.
    """

    def __init__(self, steps: int = 3, *, generator: torch.Generator | None = None) -> None:
        super().__init__(generator)
        self.steps = check_count("step", steps)

    @torch.no_grad()
    def __call__(self, model: DBN, visible: Tensor) -> dict[str, Tensor]:
        """The direction to move in, for each name in ``model.named_parameters()``."""
        result: dict[str, Tensor] = {}
        awake = model.recognise(visible, self.generator, sample=True)
        for index, (below, above) in enumerate(pairwise(awake)):
            error = below - torch.sigmoid(model.generative_input(above, index))
            result[f"generative_weights.{index}"] = error.T @ above / len(visible)
            result[f"generative_biases.{index}"] = error.mean(0)

        state = model.top._chain(awake[-1], self.steps, self.generator)
        positive, negative = model.top._statistics(awake[-1]), model.top._statistics(state)
        result |= {f"top.{name}": positive[name] - negative[name] for name in positive}

        dream = model._generate(state, self.generator, sample=True)
        for index, (below, above) in enumerate(pairwise(dream)):
            error = above - torch.sigmoid(model.recognition_input(below, index))
            result[f"recognition_weights.{index}"] = below.T @ error / len(visible)
            result[f"recognition_biases.{index}"] = error.mean(0)
        return result

    def settings(self) -> dict[str, Any]:
        """Adds the number of steps."""
        return {**super().settings(), "steps": self.steps}
