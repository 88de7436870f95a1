"""The arithmetic of convolution: which inputs feed which output."""

from matplotlib.figure import Figure

from deepbook.live.live_figure import LiveFigure

__all__ = ["ConvolutionArithmetic"]

# as RANGES in convolution_arithmetic.js
_RANGES = {
    "size": (1, 8),
    "kernel": (1, 5),
    "stride": (1, 3),
    "padding": (0, 4),
    "dilation": (1, 3),
}


class ConvolutionArithmetic(LiveFigure):
    """A square input, a square kernel, and the output cell that the reader points at.

    The reader sets all that follows, and sees which inputs feed the output, by which weights, and
    the formula of the shape (Goodfellow et al. 2016, section 9.5; Dumoulin and Visin 2016).

    Parameters
    ----------
    size : int
        Rows and columns of the input, 1 to 8.
    kernel : int
        Rows and columns of the kernel, 1 to 5.
    stride : int
        1 to 3.
    padding : int
        On each side, 0 to 4. A transposed convolution cuts it off its output.
    dilation : int
        1 to 3.
    transposed : bool
        All these as the figure shows them at first.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If a number is out of its range, or there is no output.
    """

    def __init__(
        self,
        *,
        fallback: Figure,
        alt: str,
        label: str = "The arithmetic of convolution",
        size: int = 5,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        transposed: bool = False,
    ) -> None:
        told: dict[str, int | bool] = {
            "size": size,
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
        }
        for name, (least, most) in _RANGES.items():
            if told[name] not in range(least, most + 1):
                raise ValueError(f"expected a {name} from {least} to {most}, got {told[name]}")
        span = dilation * (kernel - 1) + 1
        room = (size - 1) * stride + span - 2 * padding if transposed else size + 2 * padding - span
        if room < int(transposed):
            raise ValueError(f"expected settings with at least one output, got {told}")
        told["transposed"] = bool(transposed)
        super().__init__("convolution_arithmetic.js", told, fallback=fallback, alt=alt, label=label)
