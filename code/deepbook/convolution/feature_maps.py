"""What the layers of a network give out for a picture."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["layer_outputs"]


def layer_outputs(model: nn.Module, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The outputs of named layers for some pictures: the feature maps of a convolutional network.

    The network is read in evaluation mode, without gradients, and left as it was, also if it
    raises an error.

    Parameters
    ----------
    model : nn.Module
    images : Tensor
        What the network takes.
    layers : sequence of str
        Names as ``model.named_modules()`` has them, such as ``conv1`` or ``blocks.0.conv2``.

    Returns
    -------
    dict of str to Tensor
        In the order of ``layers``; a convolution's output has the shape (N, maps, height, width).
        A layer that is called more than once gives what it gave last. Each tensor has memory of
        its own: no layer that works in place has changed it.

    Raises
    ------
    ValueError
        If no layer is named, the network has none of this name, or it did not call it.
    """
    modules = dict(model.named_modules())
    unknown = [name for name in layers if name not in modules or not name]
    if unknown or not layers:
        raise ValueError(
            f"expected names among {', '.join(name for name in modules if name)}, "
            f"got {', '.join(map(repr, unknown)) or 'none'}"
        )
    outputs: dict[str, Tensor] = {}
    with _recording({name: modules[name] for name in layers}, outputs), evaluating(model):
        model(images)
    missing = [name for name in layers if name not in outputs]
    if missing:
        raise ValueError(f"expected layers that the network calls, got {', '.join(missing)}")
    return {name: outputs[name] for name in layers}


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; then every module has its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _recording(modules: dict[str, nn.Module], outputs: dict[str, Tensor]) -> Iterator[None]:
    def recorder(name: str) -> Any:
        def record(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            # a copy: an in-place ReLU behind it would write over it
            outputs[name] = output.clone()

        return record

    handles = [module.register_forward_hook(recorder(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
