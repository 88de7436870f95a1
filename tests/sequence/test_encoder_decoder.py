import itertools

import pytest
import torch

from deepbook.sequence import EncoderDecoder, FixedContext, Vocabulary, sequence_loss, shifted
from deepbook.training import pad

KINDS = ("fixed", "additive", "dot")
SOURCE = pad([torch.tensor([3, 4, 5]), torch.tensor([5, 3])])
TARGETS = torch.tensor([[3, 4, 4, 2], [5, 2, 0, 0]])


def small(kind, target_size=6, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return EncoderDecoder(
        6, target_size, 4, 6, context=kind, generator=generator, **options
    ).double()


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_the_probabilities_of_all_outputs_sum_to_one(kind):
    longest, model = 4, small(kind, target_size=5)
    outputs = []
    for length in range(longest + 1):
        for symbols in itertools.product((3, 4), repeat=length):
            # those that are cut have no end
            end = [Vocabulary.END] if length < longest else []
            outputs.append(torch.tensor([*symbols, *end]))
    targets = pad(outputs).values
    assert len(targets) == 2**5 - 1
    with torch.no_grad():
        p = model.log_probability(pad([torch.tensor([3, 5])] * len(targets)), targets).exp()
    torch.testing.assert_close(p.sum(), torch.tensor(1.0, dtype=torch.float64))
    assert p.min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_neighbours_in_the_batch_change_nothing(kind):
    model = small(kind)
    both = model.log_probability(SOURCE, TARGETS)
    alone = model.log_probability(pad([torch.tensor([5, 3])]), torch.tensor([[5, 2]]))
    torch.testing.assert_close(both[1:], alone)
    # what stands in the padding of the source
    changed = pad([torch.tensor([3, 4, 5]), torch.tensor([5, 3])])
    changed.values[1, 2] = 4
    torch.testing.assert_close(model.log_probability(changed, TARGETS), both)


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_of_a_target_knows_only_those_before_it(kind):
    model = small(kind)
    before = model(SOURCE, TARGETS)
    for t in range(4):
        changed = TARGETS.clone()
        changed[0, t] = 5
        after = model(SOURCE, changed)
        assert torch.equal(after[0, : t + 1], before[0, : t + 1])
        assert t == 3 or not torch.equal(after[0, t + 1], before[0, t + 1])


@pytest.mark.parametrize("kind", KINDS)
def test_steps_give_what_teacher_forcing_gives(kind):
    model = small(kind)
    memory, last = model.encode(SOURCE), torch.full((2,), Vocabulary.BEGIN)
    expected = model(SOURCE, TARGETS).log_softmax(-1)
    all_weights = model.decode(model.encode(SOURCE), shifted(TARGETS))[1]
    for t in range(4):
        log_p, memory, weights = model.step(last, memory)
        torch.testing.assert_close(log_p, expected[:, t])
        torch.testing.assert_close(weights, all_weights[:, t])
        last = TARGETS[:, t]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_sum_of_its_equations(kind):
    # one source, and a decoder unrolled by torch's cell
    model, source = small(kind), pad([torch.tensor([3, 4, 5])])
    embedded = model.read(source.values)
    cells = []
    for suffix, places in (("", (0, 1, 2)), ("_reverse", (2, 1, 0))):
        state, states = torch.zeros(1, 3, dtype=torch.float64), {}
        weights = [
            getattr(model.encoder, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        for place in places:
            state = torch.gru_cell(embedded[:, place], state, *weights)
            states[place] = state
        cells.append(states)
    h = [torch.cat([cells[0][i], cells[1][i]], 1) for i in range(3)]
    fixed = torch.cat([cells[0][2], cells[1][0]], 1)
    s = torch.tanh(model.first_state(fixed))
    weights = [getattr(model.decoder, f"{n}_l0") for n in ("weight_ih", "weight_hh")]
    biases = [getattr(model.decoder, f"{n}_l0") for n in ("bias_ih", "bias_hh")]
    expected = []
    for written in shifted(TARGETS[:1])[0]:
        s = torch.gru_cell(model.written(written)[None], s, *weights, *biases)
        attended = model.context(s[:, None], torch.stack(h, 1))[0][:, 0]
        c = fixed if kind == "fixed" else attended
        expected.append(model.logits(torch.tanh(model.mix(torch.cat([s, c], 1)))))
    found = model(source, TARGETS[:1])
    torch.testing.assert_close(found[0, :, 2:], torch.cat(expected))
    assert (found[..., :2] == -torch.inf).all()


def test_the_fixed_context_is_the_last_state_of_each_direction():
    memory = draw(2, 4, 6)
    mask = torch.arange(4) < torch.tensor([[4], [2]])
    context, weights = FixedContext()(draw(2, 3, 6), memory, mask)
    assert context.shape == (2, 3, 6)
    assert torch.equal(context[1, 0], torch.cat([memory[1, 1, :3], memory[1, 0, 3:]]))
    assert torch.equal(context[:, 0], context[:, 2])
    assert weights[:, 0].tolist() == [[0.5, 0, 0, 0.5], [0.5, 0.5, 0, 0]]
    whole = FixedContext()(draw(2, 3, 6), memory)[0]
    assert torch.equal(whole[1, 0], torch.cat([memory[1, 3, :3], memory[1, 0, 3:]]))


def test_the_loss_is_the_mean_over_symbols_without_padding():
    model = small("dot")
    loss = sequence_loss(model(SOURCE, TARGETS), TARGETS)
    torch.testing.assert_close(loss, -model.log_probability(SOURCE, TARGETS).sum() / 6)
    smoothed = sequence_loss(model(SOURCE, TARGETS), TARGETS, smoothing=0.1)
    assert smoothed.isfinite()
    assert smoothed != loss


def test_fresh_targets_cost_at_least_their_entropy():
    # a leak of the target would be seen here: an untrained network cannot know it
    targets = torch.randint(3, 6, (200, 5), generator=torch.Generator().manual_seed(0))
    source = pad([torch.tensor([3, 4])] * 200)
    for kind in KINDS:
        assert sequence_loss(small(kind)(source, targets), targets) > 1.0


def test_shifted_targets_begin_with_the_beginning():
    assert shifted(TARGETS).tolist() == [[1, 3, 4, 4], [1, 5, 2, 0]]


def test_a_seed_draws_the_same_weights_and_dropout_is_for_training():
    one, other = small("additive", dropout=0.5), small("additive")
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one(SOURCE, TARGETS), other(SOURCE, TARGETS))
    assert torch.equal(one.eval()(SOURCE, TARGETS), other(SOURCE, TARGETS))
    torch.manual_seed(0)
    a = EncoderDecoder(6, 6)
    torch.manual_seed(0)
    b = EncoderDecoder(6, 6)
    assert all(map(torch.equal, a.parameters(), b.parameters()))


def test_what_cannot_be_is_refused():
    for size in (5, 0):
        with pytest.raises(ValueError, match=f"expected an even hidden size, got {size}"):
            EncoderDecoder(6, 6, 4, size)
    with pytest.raises(ValueError, match="expected a context fixed, additive or dot, got 'soft'"):
        EncoderDecoder(6, 6, context="soft")
