"""What a training leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["History", "NonFiniteError"]


class NonFiniteError(ArithmeticError):
    """A loss or a gradient became NaN or infinite; the message tells step and learning rate."""


@dataclass
class History:
    """What a training left behind.

    Attributes
    ----------
    epoch : int
        Epochs done, over all runs of a resumed training.
    seconds : float
        Wall time of their steps; neither monitoring nor checkpoints count.
    loss : list of float
        One entry an epoch: the mean over its minibatches of what the steps returned as ``loss``,
        each weighed by its number of examples. Empty where the steps return none.
    trace : dict of str to list of float
        One entry a step: what the steps returned, by name.
    monitored : list of dict
        One for each call of the monitor: what it returned, with ``epoch`` and ``seconds`` then.
    stopped : bool
        Whether ``after_epoch`` ended the training.
    """

    epoch: int = 0
    seconds: float = field(default=0.0, compare=False)
    loss: list[float] = field(default_factory=list)
    trace: dict[str, list[float]] = field(default_factory=dict)
    monitored: list[dict[str, float]] = field(default_factory=list)
    stopped: bool = False

    def note(self, measured: Mapping[str, float]) -> None:
        """Add what a monitor returned."""
        entry = {name: float(value) for name, value in measured.items()}
        self.monitored.append({"epoch": self.epoch, "seconds": self.seconds, **entry})

    def column(self, name: str) -> list[float]:
        """One monitored number (or ``epoch``, or ``seconds``) over the training.

        Raises
        ------
        KeyError
            If the monitor never returned it.
        """
        found = [entry[name] for entry in self.monitored if name in entry]
        if self.monitored and not found:
            names = ", ".join(sorted({key for entry in self.monitored for key in entry}))
            raise KeyError(f"expected one of {names}, got {name}")
        return found

    @property
    def validation_loss(self) -> list[float]:
        """The loss on the validation data after each epoch of ``fit``; empty without them."""
        return self.column("validation_loss")

    @property
    def validation_accuracy(self) -> list[float]:
        """The accuracy on the validation data after each epoch of ``fit``; empty for no classes."""
        return [e["validation_accuracy"] for e in self.monitored if "validation_accuracy" in e]
