"""Steps down the gradient of a loss."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from deepbook.training.history import NonFiniteError
from deepbook.training.schedules import Schedule, constant

__all__ = ["CarriedState", "Descent"]


class Descent:
    """One step of gradient descent for each batch (Goodfellow et al. 2016, algorithm 8.1).

    Parameters
    ----------
    model : torch.nn.Module
        Put into training mode before each step.
    loss : callable
        ``loss(model, batch)``, a mean over the batch's examples; or that and a mapping of named
        numbers for the history, in which ``loss`` stands for what is to be recorded in its
        place: the loss without its penalty, for instance.
    optimizer : torch.optim.Optimizer
        Over the model's parameters, in one group or several.
    schedule : callable
        Takes the share of all steps that is done, in [0, 1), and returns the factor that the
        learning rate of each group gets.
    clip_norm : float, optional
        A longer gradient, over all parameters together, is shortened to this (section 10.11.1).
        The trace keeps its length before as ``gradient_norm``; with ``math.inf`` that is all.
    clip_value : float, optional
        Each entry of the gradient is kept within this of zero.

    Attributes
    ----------
    steps_taken : int

    Raises
    ------
    NonFiniteError
        By a step: as soon as the loss is NaN or infinite, before it reaches the weights.
    ValueError
        If a bound for clipping is not positive.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer,
        *,
        schedule: Schedule = constant,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        for what, bound in {"norm": clip_norm, "value": clip_value}.items():
            if bound is not None and not bound > 0:
                raise ValueError(f"expected a {what} above 0 to clip at, got {bound}")
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.schedule, self.clip_norm, self.clip_value = schedule, clip_norm, clip_value
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.steps_taken = 0

    def __call__(self, batch: Any, done: float) -> dict[str, float]:
        """Take one step, and return the loss before it."""
        if not self.model.training:
            self.model.train()
        self._set_rates(done)
        result = self.loss(self.model, batch)
        loss, traced = result if isinstance(result, tuple) else (result, {})
        self._refuse_if_not_finite(loss.item())
        values = {"loss": loss.item()} | {name: _number(x) for name, x in traced.items()}
        self.optimizer.zero_grad()
        loss.backward()
        values |= self._clip()
        self.optimizer.step()
        self.steps_taken += 1
        return values

    def _set_rates(self, done: float) -> None:
        if self.schedule is not constant:
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * self.schedule(done)

    def _refuse_if_not_finite(self, value: float) -> None:
        if not math.isfinite(value):
            raise NonFiniteError(
                f"the loss is {value} at step {self.steps_taken + 1} with learning rate "
                f"{self._learning_rates()}; the weights are those of step {self.steps_taken}"
            )

    def _learning_rates(self) -> str:
        return ", ".join(f"{group['lr']:g}" for group in self.optimizer.param_groups)

    def _clip(self) -> dict[str, float]:
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.clip_value)
        if self.clip_norm is None:
            return {}
        return {"gradient_norm": nn.utils.clip_grad_norm_(parameters, self.clip_norm).item()}

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, and how many steps were taken."""
        return {"optimizer": self.optimizer.state_dict(), "steps_taken": self.steps_taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps_taken = state["steps_taken"]


class CarriedState:
    """A loss whose state goes on from batch to batch, without its gradient.

    So a recurrent network is trained on sequences longer than a batch: truncated
    back-propagation through time. Give it to ``Descent``, with ``StreamBatches``.

    Parameters
    ----------
    loss : callable
        ``loss(model, batch, state)`` returns the loss and the new state: a tensor, or a tuple or
        list of states. The state is None in the first batch of an epoch.
    """

    def __init__(self, loss: Callable[[Any, Any, Any], tuple[Tensor, Any]]) -> None:
        self.loss, self.state = loss, None

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        """The loss of a batch, whose ``first`` says that a new epoch begins."""
        value, state = self.loss(model, batch, None if batch.first else self.state)
        self.state = _detached(state)
        return value


def _number(value: Tensor | float) -> float:
    return value.item() if isinstance(value, Tensor) else float(value)


def _detached(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple | list):
        return type(state)(_detached(part) for part in state)
    raise TypeError(f"expected a state of tensors, got {type(state).__name__}")
