"""The loss of a network as a function of one vector."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["FlatLoss"]


class FlatLoss:
    """A network's loss on given examples, as a function of all its parameters in one vector.

    What second-order methods, eigenvalues and slices ask for. The module is not changed: neither
    its parameters nor its buffers, also in training mode.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters that require a gradient, all of one dtype and device.
    loss : callable
        ``loss(outputs, targets)``, one number.
    inputs, targets : Tensor, shape (examples, ...)

    Attributes
    ----------
    vector : Tensor, shape (size,)
        The module's parameters when this was made, in the order of ``named_parameters``.
    names, shapes
        Of the parameters.

    Raises
    ------
    ValueError
        If there are no parameters, or they differ in dtype or device; by a call, if the vector
        has another shape.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        inputs: Tensor,
        targets: Tensor,
    ) -> None:
        self.model, self.loss, self.inputs, self.targets = model, loss, inputs, targets
        parameters = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
        kinds = {(str(p.dtype), str(p.device)) for p in parameters.values()}
        if len(kinds) != 1:
            raise ValueError(
                f"expected parameters of one dtype and device, got {sorted(kinds) or 'none'}"
            )
        self.names = tuple(parameters)
        self.shapes = tuple(p.shape for p in parameters.values())
        self.vector = torch.cat([p.reshape(-1) for p in parameters.values()])

    def __call__(self, vector: Tensor) -> Tensor:
        """The loss, shape (), of the parameters in ``vector``, shape (size,)."""
        return self.loss(self.outputs(vector), self.targets)

    def outputs(self, vector: Tensor, inputs: Tensor | None = None) -> Tensor:
        """The network's outputs for its own inputs, or for others."""
        # copies: batch normalisation would write into the buffers
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        x = self.inputs if inputs is None else inputs
        outputs: Tensor = functional_call(self.model, {**buffers, **self.split(vector)}, (x,))
        return outputs

    def split(self, vector: Tensor) -> dict[str, Tensor]:
        """Each parameter by its name, a view of the vector."""
        if vector.shape != self.vector.shape:
            raise ValueError(
                f"expected a vector of shape {tuple(self.vector.shape)}, got {tuple(vector.shape)}"
            )
        parts = vector.split([shape.numel() for shape in self.shapes])
        return {
            name: part.view(shape)
            for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    @torch.no_grad()
    def write(self, vector: Tensor) -> None:
        """Copy a vector into the module's parameters."""
        parameters = dict(self.model.named_parameters())
        for name, value in self.split(vector).items():
            parameters[name].copy_(value)
