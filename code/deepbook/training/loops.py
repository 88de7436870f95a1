"""The loop around a step: epochs, a record of what happened, checkpoints, an early end."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from deepbook.progress import progress
from deepbook.training.checkpoints import Checkpoint
from deepbook.training.counts import check_count
from deepbook.training.history import History

__all__ = ["loop"]

Step = Callable[[Any, float], "Mapping[str, float] | float | None"]


class Batches(Protocol):
    """Whatever gives the batches of an epoch and says how many: a list, a ``DataLoader``."""

    def __len__(self) -> int:
        """How many batches an epoch has."""

    def __iter__(self) -> Iterator[Any]:
        """The batches of a new epoch."""


def loop(
    step: Step,
    batches: Batches,
    *,
    epochs: int,
    monitor: Callable[[], Mapping[str, float]] | None = None,
    monitor_every: int = 1,
    after_epoch: Callable[[History], bool | None] | None = None,
    checkpoint: Checkpoint | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
) -> History:
    """Take a step for every batch of every epoch.

    Parameters
    ----------
    step : callable
        ``step(batch, done)``, where ``done`` is the share of all steps that is done, in [0, 1).
        It changes whatever is trained and returns what the history is to keep: a loss, named
        numbers, or nothing. ``Descent`` is one for a loss that autograd differentiates.
    batches : Batches
        ``Minibatches``, a list, torch's ``DataLoader``: what can be walked through in every
        epoch anew and knows its length.
    epochs : int
    monitor : callable, optional
        ``monitor()`` returns named numbers; called every ``monitor_every`` epochs and after the
        last one, without autograd. It should use a generator of its own.
    after_epoch : callable, optional
        ``after_epoch(history)``, after the monitor; returning True ends the training. See
        ``EarlyStopping``.
    checkpoint : Checkpoint, optional
        Written every ``checkpoint_every`` epochs and after the last one. All that the step, the
        batches and ``after_epoch`` change must be among its parts and its generator.
    resume : bool
        Go on from the checkpoint if there is one. The result is what it would have been without
        the interruption, to the last bit.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If a count is less than 1, or the checkpoint is damaged, was made with other settings or
        has more epochs behind it; then nothing is changed.
    """
    for name, count in {
        "epoch": epochs,
        "epoch between monitorings": monitor_every,
        "epoch between checkpoints": checkpoint_every,
        "batch": len(batches),
    }.items():
        check_count(name, count)
    history = History()
    if resume:
        history = _resumed(checkpoint, epochs)
    steps = epochs * len(batches)
    for epoch in progress(range(history.epoch, epochs), "epochs"):
        if history.stopped:
            break
        start, total, examples = time.perf_counter(), 0.0, 0
        for i, batch in enumerate(batches):
            values = step(batch, (epoch * len(batches) + i) / steps)
            named = values if isinstance(values, Mapping) else {"loss": values}
            for name, value in named.items():
                if value is not None:
                    history.trace.setdefault(name, []).append(float(value))
            if named.get("loss") is not None:
                total += history.trace["loss"][-1] * (size := _examples(batch))
                examples += size
        history.seconds += time.perf_counter() - start
        history.epoch = epoch + 1
        if examples:
            history.loss.append(total / examples)
        last = history.epoch == epochs
        if monitor is not None and (last or history.epoch % monitor_every == 0):
            with torch.no_grad():
                history.note(monitor())
        if after_epoch is not None and after_epoch(history):
            history.stopped = last = True
        if checkpoint is not None and (last or history.epoch % checkpoint_every == 0):
            checkpoint.save(asdict(history))
    return history


def _examples(batch: Any) -> int:
    """How many examples a batch holds: its length, or that of the first of several tensors."""
    if isinstance(batch, tuple | list) and batch and isinstance(batch[0], Tensor):
        return len(batch[0])
    return len(batch) if hasattr(batch, "__len__") else 1


def _resumed(checkpoint: Checkpoint | None, epochs: int) -> History:
    if checkpoint is None:
        raise ValueError("expected a checkpoint to resume from, got none")
    if not checkpoint.path.exists():
        return History()
    return History(**checkpoint.load(partial(_check_record, epochs)))


def _check_record(epochs: int, record: dict[str, Any]) -> None:
    names = {f.name for f in fields(History)}
    if record.keys() != names:
        raise ValueError(f"expected a record of {sorted(names)}, got one of {sorted(record)}")
    if record["epoch"] > epochs:
        raise ValueError(
            f"expected a checkpoint of at most {epochs} epochs, got one of {record['epoch']}"
        )
