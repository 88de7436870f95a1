import io
import json
import sys
import types
import zipfile
import zlib

import numpy as np
import pytest
import torch

from deepbook.data import PackageMissing, entry, mnist5k, mnist70k


def packed(**arrays):
    """The arrays in chunks of four, as in the real file, but for zlib in Blosc's place."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            chunk = (4, *array.shape[1:])
            about = {"shape": array.shape, "chunk_grid": {"configuration": {"chunk_shape": chunk}}}
            archive.writestr(f"{name}/zarr.json", json.dumps(about))
            filled = np.concatenate(
                [array, np.zeros((-len(array) % 4, *array.shape[1:]), np.uint8)]
            )
            for n, part in enumerate(np.split(filled, len(filled) // 4)):
                place = "/".join([f"{name}/c/{n}", *["0"] * (array.ndim - 1)])
                archive.writestr(place, zlib.compress(part.astype(np.uint8).tobytes()))
    return file.getvalue()


def test_chunks_are_put_together_and_what_fills_up_the_last_one_is_left_out(carried, monkeypatch):
    stand_in = types.ModuleType("numcodecs")
    stand_in.Blosc = lambda: types.SimpleNamespace(decode=zlib.decompress)
    monkeypatch.setitem(sys.modules, "numcodecs", stand_in)
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
    labels = np.arange(9, dtype=np.uint8)
    carried(
        "mnist-70k",
        packed(
            train_images=images,
            train_labels=labels,
            test_images=images[:4],
            test_labels=labels[:4],
        ),
    )
    digits = mnist70k()
    assert torch.equal((digits.train.images * 255).round().byte(), torch.from_numpy(images))
    assert torch.equal(digits.train.targets, torch.arange(9))
    assert (len(digits.train), len(digits.test)) == (9, 4)
    assert digits.test.class_names == tuple("0123456789")
    assert "LeCun" in digits.citation


def test_without_numcodecs_the_loader_says_what_brings_it_and_downloads_nothing(
    index, carried, monkeypatch
):
    carried("mnist-70k", b"")
    monkeypatch.setitem(sys.modules, "numcodecs", None)
    with pytest.raises(PackageMissing, match="python -m pip install numcodecs"):
        mnist70k()
    assert index.downloads == []


def test_all_of_mnist_is_for_benchmarks_alone():
    assert entry("mnist-70k").used_by == "benchmarks"


def test_the_real_digits_have_the_known_counts_and_hold_the_books(in_cache):
    pytest.importorskip("numcodecs", reason="numcodecs is not installed: it unpacks the file")
    in_cache("mnist-70k")
    digits = mnist70k()
    counts = [torch.bincount(part.targets).tolist() for part in (digits.train, digits.test)]
    assert counts == [
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ]
    known = {
        picture.numpy().tobytes(): target
        for picture, target in zip(digits.train.inputs, digits.train.targets.tolist(), strict=True)
    }
    for part in (mnist5k().train, mnist5k().test):
        for picture, target in zip(part.inputs, part.targets.tolist(), strict=True):
            assert known[picture.numpy().tobytes()] == target
