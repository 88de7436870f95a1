"""What an estimator of gradients remembers, so that a training can be resumed."""

from typing import Any

import torch

__all__ = ["OwnGenerator"]


class OwnGenerator:
    """Draws by a generator of its own, or by the global one, and can be saved.

    Parameters
    ----------
    generator : torch.Generator, optional
        On the model's device; the global one if not given.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self.generator = generator

    def settings(self) -> dict[str, Any]:
        """What makes this estimator another than the next, beside its state: kind and numbers.

        A training that is resumed refuses a checkpoint with others. A subclass adds its own:
        numbers, strings, tensors, sequences of these, and mappings of names to these.
        """
        return {"kind": type(self).__name__, "own_generator": self.generator is not None}

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept so that a resumed training goes on as if never interrupted."""
        return {"generator": None if self.generator is None else self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        if self.generator is not None and state["generator"] is not None:
            self.generator.set_state(state["generator"])
