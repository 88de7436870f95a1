import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.convolution import (
    output_size,
    padding_sizes,
    receptive_field,
    same_padding,
    transposed_output_size,
)

SETTINGS = {
    "n": st.integers(1, 12),
    "kernel": st.integers(1, 5),
    "stride": st.integers(1, 4),
    "dilation": st.integers(1, 3),
}


@given(**SETTINGS, padding=st.integers(0, 4))
def test_as_many_outputs_as_torch_has(n, kernel, stride, dilation, padding):
    x = torch.zeros(1, 1, n)
    if n + 2 * padding < dilation * (kernel - 1) + 1:
        with pytest.raises(ValueError, match=f"with its padding, got {n + 2 * padding}"):
            output_size(n, kernel, stride, padding, dilation)
    else:
        theirs = nn.Conv1d(1, 1, kernel, stride, padding, dilation)(x).shape[-1]
        assert output_size(n, kernel, stride, padding, dilation) == theirs


@given(**SETTINGS, padding=st.integers(0, 2), extra=st.integers(0, 3))
def test_as_many_transposed_outputs_as_torch_has(n, kernel, stride, dilation, padding, extra):
    settings = (kernel, stride, padding, extra, dilation)
    layer = nn.ConvTranspose1d(1, 1, kernel, stride, padding, extra, dilation=dilation)
    try:
        theirs = layer(torch.zeros(1, 1, n)).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="expected an output"):
            transposed_output_size(n, *settings)
    else:
        assert transposed_output_size(n, *settings) == theirs
        # a convolution goes back to n, unless the output padding makes room for one place more
        back = output_size(theirs, kernel, stride, padding, dilation)
        assert back == n + extra // stride


def test_dilation_counts_in_the_transposed_size():
    assert transposed_output_size(10, kernel=3, dilation=2) == 14


@pytest.mark.parametrize(
    ("n", "stride", "pads", "outputs"),
    [(6, 2, (0, 1), 3), (5, 2, (1, 1), 3), (6, 1, (1, 1), 6), (7, 3, (1, 1), 3), (2, 4, (0, 1), 1)],
)
def test_same_padding_is_not_always_symmetric(n, stride, pads, outputs):
    assert same_padding(n, 3, stride) == pads
    assert output_size(n, 3, stride, "same") == output_size(n, 3, stride, pads) == outputs


@given(**SETTINGS)
def test_same_gives_an_output_for_each_stride_and_pads_no_more_than_it_must(
    n, kernel, stride, dilation
):
    before, after = same_padding(n, kernel, stride, dilation)
    assert output_size(n, kernel, stride, "same", dilation) == -(-n // stride)
    assert output_size(n, kernel, stride, "circular", dilation) == -(-n // stride)
    assert after - before in (0, 1)
    fewer = n + before + after - 1 >= dilation * (kernel - 1) + 1 and before + after > 0
    if fewer:
        less = (before, after - 1) if after > before else (before - 1, after)
        assert output_size(n, kernel, stride, less, dilation) < -(-n // stride)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@given(n=st.integers(1, 9), kernel=st.integers(1, 5), dilation=st.integers(1, 3))
def test_same_is_torchs_with_stride_1(n, kernel, dilation):
    # where the only weight that is not 0 stands first, the output starts with the padding
    layer = nn.Conv1d(1, 1, kernel, dilation=dilation, padding="same", bias=False)
    with torch.no_grad():
        layer.weight.zero_()[0, 0, 0] = 1
        out = layer(torch.ones(1, 1, n))
    before = padding_sizes("same", n, kernel, dilation=dilation)[0]
    assert int((out == 0).sum()) == min(before, n)


def test_names_of_padding():
    assert padding_sizes("valid", 9, 4) == padding_sizes(0, 9, 4) == (0, 0)
    assert padding_sizes("full", 9, 4) == (3, 3)
    assert padding_sizes("full", 9, 3, dilation=2) == (4, 4)
    assert padding_sizes("same", 9, 4) == padding_sizes("circular", 9, 4) == (1, 2)
    assert padding_sizes((2, 0), 9, 4) == (2, 0)


LAYER = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))


@given(st.lists(LAYER, max_size=3))
def test_the_receptive_field_is_where_a_gradient_arrives(layers):
    size, step = receptive_field(layers)
    x = torch.zeros(1, 1, size + step, requires_grad=True)
    out = x
    for kernel, stride, dilation in layers:
        out = nn.functional.conv1d(out, torch.ones(1, 1, kernel), stride=stride, dilation=dilation)
    assert out.shape[-1] == 2
    for place in range(2):
        (seen,) = torch.autograd.grad(out[0, 0, place], x, retain_graph=True)
        met = seen[0, 0].nonzero().flatten()
        assert int(met[0]) == place * step
        assert int(met[-1]) == place * step + size - 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: output_size(0, 3), "an input size of at least 1, got 0"),
        (lambda: output_size(5, 0), "a kernel size of at least 1, got 0"),
        (lambda: output_size(5, 3, 0), "a stride of at least 1, got 0"),
        (lambda: output_size(5, 3, 1, -1), "a padding of at least 0, got -1"),
        (lambda: output_size(5, 3, 1, (0, -1)), "a padding of at least 0, got -1"),
        (lambda: output_size(5, 3, 1, 0, 0), "a dilation of at least 1, got 0"),
        (lambda: output_size(5, 3, padding="reflect"), "among valid.*got 'reflect'"),
        (lambda: padding_sizes((1, 2, 3), 5, 3), "one after, got"),
        (lambda: output_size(4, 3, dilation=2), "at least 5 with its padding, got 4"),
        (lambda: transposed_output_size(4, 3, padding="same"), "an int or a pair, got 'same'"),
        (lambda: transposed_output_size(4, 3, 2, 0, -1), "an output padding of at least 0"),
        (lambda: transposed_output_size(4, 3, 2, 0, 2), "below 2, the larger of.*got 2"),
        (lambda: transposed_output_size(1, 3, 1, 2), "an output of at least 1, got -1"),
        (lambda: receptive_field([(3, 0, 1)]), "a stride of at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
