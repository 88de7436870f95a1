"""How many times slower than torch's our im2col convolution is, forward and backward.

Two layers of the size that the chapter's networks have, 50 pictures each, one thread; and the
same with zeros around the picture. Ten passes of ours and ten of torch's take turns, and what
counts is the median of the processor time of all. The first layer's pictures need no gradient, as
in training. Ends with an error if one without zeros is more than 3 times slower. Writes the
record ``im2col`` of chapter ``convolution``.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from recording import Row, content, write
from torch import Tensor
from torch.nn import functional

from deepbook.convolution import conv2d

COMMAND = "python benchmarks/convolution.py"
EXAMPLES, KERNEL, MOST = 50, 5, 3.0
# channels in, size, channels out
LAYERS = [(1, 28, 16), (16, 14, 32)]


def main() -> int:
    """Measure, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it run? writes nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for channels, size, outputs in LAYERS:
        for padding in (0, 2):
            ours, theirs = times(channels, size, outputs, padding, 1 if options.quick else 20)
            rows.append(
                {
                    "layer": f"{channels} × {size} × {size} to {outputs} channels",
                    "padding": float(padding),
                    "ours / torch": round(ours / theirs, 2),
                    "torch, ms": round(1000 * theirs, 2),
                }
            )
            print(rows[-1], flush=True)
    if options.quick:
        return 0
    title = "im2col beside torch, forward and backward, 50 pictures, one thread"
    write("convolution", content("im2col", title, rows, COMMAND))
    return int(any(float(row["ours / torch"] or 0) > MOST for row in rows if row["padding"] == 0))


def times(channels: int, size: int, outputs: int, padding: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a forward and a backward pass, ours and torch's."""
    x = torch.randn(EXAMPLES, channels, size, size, requires_grad=channels > 1)
    weight = torch.randn(outputs, channels, KERNEL, KERNEL, requires_grad=True)
    bias = torch.zeros(outputs, requires_grad=True)

    def seconds(layer: Callable[..., Tensor]) -> float:
        start = time.process_time()
        out = layer(x, weight, bias, padding=padding)
        out.backward(torch.ones_like(out))
        return time.process_time() - start

    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for layer, kept in ((conv2d, ours), (functional.conv2d, theirs)):
            # the first passes find the other's numbers in the cache
            kept += [seconds(layer) for _ in range(12)][2:]
    return statistics.median(ours), statistics.median(theirs)


if __name__ == "__main__":
    sys.exit(main())
