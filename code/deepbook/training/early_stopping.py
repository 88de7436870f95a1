"""Early stopping: end when the validation data say so, and keep the best weights."""

import math
from copy import deepcopy
from typing import Any

from torch import nn

from deepbook.training.counts import check_count
from deepbook.training.history import History

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """End a training that no longer improves (Goodfellow et al. 2016, algorithm 7.1).

    Give it to ``fit`` or ``loop`` as ``after_epoch``, and call ``restore`` afterwards.

    Parameters
    ----------
    model : torch.nn.Module
        Whose weights are kept.
    patience : int
        How many times in a row the measure may fail to improve.
    measure : str
        A monitored number.
    largest : bool
        Whether the measure is better when it is larger, as an accuracy is.

    Attributes
    ----------
    best : float
        The best measure so far.
    best_epoch : int
        After which epoch it was; 0 before the first.
    """

    def __init__(
        self,
        model: nn.Module,
        patience: int,
        *,
        measure: str = "validation_loss",
        largest: bool = False,
    ) -> None:
        self.model, self.measure, self.largest = model, measure, largest
        self.patience = check_count("epoch of patience", patience)
        self.best, self.best_epoch, self.waited = -math.inf if largest else math.inf, 0, 0
        self.weights: dict[str, Any] = {}

    def __call__(self, history: History) -> bool:
        """Whether to stop, after an epoch whose measure was monitored.

        Raises
        ------
        ValueError
            If the measure was not monitored: nothing would ever stop.
        """
        latest = history.monitored[-1] if history.monitored else {}
        if latest.get("epoch") != history.epoch or self.measure not in latest:
            raise ValueError(
                f"expected {self.measure} to be monitored after each epoch, "
                f"got {', '.join(latest) or 'nothing'} after epoch {history.epoch}"
            )
        value = latest[self.measure]
        if value > self.best if self.largest else value < self.best:
            self.best, self.best_epoch, self.waited = value, history.epoch, 0
            self.weights = deepcopy(self.model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self) -> None:
        """Give the model its best weights back.

        Raises
        ------
        RuntimeError
            If there are none yet.
        """
        if not self.weights:
            raise RuntimeError("expected an epoch to have improved the measure, got none")
        self.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs, so that a resumed training stops where it would have."""
        names = ("best", "best_epoch", "waited", "weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        for name, value in state.items():
            setattr(self, name, value)
