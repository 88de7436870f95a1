import pytest
import torch
from sklearn.datasets import load_digits

from deepbook.data import digits8x8, fetched, few_digits, mnist5k


@pytest.fixture(scope="module")
def mnist():
    return mnist5k()


@pytest.fixture(scope="module")
def small():
    return digits8x8()


def test_mnist_has_4000_digits_to_train_and_1000_to_test_evenly_by_class(mnist):
    assert torch.bincount(mnist.train.targets).tolist() == [400] * 10
    assert torch.bincount(mnist.test.targets).tolist() == [100] * 10


def test_mnist_validation_is_a_fifth_of_the_training_part_evenly_by_class(mnist):
    fit, validation = mnist.train.split()
    assert torch.bincount(fit.targets).tolist() == [320] * 10
    assert torch.bincount(validation.targets).tolist() == [80] * 10


def test_500_digits_are_50_of_each_class(mnist):
    assert torch.bincount(mnist.train.first(50).targets).tolist() == [50] * 10


def test_mnist_stays_sorted_by_class(mnist):
    for part in (mnist.train, mnist.test):
        assert torch.equal(part.targets, part.targets.sort().values)


@pytest.mark.parametrize(("name", "pixels", "side"), [("mnist", 784, 28), ("small", 64, 8)])
def test_shapes_types_and_ranges_are_those_of_the_docstring(name, pixels, side, request):
    digits = request.getfixturevalue(name)
    for part in (digits.train, digits.test):
        assert part.inputs.shape == (len(part), pixels)
        assert part.images.shape == (len(part), side, side)
        assert part.inputs.dtype == torch.float32
        assert part.targets.dtype == torch.int64
        assert part.class_names == tuple("0123456789")
        assert part.inputs.min() == 0
        assert part.inputs.max() == 1


def test_the_pictures_of_mnist_stand_upright(mnist):
    # a 1 is a vertical stroke: its ink spreads more over rows than over columns
    ones = mnist.train.images[mnist.train.targets == 1].mean(0)
    place = torch.arange(28.0)

    def spread(ink):
        share = ink / ink.sum()
        return (share * (place - (share * place).sum()) ** 2).sum().sqrt()

    assert spread(ones.sum(1)) > 1.3 * spread(ones.sum(0))


def test_small_digits_are_scikit_learns_split_by_the_rule(small):
    theirs = load_digits()
    kept = {"train": [], "test": []}
    seen = dict.fromkeys(range(10), 0)
    for row, label in enumerate(theirs.target.tolist()):
        kept["test" if seen[label] % 5 == 4 else "train"].append(row)
        seen[label] += 1
    for part, rows in ((small.train, kept["train"]), (small.test, kept["test"])):
        assert torch.equal(part.inputs, torch.from_numpy(theirs.data[rows]).float() / 16)
        assert torch.equal(part.targets, torch.from_numpy(theirs.target[rows]))


def test_small_digits_have_the_sizes_of_the_docstring(small):
    assert (len(small.train), len(small.test)) == (1442, 355)


def test_no_test_digit_is_also_a_training_digit(mnist):
    train = {row.numpy().tobytes() for row in mnist.train.inputs}
    assert not any(row.numpy().tobytes() in train for row in mnist.test.inputs)


def test_digits_move_to_a_device_in_both_parts(small):
    moved = small.to("meta")
    assert moved.train.inputs.device.type == moved.test.targets.device.type == "meta"
    assert moved.citation == small.citation


def test_digits_carry_their_licence_and_citation(mnist, small):
    assert "LeCun" in mnist.citation
    assert "CC BY-SA" in mnist.licence
    assert "Alpaydin" in small.citation
    assert "CC BY 4.0" in small.licence


def test_loading_is_recorded_as_fetched(mnist, small):
    assert {"mnist-5k", "digits-8x8"} <= fetched().keys()


@pytest.mark.parametrize("per_class", [1, 50, 200])
def test_few_digits_are_all_of_the_5000_each_once_and_evenly_by_class(per_class, mnist):
    few = few_digits(per_class)
    sizes = [per_class, per_class, 500 - 2 * per_class]
    parts = [few.train, few.validation, few.test]
    assert [torch.bincount(p.targets).tolist() for p in parts] == [[n] * 10 for n in sizes]
    together = torch.cat([part.inputs for part in parts])
    everything = torch.cat([mnist.train.inputs, mnist.test.inputs])
    assert torch.equal(_sorted_rows(together), _sorted_rows(everything))
    assert torch.equal(few.train.inputs, mnist.train.first(per_class).inputs)
    assert torch.equal(few.test.inputs[-1000:], mnist.test.inputs)
    assert few.to("cpu").test.image_shape == (28, 28)


@pytest.mark.parametrize("per_class", [0, 201])
def test_few_digits_name_what_can_be_had(per_class):
    with pytest.raises(ValueError, match=f"1 to 200 digits a class, got {per_class}"):
        few_digits(per_class)


def _sorted_rows(inputs):
    # by two sums with weights that no two of the digits share
    weights = torch.rand(784, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    keys = (inputs.double() @ weights).tolist()
    return inputs[sorted(range(len(keys)), key=keys.__getitem__)]
