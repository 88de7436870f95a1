"""Attention with several heads, each with its own queries, keys and values."""

from torch import Tensor, nn

from deepbook.sequence.attention_scores import scaled_dot_product_attention

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(nn.Module):
    """Several attentions side by side in smaller spaces (Vaswani et al. 2017, section 3.2.2).

    With the same weights it gives what ``torch.nn.MultiheadAttention`` gives, which stacks those
    of ``query``, ``key`` and ``value`` into one matrix. Its masks are true where one may *not*
    look; here they are true where one may.

    Parameters
    ----------
    size : int
        Of inputs and outputs.
    heads : int
        Each has ``size / heads`` features.

    Raises
    ------
    ValueError
        If ``size`` is no multiple of ``heads``.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or size % heads:
            raise ValueError(f"expected a size that {heads} heads divide, got {size}")
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Each place of ``x`` looks at ``memory``, or, in self-attention, at ``x``.

        Parameters
        ----------
        x : Tensor, shape (N, queries, size)
        memory : Tensor, shape (N, places, size), optional
        mask : Tensor of bool, optional
            Broadcasts to (N, queries, places): ``causal_mask(n)``, or ``there[:, None]``.

        Returns
        -------
        Tensor, shape (N, queries, size), and weights, shape (N, heads, queries, places)
        """
        memory = x if memory is None else memory
        query, key, value = (
            self._split(project(part))
            for project, part in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        if mask is not None:
            mask = mask.expand(len(x), query.shape[2], key.shape[2])[:, None]
        found, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.out(found.transpose(1, 2).flatten(2)), weights

    def _split(self, x: Tensor) -> Tensor:
        """From (N, places, size) to (N, heads, places, size / heads)."""
        split: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return split
