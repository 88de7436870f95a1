import pytest
import torch
from torch import nn

from deepbook.sequence import MultiHeadAttention, causal_mask


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def twins(size, heads):
    """Ours, and torch's with the same weights."""
    torch.manual_seed(1)
    ours = MultiHeadAttention(size, heads).double()
    theirs = nn.MultiheadAttention(size, heads, batch_first=True).double()
    projections = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    return ours, theirs


@pytest.mark.parametrize(("size", "heads"), [(6, 1), (6, 3), (4, 4)])
def test_it_is_torchs_with_the_same_weights_and_so_are_all_gradients(size, heads):
    ours, theirs = twins(size, heads)
    x, memory = draw(2, 3, size, seed=2), draw(2, 5, size, seed=3)
    inputs = [(x.clone().requires_grad_(), memory.clone().requires_grad_()) for _ in range(2)]
    there = torch.arange(5) < torch.tensor([[5], [2]])
    found, weights = ours(*inputs[0], there[:, None])
    a, b = inputs[1]
    expected, their_weights = theirs(a, b, b, key_padding_mask=~there, average_attn_weights=False)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weights, their_weights)
    found.square().sum().backward()
    expected.square().sum().backward()
    for our, their in zip(*inputs, strict=True):
        torch.testing.assert_close(our.grad, their.grad)
    stacked = torch.cat([p.weight.grad for p in (ours.query, ours.key, ours.value)])
    torch.testing.assert_close(stacked, theirs.in_proj_weight.grad)
    stacked = torch.cat([p.bias.grad for p in (ours.query, ours.key, ours.value)])
    torch.testing.assert_close(stacked, theirs.in_proj_bias.grad)
    torch.testing.assert_close(ours.out.weight.grad, theirs.out_proj.weight.grad)
    torch.testing.assert_close(ours.out.bias.grad, theirs.out_proj.bias.grad)


def test_causal_self_attention_is_torchs():
    ours, theirs = twins(6, 2)
    x, mask = draw(2, 4, 6), causal_mask(4)
    expected, _ = theirs(x, x, x, attn_mask=~mask)
    torch.testing.assert_close(ours(x, mask=mask)[0], expected)


def test_with_a_causal_mask_a_place_hears_of_nothing_that_comes_later():
    ours, _ = twins(6, 2)
    x = draw(1, 5, 6)
    before = ours(x, mask=causal_mask(5))[0]
    for t in range(5):
        changed = x.clone()
        changed[:, t] += 1
        after = ours(changed, mask=causal_mask(5))[0]
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.isclose(after[:, t:], before[:, t:]).all(-1).any()


def test_without_positions_a_permuted_sequence_gives_permuted_outputs():
    ours, _ = twins(6, 2)
    x, order = draw(1, 5, 6), torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(ours(x[:, order])[0], ours(x)[0][:, order])


def test_heads_have_to_divide_the_size():
    for heads in (0, 4):
        with pytest.raises(ValueError, match=f"expected a size that {heads} heads divide, got 6"):
            MultiHeadAttention(6, heads)
