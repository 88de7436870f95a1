import bz2
import lzma

import pytest
import torch

from deepbook.sequence import compressed_bits


@pytest.mark.parametrize("method", ["xz", "bz2"])
def test_random_symbols_cost_their_entropy_and_a_text_known_costs_little(method):
    text = torch.randint(256, (4000,), generator=torch.Generator().manual_seed(0))
    assert 8 <= compressed_bits(text, method) < 9
    known = compressed_bits(text, method, after=text)
    assert known < (0.2 if method == "xz" else 6)


def test_the_bits_are_the_growth_of_a_file():
    before = torch.tensor(list(b"a text that was read before, " * 20))
    text = torch.tensor(list(b"and the text that was read then"))
    packed = bytes(before.tolist()), bytes(torch.cat([before, text]).tolist())
    longer = len(bz2.compress(packed[1])) - len(bz2.compress(packed[0]))
    assert compressed_bits(text, "bz2", after=before) == 8 * longer / len(text)
    # xz without the head and the checksums of a file: a little less, differences nearly the same
    longer = len(lzma.compress(packed[1])) - len(lzma.compress(packed[0]))
    assert compressed_bits(text, "xz", after=before) == pytest.approx(8 * longer / len(text), abs=2)


def test_it_adapts_to_the_text_itself():
    piece = torch.randint(256, (500,), generator=torch.Generator().manual_seed(0))
    assert compressed_bits(piece.repeat(8), "xz") < 2


@pytest.mark.parametrize(
    ("text", "method", "message"),
    [
        ([1], "zip", "a method among xz, bz2, got 'zip'"),
        ([], "xz", "at least 1 symbol, got none"),
        ([3, 256], "xz", "symbols from 0 to 255, got from 3 to 256"),
        ([-1], "xz", "got from -1 to -1"),
    ],
)
def test_what_cannot_be_is_refused(text, method, message):
    with pytest.raises(ValueError, match=message):
        compressed_bits(torch.tensor(text), method)
