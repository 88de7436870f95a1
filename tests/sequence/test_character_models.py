import math

import pytest
import torch

from deepbook.sequence import CharacterModel, CharacterTransformer, next_symbol_loss
from deepbook.training import CarriedState, Descent, Segment, StreamBatches, loop


def seeded(n):
    return torch.Generator().manual_seed(n)


def symbols(*shape, most=7, seed=0):
    return torch.randint(most, shape, generator=seeded(seed))


def model(kind):
    torch.manual_seed(0)
    if kind == "transformer":
        return CharacterTransformer(7, 12, heads=2, context=24).double()
    return CharacterModel(7, 5, embedding_size=3, cell=kind, layers=2).double()


KINDS = ["rnn", "lstm", "gru", "transformer"]


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_what_comes_later_changes_nothing_before_it(kind):
    net, read = model(kind).eval(), symbols(2, 12)
    logits, _ = net(read)
    assert logits.shape == (2, 12, 7)
    for t in (0, 5, 11):
        other = read.clone()
        other[:, t] = (other[:, t] + 1) % 7
        changed, _ = net(other)
        torch.testing.assert_close(changed[:, :t], logits[:, :t])
        assert not torch.allclose(changed[:, t], logits[:, t])


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_two_pieces_with_the_state_between_are_one(kind):
    net, read = model(kind).eval(), symbols(3, 12)
    whole, _ = net(read)
    first, state = net(read[:, :7])
    second, _ = net(read[:, 7:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    assert not torch.allclose(net(read[:, 7:])[0], second)


def test_the_recurrent_one_is_torchs_layer_between_a_table_and_a_linear_map():
    net, read = model("gru"), symbols(2, 4)
    x = torch.nn.functional.one_hot(read, 7).double() @ net.embedding.weight
    hidden, _ = net.recurrent(x)
    torch.testing.assert_close(net(read)[0], hidden @ net.output.weight.T + net.output.bias)


def test_the_transformer_forgets_what_lies_more_than_half_a_context_back():
    net = model("transformer")
    _, state = net(symbols(2, 20))
    assert torch.equal(state, symbols(2, 20)[:, -12:])
    with pytest.raises(ValueError, match="at most 24 symbols at once, got 25"):
        net(symbols(2, 13), state)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_predicts_fresh_uniform_symbols(kind):
    # trained on a small text, and judged on symbols that are independent of all: ln V at best
    torch.manual_seed(0)
    net = model(kind).float()
    train(net, kind, symbols(400, seed=1))
    loss = fresh_loss(net)
    assert math.log(7) - 0.03 < loss


def test_without_its_mask_the_transformer_reads_what_it_should_predict():
    torch.manual_seed(0)
    net = CharacterTransformer(7, 12, heads=2, context=16, causal=False)
    train(net, "transformer", symbols(3000, seed=1), epochs=12)
    assert fresh_loss(net) < math.log(7) - 0.3


def train(net, kind, text, epochs=3):
    def fresh(model, batch):
        return next_symbol_loss(model, batch)[0]

    loss = fresh if kind == "transformer" else CarriedState(next_symbol_loss)
    step = Descent(net, loss, torch.optim.Adam(net.parameters(), 0.01))
    loop(step, StreamBatches(text, batch_size=4, length=16), epochs=epochs)


@torch.no_grad()
def fresh_loss(net):
    new = symbols(200, 17, seed=5)
    batch = Segment(new[:, :-1], new[:, 1:], True)
    return next_symbol_loss(net.eval(), batch)[0].item()


def test_a_state_that_is_carried_tells_what_a_piece_alone_cannot():
    # 0 and 1 by the first symbol of the strand, seen once; then a piece of nothing but 2
    torch.manual_seed(0)
    net = CharacterModel(3, 8)
    first = torch.tensor([[0, 2], [1, 2]])
    pieces = [Segment(first, torch.tensor([[2, 2], [2, 2]]), True)]
    pieces.append(Segment(torch.tensor([[2, 2]] * 2), torch.tensor([[2, 0], [2, 1]]), False))
    step = Descent(net, CarriedState(next_symbol_loss), torch.optim.Adam(net.parameters(), 0.03))
    loop(step, pieces, epochs=60)
    _, state = next_symbol_loss(net, pieces[0])
    assert next_symbol_loss(net, pieces[1], state)[0] < 0.1
    # without it, one of the two is wrong
    assert next_symbol_loss(net, pieces[1])[0] > math.log(2) / 2 - 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CharacterModel(0, 4), "sizes of at least 1, got 0, 4, 32 and 1"),
        (lambda: CharacterModel(4, 4, cell="cfg"), "a cell among rnn, lstm, gru, got 'cfg'"),
        (lambda: CharacterTransformer(4, 10), "a width that the heads divide"),
        (lambda: CharacterTransformer(4, 8, context=1), "a context of at least 2"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
