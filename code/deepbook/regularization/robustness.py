"""How a model stands attacks, and how it is trained to."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from deepbook.regularization.attacks import Attack, Loss
from deepbook.regularization.checks import check_probability
from deepbook.training.counts import check_count
from deepbook.training.measures import check_examples, evaluating

__all__ = ["adversarial_loss", "robust_accuracy"]


@torch.no_grad()
def robust_accuracy(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *attacks: Attack,
    batch_size: int = 1000,
    generator: torch.Generator | None = None,
) -> float:
    """Share of examples classified rightly as they are, and under every one of the attacks.

    An upper bound: a better attack may find what these did not. Parameters as for ``Attack``;
    without an attack it is the accuracy.
    """
    check_examples(inputs, targets)
    check_count("example in a batch", batch_size)
    right = 0
    with evaluating(model):
        for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
            stands = model(x).argmax(1) == y
            for attack in attacks:
                changed = attack(model, x, y, generator=generator)
                stands &= model(changed).argmax(1) == y
            right += int(stands.sum())
    return right / len(inputs)


def adversarial_loss(
    loss: Loss,
    attack: Attack,
    *,
    clean_share: float = 0.0,
    generator: torch.Generator | None = None,
) -> Callable[[Any, Any], Tensor]:
    """The loss of adversarial training, ``loss(model, batch)`` for ``deepbook.training.Descent``.

    Each minibatch is attacked as the model stands, and the model then trained on what came out:
    the best response to the worst case (Madry et al. 2018).

    Parameters
    ----------
    loss : callable
        ``loss(outputs, targets)``, a mean; torch's ``cross_entropy`` for one.
    attack : Attack
        Made with torch's cross-entropy.
    clean_share : float, between 0 and 1
        Weight of the loss on the inputs as they are: 0.5 in Goodfellow et al. (2015).
    generator : torch.Generator, optional
        For random starts; the global one if not given.
    """
    check_probability("a clean share", clean_share)

    def adversarial(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        changed = attack(model, inputs, targets, generator=generator)
        value = (1 - clean_share) * loss(model(changed), targets)
        return value + clean_share * loss(model(inputs), targets) if clean_share else value

    return adversarial
