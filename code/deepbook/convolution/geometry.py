"""The arithmetic of convolution: how many places come out, and what they see."""

from collections.abc import Iterable

__all__ = [
    "Padding",
    "output_size",
    "padding_sizes",
    "receptive_field",
    "same_padding",
    "transposed_output_size",
]

# a number on either side, a pair (before, after), or a name
Padding = int | tuple[int, int] | str
_NAMES = ("valid", "same", "full", "circular")


def output_size(
    n: int, kernel: int, stride: int = 1, padding: Padding = 0, dilation: int = 1
) -> int:
    """At how many places a kernel fits on one dimension.

    Parameters
    ----------
    n : int
        Size of the input.
    kernel, stride, dilation : int
        At least 1 each.
    padding : int, pair (before, after), or "valid", "same", "full", "circular"
        As :func:`padding_sizes` takes it.

    Raises
    ------
    ValueError
        If a number is out of range, or the kernel fits nowhere.

    Examples
    --------
    >>> from deepbook.convolution import output_size
    >>> output_size(28, kernel=5, stride=2, padding=2)
    14
    """
    before, after = padding_sizes(padding, n, kernel, stride, dilation)
    room = n + before + after - _span(kernel, dilation)
    if room < 0:
        raise ValueError(
            f"expected an input of at least {_span(kernel, dilation)} with its padding, "
            f"got {n + before + after}"
        )
    return room // stride + 1


def transposed_output_size(
    n: int,
    kernel: int,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Size of what a transposed convolution gives for an input of size ``n``.

    Of all the sizes that a convolution turns into ``n`` it is the smallest, plus
    ``output_padding``. Below the stride this chooses among those sizes; torch allows it below the
    larger of stride and dilation, and so do we.

    Raises
    ------
    ValueError
        If a number is out of range, or nothing is left.

    Examples
    --------
    >>> from deepbook.convolution import transposed_output_size
    >>> transposed_output_size(10, kernel=3, dilation=2)
    14
    """
    if isinstance(padding, str):
        raise ValueError(f"expected a padding of an int or a pair, got {padding!r}")
    before, after = padding_sizes(padding, n, kernel, stride, dilation)
    _at_least(0, "an output padding", output_padding)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"expected an output padding below {max(stride, dilation)}, the larger of stride and "
            f"dilation, got {output_padding}"
        )
    size = (n - 1) * stride + _span(kernel, dilation) - before - after + output_padding
    if size < 1:
        raise ValueError(f"expected an output of at least 1, got {size}")
    return size


def same_padding(n: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after for ``ceil(n / stride)`` outputs; an odd one stands after.

    With the stride 1 it is what torch calls ``padding="same"``; with others TensorFlow's rule.

    Examples
    --------
    >>> from deepbook.convolution import same_padding
    >>> same_padding(6, kernel=3, stride=2)
    (0, 1)
    """
    _check(n, kernel, stride, dilation)
    outputs = -(-n // stride)
    total = max((outputs - 1) * stride + _span(kernel, dilation) - n, 0)
    return total // 2, total - total // 2


def padding_sizes(
    padding: Padding, n: int, kernel: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """How many places stand before and after one dimension of an input.

    Parameters
    ----------
    padding : int, pair (before, after), or str
        ``"valid"`` is none; ``"same"`` as :func:`same_padding` says; ``"full"`` so many that
        each input meets each weight; ``"circular"`` as many as ``"same"``, filled from the other
        end of the input instead of with zeros.
    n, kernel, stride, dilation : int

    Raises
    ------
    ValueError
        If a number is out of range, or there is no such name.
    """
    _check(n, kernel, stride, dilation)
    if isinstance(padding, str):
        if padding not in _NAMES:
            raise ValueError(f"expected a padding among {', '.join(_NAMES)}, got {padding!r}")
        if padding == "valid":
            return 0, 0
        if padding == "full":
            return _span(kernel, dilation) - 1, _span(kernel, dilation) - 1
        return same_padding(n, kernel, stride, dilation)
    pair = (padding, padding) if isinstance(padding, int) else tuple(padding)
    if len(pair) != 2:
        raise ValueError(f"expected a padding before and one after, got {pair}")
    for size in pair:
        _at_least(0, "a padding", size)
    return pair


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> tuple[int, int]:
    """How many inputs in a row one output sees through several layers, and its step.

    Parameters
    ----------
    layers : iterable of (kernel, stride, dilation)
        From the input upwards, convolutions or poolings.

    Returns
    -------
    size, step : int
        ``size`` inputs; the next output's field starts ``step`` inputs further on.

    Examples
    --------
    >>> from deepbook.convolution import receptive_field
    >>> receptive_field([(3, 1, 1), (3, 1, 1)])  # two 3s see what a 5 sees
    (5, 1)
    """
    size, step = 1, 1
    for kernel, stride, dilation in layers:
        _check(1, kernel, stride, dilation)
        size += (_span(kernel, dilation) - 1) * step
        step *= stride
    return size, step


def _span(kernel: int, dilation: int) -> int:
    """From a kernel's first weight to its last."""
    return dilation * (kernel - 1) + 1


def _check(n: int, kernel: int, stride: int, dilation: int) -> None:
    for name, value in (
        ("an input size", n),
        ("a kernel size", kernel),
        ("a stride", stride),
        ("a dilation", dilation),
    ):
        _at_least(1, name, value)


def _at_least(least: int, what: str, value: int) -> None:
    if value < least:
        raise ValueError(f"expected {what} of at least {least}, got {value}")
