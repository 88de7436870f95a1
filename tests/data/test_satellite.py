import io

import numpy as np
import torch

from deepbook.data import fetched, indian_pines


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_the_image_has_what_its_files_hold_for_every_pixel(carried):
    counts = np.arange(24, dtype=np.uint16).reshape(2, 3, 4) + 60_000
    classes = np.array([[0, 16, 2], [3, 0, 1]], dtype=np.uint8)
    carried("indian-pines", saved(counts), saved(classes))
    image = indian_pines()
    assert torch.equal(image.cube, torch.tensor(counts.astype("float32")))
    assert torch.equal(image.labels, torch.tensor(classes.astype("int64")))
    assert (image.cube.dtype, image.labels.dtype) == (torch.float32, torch.int64)
    assert image.class_names[0] == "no label"
    assert len(set(image.class_names)) == 17
    assert image.to("meta").cube.device.type == image.to("meta").labels.device.type == "meta"
    assert "cube=<float32 (2, 3, 4)>" in repr(image)
    assert "indian-pines" in fetched()


def test_the_real_image_has_the_sizes_and_classes_of_the_docstring(in_cache):
    in_cache("indian-pines")
    image = indian_pines()
    assert image.cube.shape == (145, 145, 200)
    counts = image.labels.flatten().bincount()
    assert int(counts[1:].sum()) == 10_249
    named = dict(zip(image.class_names, counts.tolist(), strict=True))
    # the counts that every paper on this image prints
    assert (named["alfalfa"], named["oats"], named["soybean, min till"]) == (46, 20, 2455)
    assert (named["wheat"], named["woods"], named["stone and steel towers"]) == (205, 1265, 93)
    assert 900 < image.cube.min() < image.cube.max() < 9700
    assert "CC BY 3.0" in image.licence
