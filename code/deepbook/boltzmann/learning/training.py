"""Training of every machine of the chapter by stochastic gradient ascent, to be resumed at will."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.learning.checkpoints import Checkpoint, Stateful
from deepbook.boltzmann.learning.likelihood_gradients import (
    GradientEstimator,
    Statistics,
    check_count,
)
from deepbook.progress import progress
from deepbook.training import minibatches

__all__ = ["NonFiniteGradientError", "TrainingRecord", "constant", "linear_decay", "train"]

Schedule = Callable[[float], float]
Monitor = Callable[[Any], Mapping[str, float]]


class NonFiniteGradientError(ArithmeticError):
    """The gradient became NaN or infinite; the message tells the step and the learning rate."""


def constant(done: float) -> float:
    """The learning rate stays what it is."""
    return 1.0


def linear_decay(done: float) -> float:
    """The learning rate falls on a line to zero at the end of the training."""
    return 1.0 - done


@dataclass
class TrainingRecord:
    """What a training run left behind.

    Attributes
    ----------
    epoch : int
        Epochs done, over all runs of a resumed training.
    seconds : float
        Wall time of their steps; neither monitoring nor checkpoints count.
    monitored : list of dict
        One for each call of the monitor: what it returned, with ``epoch`` and ``seconds`` then.
    """

    epoch: int = 0
    seconds: float = 0.0
    monitored: list[dict[str, float]] = field(default_factory=list)

    def note(self, measured: Mapping[str, float]) -> None:
        """Add what a monitor returned."""
        entry = {name: float(value) for name, value in measured.items()}
        self.monitored.append({"epoch": self.epoch, "seconds": self.seconds, **entry})

    def column(self, name: str) -> list[float]:
        """One monitored number (or ``epoch``, or ``seconds``) over the training."""
        return [entry[name] for entry in self.monitored]


def train(
    model: EnergyModel,
    visible: Tensor,
    estimator: GradientEstimator,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: Schedule = constant,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    monitor: Monitor | None = None,
    monitor_every: int = 1,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    generator: torch.Generator | None = None,
) -> TrainingRecord:
    """Climb the log-likelihood by minibatches; ``torch.optim.SGD`` takes the steps.

    Parameters
    ----------
    model : EnergyModel
        Changed in place; parameters with ``requires_grad=False`` stay as they are.
    visible : Tensor, shape (N, *visible shape)
        On the model's device.
    estimator : GradientEstimator
        Or anything that is called and saved like one; what its ``settings`` return, if it has
        them, is part of the checkpoint.
    epochs, batch_size : int
        Each epoch sees every example once, in a new order.
    learning_rate : float
        For the mean gradient of a batch, in nats.
    schedule : callable
        Takes the share of all steps that is done, in [0, 1), and returns the factor that the
        learning rate gets: ``constant``, ``linear_decay`` or one's own.
    momentum, weight_decay : float
        As in ``torch.optim.SGD``; only weights decay, never biases.
    monitor : callable, optional
        ``monitor(model)`` returns named numbers; called every ``monitor_every`` epochs and
        after the last one, without autograd. It should use a generator of its own.
    checkpoint : path, optional
        Written every ``checkpoint_every`` epochs and after the last one, in one step: it is
        always whole. Holds model, optimizer, estimator with its chains, and generators; and the
        settings of the run: number of examples, batch size, learning rate, schedule, momentum,
        weight decay, the kinds of model and estimator, and the estimator's numbers.
    resume : bool
        Go on from the checkpoint if there is one. The result is what it would have been without
        the interruption, to the last bit.
    generator : torch.Generator, optional
        A CPU generator for the order of the examples; the global one if not given.

    Returns
    -------
    TrainingRecord

    Raises
    ------
    NonFiniteGradientError
        As soon as a gradient is NaN or infinite, before it reaches the parameters.
    ValueError
        If a number is out of its range, there are no examples, or the checkpoint is damaged, was
        made with other settings or has more epochs behind it; then nothing is changed.
    """
    for name, count in {
        "epoch": epochs,
        "example in a batch": batch_size,
        "epoch between monitorings": monitor_every,
        "epoch between checkpoints": checkpoint_every,
    }.items():
        check_count(name, count)
    if resume and checkpoint is None:
        raise ValueError("expected a checkpoint to resume from, got none")
    optimizer = _optimizer(model, learning_rate, momentum, weight_decay)
    record = TrainingRecord()
    saved = None
    if checkpoint is not None:
        settings = {
            "examples": len(visible),
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "schedule": getattr(schedule, "__name__", "its own"),
            # two schedules may have one name, such as <lambda>
            "schedule's factors": [schedule(done) for done in (0.0, 0.25, 0.5, 0.75)],
            "momentum": momentum,
            "weight_decay": weight_decay,
            "model": type(model).__name__,
            "estimator": _settings(estimator),
        }
        if schedule is not constant:
            settings["epochs"] = epochs
        parts: dict[str, Stateful] = {
            "model": model,
            "optimizer": optimizer,
            "estimator": estimator,
        }
        saved = Checkpoint(Path(checkpoint), settings, parts, generator)
        if resume and saved.path.exists():
            record = TrainingRecord(**saved.load(partial(_check_record, epochs)))
    batches = math.ceil(len(visible) / batch_size)
    for epoch in progress(range(record.epoch, epochs), "epochs"):
        start = time.perf_counter()
        for i, batch in enumerate(minibatches(len(visible), batch_size, generator=generator)):
            step = epoch * batches + i
            rate = learning_rate * schedule(step / (epochs * batches))
            for group in optimizer.param_groups:
                group["lr"] = rate
            gradient = estimator(model, visible[batch.to(visible.device)])
            _set_gradient(model, gradient, step, rate)
            optimizer.step()
        record.seconds += time.perf_counter() - start
        record.epoch = epoch + 1
        last = record.epoch == epochs
        if monitor is not None and (last or record.epoch % monitor_every == 0):
            with torch.no_grad():
                record.note(monitor(model))
        if saved is not None and (last or record.epoch % checkpoint_every == 0):
            saved.save(asdict(record))
    return record


def _settings(estimator: Any) -> dict[str, Any]:
    kind = {"kind": type(estimator).__name__}
    return {**kind, **estimator.settings()} if hasattr(estimator, "settings") else kind


def _check_record(epochs: int, record: dict[str, Any]) -> None:
    names = {f.name for f in fields(TrainingRecord)}
    if record.keys() != names:
        raise ValueError(f"expected a record of {sorted(names)}, got one of {sorted(record)}")
    if record["epoch"] > epochs:
        raise ValueError(
            f"expected a checkpoint of at most {epochs} epochs, got one of {record['epoch']}"
        )


def _optimizer(
    model: EnergyModel, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.SGD:
    learned = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for name, p in learned if "weight" in name], "weight_decay": weight_decay},
        {"params": [p for name, p in learned if "weight" not in name], "weight_decay": 0.0},
    ]
    # SGD raises where a number is out of its range
    return torch.optim.SGD(
        groups, lr=learning_rate, momentum=momentum, weight_decay=weight_decay, maximize=True
    )


def _set_gradient(model: EnergyModel, gradient: Statistics, step: int, rate: float) -> None:
    # a sum is finite only where all its terms are, and cheaper than asking each
    if not math.isfinite(sum(float(direction.sum()) for direction in gradient.values())):
        names = [name for name, direction in gradient.items() if not direction.isfinite().all()]
        raise NonFiniteGradientError(
            f"the gradient of {', '.join(names)} is not finite at step {step + 1} with learning "
            f"rate {rate:g}; the parameters are those of step {step}"
        )
    for name, parameter in model.named_parameters():
        parameter.grad = gradient[name] if parameter.requires_grad else None
