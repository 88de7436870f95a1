from multiprocessing import get_all_start_methods

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from deepbook.feedforward import MLP
from deepbook.regularization import Augmentation, RandomAffine, RandomElastic, RandomFlip
from deepbook.training import Minibatches, fit, fit_many


def seeded(n):
    return torch.Generator().manual_seed(n)


IMAGES = torch.rand(6, 8, 8, generator=seeded(0))
ALL = [RandomAffine(20, 2, 0.2, 10), RandomElastic(1.0, 2.0), RandomFlip()]


@pytest.mark.parametrize(
    "transform",
    [RandomAffine(), RandomAffine(centre=(4, 4)), RandomElastic(0.0), RandomFlip(0.0)],
)
def test_at_zero_strength_nothing_changes_to_the_last_bit(transform):
    assert torch.equal(transform(IMAGES, seeded(1)), IMAGES)


@pytest.mark.parametrize("transform", ALL)
def test_a_seed_gives_the_same_pictures_again_and_the_next_draw_others(transform):
    generator = seeded(3)
    first, second = transform(IMAGES, generator), transform(IMAGES, generator)
    assert torch.equal(first, transform(IMAGES, seeded(3)))
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(first, transform(IMAGES))


@pytest.mark.parametrize("transform", ALL[:2])
def test_every_picture_is_changed_in_its_own_way(transform):
    alike = IMAGES[:1].expand(5, 8, 8)
    changed = transform(alike, seeded(0)).flatten(1)
    assert len(changed.unique(dim=0)) == 5


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"shift": 2.0}, 2.0),
        ({"rotation": 30.0}, 0.5),
        ({"shear": 45.0}, 1.0),
        ({"scale": 0.5}, 0.5),
    ],
)
def test_amounts_are_uniform_up_to_the_bound_on_both_sides(options, value):
    # a ramp tells where a pixel was taken from: its value is its row; seen one row up, or right
    rows = torch.arange(41.0)[:, None].expand(41, 41)
    up = "shift" in options or "scale" in options
    ramp = (rows if up else rows.T).expand(4000, 41, 41)
    seen = RandomAffine(**options)(ramp, seeded(0))
    moved = (seen[:, 19, 20] - (19.0 if up else 20.0)).double()
    if "shift" in options:
        # a picture shifted down shows, at a place, what was above it
        amounts = -moved
    elif "scale" in options:
        amounts = 1 / -(moved - 1) - 1
    elif "shear" in options:
        amounts = torch.rad2deg(torch.atan(moved)) / 45  # a column from the left, one row up
    else:
        amounts = moved  # the sine of the angle
    assert float(amounts.abs().max()) <= value * (1 + 1e-4)
    assert float(amounts.min()) < -0.98 * value
    assert float(amounts.max()) > 0.98 * value
    mean_error = value / 3**0.5 / 4000**0.5
    if "rotation" not in options:
        assert abs(float(amounts.mean())) < 5 * mean_error


def test_flips_mirror_about_the_asked_share():
    flipped = RandomFlip(0.3)(IMAGES[:1].expand(2000, 8, 8), seeded(0))
    mirrored = (flipped == IMAGES[0].flip(-1)).all((1, 2))
    assert (flipped == IMAGES[0]).all((1, 2)).logical_or(mirrored).all()
    assert abs(float(mirrored.float().mean()) - 0.3) < 5 * (0.3 * 0.7 / 2000) ** 0.5
    assert torch.equal(RandomFlip(1.0)(IMAGES), IMAGES.flip(-1))
    assert torch.equal(RandomFlip(1.0, "vertical")(IMAGES), IMAGES.flip(-2))


def test_flat_inputs_are_bent_as_their_pictures_are_and_targets_stay():
    y = torch.arange(6)
    flat, same = Augmentation(*ALL, image_shape=(8, 8), generator=seeded(1))(IMAGES.flatten(1), y)
    pictures, _ = Augmentation(*ALL, generator=seeded(1))(IMAGES, y)
    channels, _ = Augmentation(*ALL, generator=seeded(1))(IMAGES[:, None], y)
    assert flat.shape == (6, 64)
    assert torch.equal(flat.view(6, 8, 8), pictures)
    assert torch.equal(channels[:, 0], pictures)
    assert same is y


def test_transforms_come_one_after_another():
    shift, flip = RandomAffine(shift=3.0), RandomFlip(1.0)
    both, _ = Augmentation(shift, flip, generator=seeded(1))(IMAGES, IMAGES)
    assert torch.equal(both, shift(IMAGES, seeded(1)).flip(-1))


def test_in_fit_each_epoch_sees_new_pictures_and_validation_the_old_ones():
    x, y = IMAGES.flatten(1), torch.arange(6) % 2
    kept = x.clone()
    seen, judged = [], []

    class Spy(MLP):
        def forward(self, x):
            (seen if self.training else judged).append(x.clone())
            return super().forward(x)

    model = Spy([64, 4, 2], generator=seeded(0))
    augment = Augmentation(*ALL, image_shape=(8, 8), generator=seeded(1))
    fit(
        model,
        x,
        y,
        loss=nn.functional.cross_entropy,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        epochs=3,
        batch_size=6,
        validation=(x, y),
        augment=augment,
    )
    assert len(seen) == 3
    rows = torch.cat(seen)
    assert len(rows.unique(dim=0)) == 18
    assert all(torch.equal(inputs, kept) for inputs in judged)
    assert torch.equal(x, kept)


def test_it_serves_many_networks_at_once():
    nets = [MLP([64, 4, 2], generator=seeded(s)) for s in range(2)]
    augment = Augmentation(*ALL, image_shape=(8, 8), generator=seeded(1))
    histories = fit_many(
        nets,
        IMAGES.flatten(1),
        torch.arange(6) % 2,
        loss=nn.functional.cross_entropy,
        optimizer=lambda p: torch.optim.SGD(p, lr=0.1),
        epochs=2,
        batch_size=3,
        generators=[seeded(0), seeded(1)],
        augment=augment,
    )
    assert [len(h.loss) for h in histories] == [2, 2]


@pytest.mark.skipif("fork" not in get_all_start_methods(), reason="workers cannot fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 dislikes forks
@pytest.mark.parametrize("generator", [None, seeded(0)])
def test_no_stream_of_random_numbers_repeats_in_workers_and_epochs(generator):
    # in each worker a copy of the generator: what it draws would come once for each worker
    augment = Augmentation(RandomAffine(shift=3.0), generator=generator)
    alike = [(IMAGES[0], 0)] * 8
    loader = DataLoader(
        alike,
        batch_size=2,
        num_workers=2,
        collate_fn=Collate(augment),
        generator=seeded(1),
        multiprocessing_context="fork",
    )
    if generator is not None:
        with pytest.raises(RuntimeError, match="global generator in a worker of a DataLoader"):
            next(iter(loader))
        return
    rows = torch.cat([batch.flatten(1) for _ in range(2) for batch in loader])
    assert len(rows.unique(dim=0)) == 16


class Collate:
    def __init__(self, augment):
        self.augment = augment

    def __call__(self, examples):
        inputs = torch.stack([x for x, _ in examples])
        return self.augment(inputs, torch.zeros(len(inputs)))[0]


def test_minibatches_carry_it():
    augment = Augmentation(RandomFlip(1.0), image_shape=(8, 8))
    batches = Minibatches(IMAGES.flatten(1), torch.arange(6), batch_size=6, augment=augment)
    ((inputs, targets),) = batches
    assert torch.equal(inputs.view(6, 8, 8), IMAGES[targets].flip(-1))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a rotation of at least 0, got -1"):
        RandomAffine(rotation=-1.0)
    with pytest.raises(ValueError, match=r"a scale in \[0, 1\), got 1"):
        RandomAffine(scale=1.0)
    with pytest.raises(ValueError, match=r"a probability between 0 and 1, got 1\.5"):
        RandomFlip(1.5)
    with pytest.raises(ValueError, match="direction horizontal or vertical, got 'up'"):
        RandomFlip(direction="up")
    with pytest.raises(ValueError, match="at least 1 transform, got none"):
        Augmentation()
    with pytest.raises(ValueError, match=r"inputs of 8 x 8 pixels, got shape \(6, 63\)"):
        Augmentation(RandomFlip(), image_shape=(8, 8))(torch.zeros(6, 63), torch.zeros(6))
    for transform in ALL:
        with pytest.raises(ValueError, match=r"height, width\), got \(6, 64\)"):
            transform(IMAGES.flatten(1))
