import io

import numpy as np
import pytest
import torch
from PIL import Image

from deepbook.data import astronaut_and_coffee, fetched, textures


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_grey_pictures_have_one_colour_and_their_pixels_between_0_and_1(carried):
    pixels = [np.arange(6, dtype=np.uint8).reshape(2, 3) * 51 // (n + 1) for n in range(3)]
    carried("textures", *map(png, pixels))
    pictures = textures()
    assert pictures.titles == ("brick", "grass", "gravel")
    for image, expected in zip(pictures.images, pixels, strict=True):
        assert (image.shape, image.dtype) == ((1, 2, 3), torch.float32)
        assert torch.equal((image[0] * 255).round().byte(), torch.from_numpy(expected))
    assert pictures["brick"].max() == 1
    assert "textures" in fetched()


def test_colour_pictures_may_have_different_sizes(carried):
    pixels = [np.arange(h * w * 3, dtype=np.uint8).reshape(h, w, 3) for h, w in ((2, 4), (3, 2))]
    carried("astronaut-and-coffee", *map(png, pixels))
    pictures = astronaut_and_coffee()
    assert len(pictures) == 2
    for image, expected in zip(pictures.images, pixels, strict=True):
        assert torch.equal((image * 255).round().byte().movedim(0, -1), torch.tensor(expected))
    assert {image.device.type for image in pictures.to("meta").images} == {"meta"}
    assert len(repr(pictures).splitlines()) == 6
    with pytest.raises(KeyError, match="one of the pictures astronaut, coffee; got 'tea'"):
        pictures["tea"]


@pytest.mark.parametrize(
    ("load", "name", "shapes"),
    [
        (textures, "textures", [(1, 512, 512)] * 3),
        (astronaut_and_coffee, "astronaut-and-coffee", [(3, 512, 512), (3, 400, 600)]),
    ],
)
def test_the_real_pictures_have_the_sizes_of_the_docstring(in_cache, load, name, shapes):
    in_cache(name)
    pictures = load()
    assert [tuple(image.shape) for image in pictures.images] == shapes
    assert all(0 <= image.min() < 0.3 < 0.7 < image.max() <= 1 for image in pictures.images)
    assert "CC0" in pictures.licence
