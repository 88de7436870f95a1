import pytest
import torch
from torch import nn

from deepbook.sequence import (
    Transformer,
    TransformerBlock,
    Vocabulary,
    causal_mask,
    sequence_loss,
    transduce,
)
from deepbook.training import pad


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def copy_attention(ours, theirs):
    projections = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
    theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())


@torch.no_grad()
def twins(*, cross, norm_first):
    """Our block, and torch's layer with the same weights."""
    torch.manual_seed(1)
    ours = TransformerBlock(6, 2, 9, cross=cross, norm_first=norm_first).double()
    kind = nn.TransformerDecoderLayer if cross else nn.TransformerEncoderLayer
    theirs = kind(6, 2, 9, 0.0, batch_first=True, norm_first=norm_first).double()
    copy_attention(ours.attention, theirs.self_attn)
    if cross:
        copy_attention(ours.cross, theirs.multihead_attn)
    theirs.linear1.load_state_dict(ours.network[0].state_dict())
    theirs.linear2.load_state_dict(ours.network[2].state_dict())
    for i, norm in enumerate(ours.norms):
        norm.weight.copy_(draw(6, seed=i))
        norm.bias.copy_(draw(6, seed=10 + i))
        getattr(theirs, f"norm{i + 1}").load_state_dict(norm.state_dict())
    return ours, theirs


def check_same_gradients(ours, theirs):
    for our, their in (
        (ours.network[0], theirs.linear1),
        (ours.network[2], theirs.linear2),
        (ours.attention.out, theirs.self_attn.out_proj),
        (ours.norms[0], theirs.norm1),
        (ours.norms[-1], theirs.norm3 if ours.cross is not None else theirs.norm2),
    ):
        torch.testing.assert_close(our.weight.grad, their.weight.grad)
        torch.testing.assert_close(our.bias.grad, their.bias.grad)


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_encoders_block_is_torchs_layer(norm_first):
    ours, theirs = twins(cross=False, norm_first=norm_first)
    x, y = (draw(2, 4, 6, seed=5).requires_grad_() for _ in range(2))
    there = torch.arange(4) < torch.tensor([[4], [3]])
    found = ours(x, there[:, None])[there]
    expected = theirs(y, src_key_padding_mask=~there)[there]
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    check_same_gradients(ours, theirs)


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_decoders_block_is_torchs_layer(norm_first):
    ours, theirs = twins(cross=True, norm_first=norm_first)
    x, y = (draw(2, 4, 6, seed=5).requires_grad_() for _ in range(2))
    memory = draw(2, 5, 6, seed=6)
    there, mask = torch.arange(5) < torch.tensor([[5], [2]]), causal_mask(4)
    found = ours(x, mask, memory, there[:, None])
    expected = theirs(y, memory, tgt_mask=~mask, memory_key_padding_mask=~there)
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    check_same_gradients(ours, theirs)


@pytest.mark.parametrize("cross", [True, False])
def test_with_sublayers_of_zero_pre_norm_is_the_identity_and_post_norm_normalises(cross):
    x, memory = draw(2, 3, 6), draw(2, 3, 6, seed=1) if cross else None
    for norm_first in (True, False):
        block = TransformerBlock(6, 2, 9, cross=cross, norm_first=norm_first).double()
        attentions = [block.attention, block.cross] if cross else [block.attention]
        for layer in [*(attention.out for attention in attentions), block.network[2]]:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        found = block(x, None, memory)
        if norm_first:
            assert torch.equal(found, x)
        else:
            torch.testing.assert_close(found.mean(-1), torch.zeros(2, 3, dtype=torch.float64))
            variances = found.var(-1, unbiased=False)
            torch.testing.assert_close(variances, torch.ones_like(variances), rtol=0, atol=1e-4)


def test_a_block_with_cross_attention_needs_a_memory_and_another_refuses_it():
    x = torch.zeros(1, 2, 4)
    with pytest.raises(ValueError, match="expected a memory, got none"):
        TransformerBlock(4, 1, 4, cross=True)(x)
    with pytest.raises(ValueError, match="expected no memory, got one"):
        TransformerBlock(4, 1, 4)(x, None, x)


@pytest.fixture
def small():
    generator = torch.Generator().manual_seed(0)
    return Transformer(6, 7, size=8, heads=2, hidden_size=8, generator=generator).double()


SOURCE = pad([torch.tensor([3, 4, 5]), torch.tensor([5])])
TARGETS = torch.tensor([[3, 4, 6, 2], [5, 2, 0, 0]])


def test_later_targets_leave_earlier_scores_unchanged(small):
    before = small(SOURCE, TARGETS)
    for t in range(4):
        changed = TARGETS.clone()
        changed[0, t] = 5
        after = small(SOURCE, changed)
        # the score of target t itself must not know it either
        assert torch.equal(after[0, : t + 1], before[0, : t + 1])
        assert t == 3 or not torch.equal(after[0, t + 1], before[0, t + 1])


def test_padding_and_neighbours_in_the_batch_change_nothing(small):
    alone = small(pad([torch.tensor([5])]), TARGETS[1:, :2])
    torch.testing.assert_close(small(SOURCE, TARGETS)[1:, :2], alone)


def test_steps_give_what_teacher_forcing_gives(small):
    memory, last = small.encode(SOURCE), torch.full((2,), Vocabulary.BEGIN)
    expected = small(SOURCE, TARGETS).log_softmax(-1)
    for t in range(4):
        log_p, memory, weights = small.step(last, memory)
        torch.testing.assert_close(log_p, expected[:, t])
        assert weights is None
        last = TARGETS[:, t]


def test_without_positions_the_encoder_forgets_the_order():
    words = [torch.tensor([3, 4, 5]), torch.tensor([5, 3, 4])]
    for positions in (True, False):
        model = Transformer(6, 7, size=8, heads=2, hidden_size=8, positions=positions).double()
        one, other = (model(pad([word]), TARGETS[:1]) for word in words)
        assert torch.allclose(one, other) == (not positions)


def test_a_small_one_learns_to_copy(small):
    small.float()
    words = [torch.tensor([3, 4]), torch.tensor([4, 3]), torch.tensor([5, 5, 3])]
    targets = pad([torch.cat([word, torch.tensor([2])]) for word in words])
    optimizer = torch.optim.Adam(small.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss = sequence_loss(small(pad(words), targets.values), targets.values)
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    assert torch.equal(transduce(small, pad(words), longest=6), targets.values)
    assert torch.equal(transduce(small, pad(words), longest=6, width=3)[:, :4], targets.values)
