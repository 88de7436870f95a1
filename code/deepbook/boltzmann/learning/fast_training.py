"""A fast way to train a Bernoulli RBM on a CPU: the same gradient with little beside its products.

A step of CD-1 or PCD-1 needs five matrix products. What ``train`` spends beside them goes here:

- All tensors of a step lie in buffers that are made once. Positive and negative phase stand one
  above the other, ``[v+; v-]`` and ``[h+ / N; -h- / C]``, so that their difference is one product,
  which adds itself to the weights.
- Random numbers come from numpy's PCG64, at a third of the cost of torch's.
- ``precision="medium"`` lets torch hand its float32 products to oneDNN, which uses AVX-512 also
  where MKL does not, such as on AMD's processors: twice as fast there. Where the processor
  multiplies bfloat16 numbers in hardware (AMX), oneDNN may round to these on the way in.
- A persistent chain keeps its hidden units from step to step, so that ``P(h | v)`` of data and
  chains is one product too.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepbook.boltzmann.learning.likelihood_ascent import Monitor
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.training.batches import Minibatches
from deepbook.training.counts import check_count
from deepbook.training.history import History, NonFiniteError
from deepbook.training.loops import loop
from deepbook.training.schedules import Schedule, constant

__all__ = ["FastTrainer", "train_fast"]

_NUMPY: dict[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}


class FastTrainer:
    """Takes steps of CD-k or PCD, plain or centred, on an RBM's own parameters.

    Parameters
    ----------
    model : RBM
        On the CPU, float32 or float64; changed in place.
    batch_size : int
        The most examples a step may get, and the number of persistent chains.
    steps : int
        Gibbs steps for each batch.
    persistent : bool
        PCD instead of CD.
    offset_rate : float, optional
        If given, the gradient is ``Centred``, with offsets that move at this rate.
    weight_decay : float
        As in ``train``.
    precision : {"highest", "high", "medium"}
        ``torch.set_float32_matmul_precision`` while a step runs.
    generator : torch.Generator, optional
        Seeds the numpy generator; the global one if not given.

    Raises
    ------
    ValueError, TypeError
        If the model is elsewhere or of another kind, or a number is out of its range.
    """

    def __init__(
        self,
        model: RBM,
        batch_size: int,
        *,
        steps: int = 1,
        persistent: bool = False,
        offset_rate: float | None = None,
        weight_decay: float = 0.0,
        precision: str = "highest",
        generator: torch.Generator | None = None,
    ) -> None:
        if not isinstance(model, RBM) or model.dtype not in _NUMPY or model.device.type != "cpu":
            raise TypeError("expected an RBM of float32 or float64 on the CPU")
        if offset_rate is not None and not 0 <= offset_rate <= 1:
            raise ValueError(f"expected an offset rate between 0 and 1, got {offset_rate}")
        if not weight_decay >= 0:
            raise ValueError(f"expected a weight decay of at least 0, got {weight_decay}")
        self.model, self.steps = model, check_count("step", steps)
        self.batch_size = check_count("example in a batch", batch_size)
        self.persistent, self.offset_rate = persistent, offset_rate
        if precision not in ("highest", "high", "medium"):
            raise ValueError(f"expected highest, high or medium precision, got {precision!r}")
        self.weight_decay, self.precision = weight_decay, precision
        self._random = np.random.Generator(
            np.random.PCG64(int(torch.randint(2**62, (), generator=generator)))
        )
        # two rows more than both phases have, for what centring adds
        rows, kind = 2 * batch_size + 2, model.weight.detach()
        self._visible = kind.new_empty(rows, model.visible_size)
        self._hidden = kind.new_empty(rows, model.hidden_size)
        self._visible_mean = kind.new_empty(batch_size, model.visible_size)
        self._sample = kind.new_empty(batch_size, model.hidden_size)
        self._started = False
        self.steps_taken = 0
        self._offsets: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def step(self, visible: Tensor, learning_rate: float) -> None:
        """Add ``learning_rate`` times the gradient's estimate to the parameters.

        Parameters
        ----------
        visible : Tensor, shape (at most batch_size, visible_size), values in [0, 1]
            The values are not checked, for speed.
        learning_rate : float

        Raises
        ------
        NonFiniteError
            Before it reaches the parameters.
        ValueError
            If there are too many examples, or none.
        """
        n = len(visible)
        if not 1 <= n <= self.batch_size:
            raise ValueError(f"expected 1 to {self.batch_size} examples, got {n}")
        self._visible[:n] = visible
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision(self.precision)
        try:
            self._step(n, learning_rate)
        finally:
            torch.set_float32_matmul_precision(before)
        self.steps_taken += 1

    def _step(self, n: int, learning_rate: float) -> None:
        last = n + (self.batch_size if self.persistent else n)
        self._sample_chains(n, last)
        positive, negative = self._visible[:n], self._visible[n:last]
        self._hidden[:n].div_(n)
        self._hidden[n:last].div_(n - last)
        visible_mean = positive.mean(0)
        visible_bias = visible_mean - negative.mean(0)
        hidden_bias = self._hidden[:last].sum(0)
        if not math.isfinite(float(hidden_bias.sum())):
            raise NonFiniteError(
                f"the gradient is not finite at step {self.steps_taken + 1} "
                f"with learning rate {learning_rate:g}"
            )
        if self.offset_rate is not None:
            last, visible_bias, hidden_bias = self._centre(
                n, last, visible_mean, visible_bias, hidden_bias
            )
        model = self.model
        # [v+; v-]^T [h+ / N; -h- / C]: the difference of both phases
        model.weight.addmm_(
            self._visible[:last].T,
            self._hidden[:last],
            beta=1 - learning_rate * self.weight_decay,
            alpha=learning_rate,
        )
        model.visible_bias.add_(visible_bias, alpha=learning_rate)
        model.hidden_bias.add_(hidden_bias, alpha=learning_rate)

    def _sample_chains(self, n: int, last: int) -> None:
        """Put ``v-`` below ``v+``, and ``P(h = 1 | v)`` of both into ``_hidden``."""
        hidden = self._sample[: last - n]
        if not self.persistent or not self._started:
            self._hidden_mean(0, n)
            hidden = self._draw(self._sample[:n], self._hidden[:n])
        if self.persistent and not self._started:
            # fewer examples than chains: examples start several
            hidden = self._sample.copy_(hidden[torch.arange(self.batch_size) % n])
            self._started = True
        for k in range(self.steps):
            mean = self._visible_mean[: last - n]
            torch.mm(hidden, self.model.weight.T, out=mean).add_(self.model.visible_bias)
            self._draw(self._visible[n:last], mean.sigmoid_())
            final = k == self.steps - 1
            self._hidden_mean(0 if self.persistent and final else n, last)
            if self.persistent or not final:
                self._draw(hidden, self._hidden[n:last])

    def _hidden_mean(self, start: int, stop: int) -> None:
        mean = self._hidden[start:stop]
        torch.mm(self._visible[start:stop], self.model.weight, out=mean)
        mean.add_(self.model.hidden_bias).sigmoid_()

    def _draw(self, sample: Tensor, mean: Tensor) -> Tensor:
        self._random.random(out=sample.numpy(), dtype=_NUMPY[sample.dtype])
        return sample.lt_(mean)

    def _centre(
        self, n: int, last: int, visible_mean: Tensor, visible_bias: Tensor, hidden_bias: Tensor
    ) -> tuple[int, Tensor, Tensor]:
        """Append two rows that centre the product, and centre the biases' gradients."""
        hidden_mean = self._hidden[:n].sum(0)
        mu, lam = self._offsets or (visible_mean, hidden_mean)
        # dW' = dW - db lambda^T - mu dc^T, see Centred
        self._visible[last], self._hidden[last] = visible_bias, -lam
        self._visible[last + 1], self._hidden[last + 1] = mu, -hidden_bias
        last += 2
        visible, hidden = self._visible[:last], self._hidden[:last]
        assert self.offset_rate is not None
        self._offsets = (
            torch.lerp(mu, visible_mean, self.offset_rate),
            torch.lerp(lam, hidden_mean, self.offset_rate),
        )
        # dW' lambda and dW'^T mu without dW'
        return (
            last,
            visible_bias - visible.T @ (hidden @ lam),
            hidden_bias - hidden.T @ (visible @ mu),
        )


def train_fast(
    model: RBM,
    visible: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: Schedule = constant,
    steps: int = 1,
    persistent: bool = False,
    offset_rate: float | None = None,
    weight_decay: float = 0.0,
    precision: str = "highest",
    monitor: Monitor | None = None,
    monitor_every: int = 1,
    generator: torch.Generator | None = None,
) -> History:
    """``train`` for a Bernoulli RBM on a CPU, with ``FastTrainer``'s steps.

    Parameters
    ----------
    model, steps, persistent, offset_rate, weight_decay, precision
        As for ``FastTrainer``.
    visible, epochs, batch_size, learning_rate, schedule, monitor, monitor_every
        As for ``train``.
    generator : torch.Generator, optional
        For the order of the examples and all samples; the global one if not given.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteError, ValueError, TypeError
        As ``train`` and ``FastTrainer`` do.
    """
    model.check_visible(visible)
    check_count("example in a batch", batch_size)
    trainer = FastTrainer(
        model,
        batch_size,
        steps=steps,
        persistent=persistent,
        offset_rate=offset_rate,
        weight_decay=weight_decay,
        precision=precision,
        generator=generator,
    )
    return loop(
        lambda batch, done: trainer.step(batch, learning_rate * schedule(done)),
        Minibatches(visible, batch_size=batch_size, generator=generator),
        epochs=epochs,
        monitor=None if monitor is None else lambda: monitor(model),
        monitor_every=monitor_every,
    )
