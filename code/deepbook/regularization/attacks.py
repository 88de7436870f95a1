"""Adversarial examples: FGSM and PGD as one attack."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from deepbook.regularization.checks import check_not_negative
from deepbook.regularization.draws import normal, uniform
from deepbook.regularization.norm_balls import check_norm, project_to_ball
from deepbook.training.counts import check_count
from deepbook.training.measures import check_examples, evaluating

__all__ = ["Attack", "fgsm", "pgd"]

Loss = Callable[..., Tensor]


@dataclass(frozen=True)
class Attack:
    """Steps up the loss, none of which leaves a ball around the input, or the box.

    Attributes
    ----------
    radius : float
        Of the ball, in the inputs' units: 0.1 of the way from white to black.
    norm : {"linf", "l2"}
        Of the ball. With "linf" a step follows the sign of the gradient, with "l2" its direction.
    steps : int
    step_size : float, optional
        Of each step, in the norm; the radius if not given.
    random_start : bool
        Whether it begins at a point drawn uniformly from the ball, and not at the input.
    restarts : int
        How often it begins anew. Of each example the worst end is kept: one that is misclassified,
        and among these the one with the greatest loss.
    box : (float, float) or None
        The smallest and the largest value that an input can have.

    Raises
    ------
    ValueError
        If a number is out of its range, the norm unknown, or there are restarts without a random
        start: they would all end in the same place.
    """

    radius: float
    norm: str = "linf"
    steps: int = 1
    step_size: float | None = None
    random_start: bool = False
    restarts: int = 1
    box: tuple[float, float] | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_not_negative("a radius", self.radius)
        check_norm(self.norm, ("linf", "l2"))
        check_count("step", self.steps)
        check_count("start", self.restarts)
        if self.step_size is not None:
            check_not_negative("a step size", self.step_size)
        if self.restarts > 1 and not self.random_start:
            raise ValueError(f"expected random starts for {self.restarts} restarts, got none")
        if self.box is not None and not self.box[0] < self.box[1]:
            raise ValueError(f"expected a box from a smaller to a larger value, got {self.box}")

    def __call__(
        self,
        model: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        *,
        loss: Loss = cross_entropy,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Inputs that the model finds harder, shape of ``inputs``.

        Parameters
        ----------
        model : torch.nn.Module
            Attacked in evaluation mode, and left in the mode and with the gradients it had.
        inputs : Tensor, shape (N, ...), floating point
        targets : Tensor, shape (N,)
            The *true* classes.
        loss : callable
            ``loss(outputs, targets, reduction="none")``, one number an example.
        generator : torch.Generator, optional
            For random starts; the global one if not given.

        Raises
        ------
        ValueError
            If an input lies outside of the box, or there are not as many targets as inputs.
        """
        check_examples(inputs, targets)
        self._check_box(inputs)
        inputs = inputs.detach()
        with evaluating(model):
            ends = []
            for _ in range(self.restarts):
                point = self._start(inputs, generator)
                for _ in range(self.steps):
                    point = self._step(model, inputs, point, targets, loss)
                ends.append(point)
            if len(ends) == 1:
                return ends[0]
            return _worst(model, torch.stack(ends), targets, loss)

    def _start(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.random_start:
            return inputs
        if self.norm == "linf":
            offset = uniform(inputs.shape, inputs, generator, low=-self.radius, high=self.radius)
        else:
            # uniform in a ball: the share of the volume within a radius goes with its power D
            directions = normal(inputs.shape, inputs, generator).flatten(1)
            lengths = uniform((len(inputs), 1), inputs, generator) ** (1 / directions.shape[1])
            offset = self.radius * lengths * _directions(directions)
            offset = offset.view(inputs.shape)
        return self._feasible(inputs, inputs + offset)

    def _step(
        self, model: nn.Module, inputs: Tensor, point: Tensor, targets: Tensor, loss: Loss
    ) -> Tensor:
        point = point.detach().requires_grad_()
        with torch.enable_grad():
            value = loss(model(point), targets, reduction="none").sum()
        # by autograd.grad: the model's own gradients are not touched
        (gradient,) = torch.autograd.grad(value, point)
        if self.norm == "linf":
            way = gradient.sign()
        else:
            way = _directions(gradient.flatten(1)).view(inputs.shape)
        size = self.radius if self.step_size is None else self.step_size
        return self._feasible(inputs, point.detach() + size * way)

    def _feasible(self, inputs: Tensor, point: Tensor) -> Tensor:
        """Back into the ball, then into the box: that only moves towards the input."""
        offset = project_to_ball((point - inputs).flatten(1), self.radius, self.norm)
        point = inputs + offset.view(inputs.shape)
        return point if self.box is None else point.clamp(*self.box)

    def _check_box(self, inputs: Tensor) -> None:
        if self.box is None:
            return
        low, high = inputs.aminmax()
        if not bool((low >= self.box[0]) & (high <= self.box[1])):
            raise ValueError(
                f"expected inputs in the box from {self.box[0]:g} to {self.box[1]:g}, got values "
                f"from {low.item():g} to {high.item():g}"
            )


def fgsm(
    radius: float, norm: str = "linf", *, box: tuple[float, float] | None = (0.0, 1.0)
) -> Attack:
    """The fast gradient sign method: one step as long as the radius (Goodfellow et al. 2015).

    Goodfellow et al. (2016), section 7.13: ``x + epsilon sign(grad_x J)``.
    """
    return Attack(radius, norm, box=box)


def pgd(
    radius: float,
    steps: int,
    norm: str = "linf",
    *,
    step_size: float | None = None,
    random_start: bool = True,
    restarts: int = 1,
    box: tuple[float, float] | None = (0.0, 1.0),
) -> Attack:
    """Projected gradient: several shorter steps from a random start (Madry et al. 2018).

    Without a step size, ``2.5 * radius / steps``: so the ball can be crossed, as in the paper.
    """
    check_count("step", steps)
    size = 2.5 * radius / steps if step_size is None else step_size
    return Attack(radius, norm, steps, size, random_start, restarts, box)


def _directions(flat: Tensor) -> Tensor:
    """Each row at length one; a row of zeros stays."""
    lengths = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    return flat / torch.where(lengths > 0, lengths, torch.ones_like(lengths))


@torch.no_grad()
def _worst(model: nn.Module, ends: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Of each example's ends, shape (restarts, N, ...), the worst."""
    outputs = [model(points) for points in ends]
    losses = torch.stack([loss(o, targets, reduction="none") for o in outputs])
    if not targets.is_floating_point():
        wrong = torch.stack([o.argmax(1) != targets for o in outputs])
        # where one end is misclassified, the others do not come into question
        losses = losses.where(wrong | ~wrong.any(0), torch.full_like(losses, -torch.inf))
    return ends[losses.argmax(0), torch.arange(len(targets), device=ends.device)]
