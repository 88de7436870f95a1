"""Training of every machine of the chapter by stochastic gradient ascent, to be resumed at will."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.learning.likelihood_gradients import GradientEstimator, Statistics
from deepbook.training.batches import Minibatches
from deepbook.training.checkpoints import Checkpoint, Stateful
from deepbook.training.counts import check_count
from deepbook.training.history import History, NonFiniteError
from deepbook.training.loops import loop
from deepbook.training.schedules import Schedule, constant

__all__ = ["LikelihoodAscent", "Monitor", "train"]

Monitor = Callable[[Any], Mapping[str, float]]


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
) -> History:
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
    History

    Raises
    ------
    NonFiniteError
        As soon as a gradient is NaN or infinite, before it reaches the parameters.
    ValueError
        If a number is out of its range, there are no examples, or the checkpoint is damaged, was
        made with other settings or has more epochs behind it; then nothing is changed.
    """
    check_count("example in a batch", batch_size)
    batches = Minibatches(visible, batch_size=batch_size, generator=generator)
    step = LikelihoodAscent(model, estimator, learning_rate, schedule, momentum, weight_decay)
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
        parts: dict[str, Stateful] = {"model": model, "step": step, "estimator": estimator}
        saved = Checkpoint(Path(checkpoint), settings, parts, generator)
    return loop(
        step,
        batches,
        epochs=epochs,
        monitor=None if monitor is None else lambda: monitor(model),
        monitor_every=monitor_every,
        checkpoint=saved,
        checkpoint_every=checkpoint_every,
        resume=resume,
    )


class LikelihoodAscent:
    """One step up the log-likelihood for each batch; ``torch.optim.SGD`` takes it.

    Parameters
    ----------
    model, estimator, learning_rate, schedule, momentum, weight_decay
        As for ``train``.

    Attributes
    ----------
    steps_taken : int

    Raises
    ------
    NonFiniteError
        By a step, as soon as a gradient is NaN or infinite, before it reaches the parameters.
    ValueError
        If a number is out of its range.
    """

    def __init__(
        self,
        model: EnergyModel,
        estimator: GradientEstimator,
        learning_rate: float,
        schedule: Schedule = constant,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.model, self.estimator = model, estimator
        self.learning_rate, self.schedule = learning_rate, schedule
        self.optimizer = _optimizer(model, learning_rate, momentum, weight_decay)
        self.steps_taken = 0

    def __call__(self, batch: Tensor, done: float) -> None:
        """Take one step."""
        rate = self.learning_rate * self.schedule(done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        gradient = self.estimator(self.model, batch)
        _set_gradient(self.model, gradient, self.steps_taken, rate)
        self.optimizer.step()
        self.steps_taken += 1

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, and how many steps were taken."""
        return {"optimizer": self.optimizer.state_dict(), "steps_taken": self.steps_taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps_taken = state["steps_taken"]


def _settings(estimator: Any) -> dict[str, Any]:
    kind = {"kind": type(estimator).__name__}
    return {**kind, **estimator.settings()} if hasattr(estimator, "settings") else kind


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
        raise NonFiniteError(
            f"the gradient of {', '.join(names)} is not finite at step {step + 1} with learning "
            f"rate {rate:g}; the parameters are those of step {step}"
        )
    for name, parameter in model.named_parameters():
        parameter.grad = gradient[name] if parameter.requires_grad else None
