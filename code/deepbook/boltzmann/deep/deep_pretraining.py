"""A deep Boltzmann machine from two restricted ones that were trained with doubled layers."""

import torch

from deepbook.boltzmann.deep.copied_rbm import CopiedRBM
from deepbook.boltzmann.deep.deep_boltzmann import DBM

__all__ = ["dbm_from_rbms"]


@torch.no_grad()
def dbm_from_rbms(first: CopiedRBM, second: CopiedRBM, *, sweeps: int = 10) -> DBM:
    """Put two machines together to a deep one (Salakhutdinov and Hinton 2009, section 3.1).

    With two copies of v the first machine's ``log p*(h1)`` says everything about v twice, the
    second's everything about h2. Half of each is what the deep machine has: its ``p(h1)`` is the
    geometric mean of theirs, exactly. So the first hidden biases are averaged.

    Parameters
    ----------
    first : CopiedRBM
        With two visible copies and one hidden.
    second : CopiedRBM
        With one visible copy, as large as the first's hidden layer, and two hidden copies;
        trained on ``first.recognise(data)``.
    sweeps : int
        Of the deep machine.

    Raises
    ------
    ValueError
        If copies or sizes are not these.
    """
    copies = [(m.visible_copies, m.hidden_copies) for m in (first, second)]
    if copies != [(2, 1), (1, 2)] or first.hidden_size != second.visible_size:
        raise ValueError(
            "expected copies (2, 1) and (1, 2), and a second machine on the first's hidden units, "
            f"got {copies}, {second.visible_size} visible on {first.hidden_size} hidden units"
        )
    sizes = (first.visible_size, first.hidden_size, second.hidden_size)
    result = DBM(sizes, sweeps=sweeps, device=first.device, dtype=first.dtype)
    result.weights[0].copy_(first.weight)
    result.weights[1].copy_(second.weight)
    result.biases[0].copy_(first.visible_bias)
    result.biases[1].copy_((first.hidden_bias + second.visible_bias) / 2)
    result.biases[2].copy_(second.hidden_bias)
    return result
