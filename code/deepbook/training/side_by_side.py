"""Several networks trained side by side, each as if it were alone."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepbook.training.batches import Minibatches, minibatches
from deepbook.training.counts import check_count
from deepbook.training.fitting import validation_measures
from deepbook.training.history import History, NonFiniteError
from deepbook.training.loops import loop
from deepbook.training.measures import Measure, check_examples
from deepbook.training.schedules import Schedule, constant
from deepbook.training.stacked_models import StackedModels
from deepbook.training.steps import Descent

__all__ = ["fit_many"]


def fit_many(
    models: Sequence[nn.Module],
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Measure,
    optimizer: Callable[[list[nn.Parameter]], Optimizer],
    epochs: int,
    batch_size: int,
    validation: tuple[Tensor, Tensor] | None = None,
    measures: Mapping[str, Measure] | None = None,
    patience: int | None = None,
    after_epoch: Callable[[StackedModels], bool | None] | None = None,
    generators: Sequence[torch.Generator] | torch.Generator | None = None,
    rows: Tensor | None = None,
    augment: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    schedule: Schedule = constant,
    clip_norm: float | None = None,
) -> list[History]:
    """Train several networks at once: each as ``fit`` would train it alone, up to rounding.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Of one class and shape, for instance drawn under several seeds; changed in place.
    inputs, targets : Tensor, shape (examples, ...)
        The same for all, unless there are ``rows``.
    optimizer : callable
        Makes the optimizer of the stacked parameters, shape (models, ...): one that treats every
        entry by itself, as SGD and Adam do.
    patience : int, optional
        Early stopping for each network by itself: it ends with the weights of the lowest
        validation loss so far, and has stopped after this many epochs without a lower one.
    after_epoch : callable, optional
        ``after_epoch(stacked)`` sees the stacked models, whose parameters have the networks
        along the first axis; returning True ends the training of all.
    generators : sequence of torch.Generator, or one, optional
        A CPU generator for the order of each network's examples; where there is one, or none
        (then it is the global one), all see the same order.
    rows : Tensor of int64, shape (models, draws), optional
        Network ``i`` learns from the examples ``rows[i]``, one that stands there twice counting
        twice: bagging (``deepbook.regularization.bootstrap_rows``). The order is one of the draws.
    loss, epochs, batch_size, validation, measures, augment, schedule, clip_norm
        As for ``fit``; ``augment`` gets every network's minibatch in turn.

    Returns
    -------
    list of History
        One for each network.

    Raises
    ------
    NonFiniteError
        As soon as the loss of one is NaN or infinite, with its place in ``models``.
    ValueError
        If sizes do not fit, or there is patience without validation data.
    """
    check_examples(inputs, targets)
    if patience is not None and validation is None:
        raise ValueError("expected validation data to be patient with, got none")
    stacked = StackedModels(models)
    step = _Steps(stacked, loss, optimizer(list(stacked.parameters())), schedule, clip_norm)
    batches = _Batches(inputs, targets, stacked.count, batch_size, augment, generators, rows)
    keeper = _Keeper(stacked, patience) if patience is not None else None
    histories = [History() for _ in models]

    def look(_: History) -> bool:
        losses = step.epoch_losses()
        for i, history in enumerate(histories):
            history.epoch += 1
            history.loss.append(losses[i])
        ended = after_epoch is not None and bool(after_epoch(stacked))
        if validation is None:
            return ended
        measured = validation_measures(loss, measures, validation[1])
        values = {name: _evaluate_each(stacked, validation, m) for name, m in measured.items()}
        for i, history in enumerate(histories):
            if keeper is None or not keeper.stopped[i]:
                history.note({name: float(value[i]) for name, value in values.items()})
        return (keeper is not None and keeper.look(values["validation_loss"])) or ended

    loop(step, batches, epochs=epochs, after_epoch=look)
    if keeper is not None:
        keeper.restore()
        for history, stopped in zip(histories, keeper.stopped.tolist(), strict=True):
            history.stopped = stopped
    stacked.unstack(models)
    return histories


class _Steps(Descent):
    """A step for all networks: down the sum of their losses, which share nothing."""

    model: StackedModels

    def __init__(
        self,
        models: StackedModels,
        loss: Measure,
        optimizer: Optimizer,
        schedule: Schedule,
        clip_norm: float | None,
    ) -> None:
        super().__init__(
            models, self._sum_of_losses, optimizer, schedule=schedule, clip_norm=clip_norm
        )
        self.of_one = loss
        self.totals, self.examples = torch.zeros(models.count, dtype=torch.float64), 0

    def _sum_of_losses(self, models: StackedModels, batch: tuple[Tensor, Tensor, bool]) -> Tensor:
        x, y, shared = batch
        outputs = models(x) if shared else models.each(x)
        own = [y] * models.count if shared else y
        losses = torch.stack([self.of_one(o, t) for o, t in zip(outputs, own, strict=True)])
        self.latest = losses.detach().to("cpu", torch.float64)
        size = len(y) if shared else y.shape[1]
        self.totals += size * self.latest
        self.examples += size
        return losses.sum()

    def _refuse_if_not_finite(self, value: float) -> None:
        if not bool((finite := self.latest.isfinite()).all()):
            place = int(finite.int().argmin())
            raise NonFiniteError(
                f"the loss of network {place} is {self.latest[place].item()} at step "
                f"{self.steps_taken + 1} with learning rate {self._learning_rates()}"
            )

    @torch.no_grad()
    def _clip(self) -> dict[str, float]:
        if self.clip_norm is None:
            return {}
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        # each network's own norm, as clip_grad_norm_ would take it
        squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0)
        factor = (self.clip_norm / (squares.sqrt() + 1e-6)).clamp(max=1)
        for g in gradients:
            g.mul_(factor.view(-1, *[1] * (g.ndim - 1)))
        return {}

    def epoch_losses(self) -> list[float]:
        """Each network's mean loss since this was last asked."""
        means = (self.totals / self.examples).tolist()
        self.totals.zero_()
        self.examples = 0
        return means


class _Batches:
    """Minibatches in one order for all networks, or each in its own."""

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        count: int,
        batch_size: int,
        augment: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None,
        generators: Sequence[torch.Generator] | torch.Generator | None,
        rows: Tensor | None,
    ) -> None:
        self.inputs, self.targets, self.augment, self.rows = inputs, targets, augment, rows
        self.each = generators if isinstance(generators, Sequence) else None
        if self.each is not None and len(self.each) != count:
            raise ValueError(f"expected {count} generators, got {len(self.each)}")
        if rows is not None and (rows.ndim != 2 or len(rows) != count or rows.shape[1] == 0):
            raise ValueError(f"expected rows of shape ({count}, draws), got {tuple(rows.shape)}")
        self.count, self.draws = count, len(inputs) if rows is None else rows.shape[1]
        self.one = None if isinstance(generators, Sequence) else generators
        self.shared = Minibatches(
            inputs, targets, batch_size=batch_size, augment=augment, generator=self.one
        )

    def __len__(self) -> int:
        return math.ceil(self.draws / self.shared.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, bool]]:
        if self.each is None and self.rows is None:
            for x, y in self.shared:
                yield x, y, True
            return
        for places in self._orders():
            own = places if self.rows is None else self._drawn(places)
            pairs: list[Any] = [
                (self.inputs[r.to(self.inputs.device)], self.targets[r.to(self.targets.device)])
                for r in own
            ]
            if self.augment is not None:
                pairs = [self.augment(x, y) for x, y in pairs]
            yield torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs]), False

    def _orders(self) -> Iterator[tuple[Tensor, ...]]:
        """Where each network's next minibatch stands."""
        size = self.shared.batch_size
        if self.each is None:
            for places in minibatches(self.draws, size, generator=self.one):
                yield (places,) * self.count
        else:
            orders = [minibatches(self.draws, size, generator=g) for g in self.each]
            yield from zip(*orders, strict=True)

    def _drawn(self, places: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        assert self.rows is not None
        return tuple(draws[p.to(draws.device)] for draws, p in zip(self.rows, places, strict=True))


class _Keeper:
    """Early stopping for each network by itself."""

    def __init__(self, models: StackedModels, patience: int) -> None:
        self.patience = check_count("epoch of patience", patience)
        self.state = models.state_dict()  # the tensors themselves
        self.best_state = {name: value.clone() for name, value in self.state.items()}
        self.best = torch.full((models.count,), math.inf, dtype=torch.float64)
        self.waited = torch.zeros(models.count, dtype=torch.int64)
        self.stopped = torch.zeros(models.count, dtype=torch.bool)

    def look(self, losses: Tensor) -> bool:
        """Keep what is better, and say whether all have stopped."""
        better = (losses < self.best) & ~self.stopped
        self.best = torch.where(better, losses, self.best)
        self.waited = torch.where(better, 0, self.waited + 1)
        for name, value in self.state.items():
            places = better.to(value.device).view(-1, *[1] * (value.ndim - 1))
            self.best_state[name] = torch.where(places, value, self.best_state[name])
        self.stopped |= self.waited >= self.patience
        return bool(self.stopped.all())

    def restore(self) -> None:
        for name, value in self.state.items():
            value.copy_(self.best_state[name])


@torch.no_grad()
def _evaluate_each(
    models: StackedModels, data: tuple[Tensor, Tensor], measure: Measure, batch_size: int = 1000
) -> Tensor:
    """Mean of the measure for each network, shape (models,), float64, in evaluation mode."""
    check_examples(*data)
    models.eval()
    totals = torch.zeros(models.count, dtype=torch.float64)
    for x, y in zip(data[0].split(batch_size), data[1].split(batch_size), strict=True):
        each = [measure(outputs, y) for outputs in models(x)]
        totals += len(x) * torch.stack(each).to("cpu", torch.float64)
    return totals / len(data[0])
