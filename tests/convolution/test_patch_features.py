import pytest
import torch
from torch.nn.functional import conv2d

from deepbook.convolution import PatchFeatures, kmeans_clusters


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=seeded(seed), dtype=torch.float64)


IMAGES = draw(6, 10, 11)
MAKERS = {"random": PatchFeatures.random, "kmeans": PatchFeatures.kmeans}


def make(how, **options):
    return MAKERS[how](IMAGES, 5, size=3, sample=200, generator=seeded(1), **options)


@pytest.mark.parametrize("how", MAKERS)
def test_the_code_of_a_place_is_that_of_the_patch_there(how):
    features = make(how)
    maps = features.maps(IMAGES)
    assert maps.shape == (6, 5, 8, 9)
    patch = IMAGES[2, 3:6, 4:7].flatten()
    patch = (patch - patch.mean()) / (patch.var(correction=0) + 0.01).sqrt()
    white = (patch - features.whitening.mean) @ features.whitening.matrix
    if how == "random":
        expected = (features.filters @ white).clamp_min(0)
    else:
        distances = (features.filters - white).norm(dim=1)
        expected = (distances.mean() - distances).clamp_min(0)
    torch.testing.assert_close(maps[2, :, 3, 4], expected)


def test_random_filters_on_normalised_patches_are_a_convolution_with_whitened_kernels():
    features = make("random", contrast=1e12)  # so large that contrast is the same for all
    scaled = features.maps(IMAGES)
    centring = torch.eye(9, dtype=torch.float64) - 1 / 9
    kernels = features.filters @ features.whitening.matrix.T @ centring
    bias = -(features.filters @ features.whitening.matrix.T @ features.whitening.mean)
    theirs = conv2d(IMAGES[:, None], kernels.view(5, 1, 3, 3) / 1e6, bias).relu()
    torch.testing.assert_close(scaled, theirs, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("how", MAKERS)
def test_features_are_means_over_quarters_whatever_the_batch(how):
    features = make(how)
    maps = features.maps(IMAGES)
    pooled = features(IMAGES)
    assert pooled.shape == (6, 20)
    top_left = maps[:, :, :4, :5].mean((2, 3))
    torch.testing.assert_close(pooled.view(6, 5, 2, 2)[..., 0, 0], top_left)
    torch.testing.assert_close(features(IMAGES, batch_size=4), pooled)
    torch.testing.assert_close(features(IMAGES, grid=1), maps.mean((2, 3)))


@pytest.mark.parametrize("how", MAKERS)
def test_neither_brightness_nor_much_of_the_contrast_is_seen(how):
    features = make(how, contrast=1e-8)
    torch.testing.assert_close(features(0.5 * IMAGES + 0.2), features(IMAGES), rtol=0, atol=1e-4)


def test_centres_are_those_of_k_means_on_white_patches_of_unit_variance():
    features = make("kmeans", epsilon=0.0 + 1e-6)
    generator = seeded(1)
    from deepbook.data import patches

    some = patches(IMAGES, 3, 200, generator).flatten(1)
    some = some - some.mean(1, keepdim=True)
    some = some / (some.square().mean(1, keepdim=True) + 0.01).sqrt()
    white = features.whitening(some)
    # the mean of a patch is 0: one direction has no variance, the others have one of 1
    variances = torch.linalg.eigvalsh(torch.cov(white.T))
    torch.testing.assert_close(variances[1:], torch.ones(8).double(), rtol=0, atol=1e-3)
    found = kmeans_clusters(white, 5, iterations=10, generator=generator)
    torch.testing.assert_close(features.filters, found.centres)


def test_random_filters_have_length_1_and_come_from_the_generator():
    features, again = make("random"), make("random")
    torch.testing.assert_close(features.filters.norm(dim=1), torch.ones(5).double())
    assert torch.equal(features.filters, again.filters)


def test_other_filters_can_be_put_in():
    features = make("random")
    other = features.with_filters(features.filters[:2], triangle=False)
    torch.testing.assert_close(other.maps(IMAGES), features.maps(IMAGES)[:, :2])
    assert other.with_filters(features.filters, triangle=True).triangle
    with pytest.raises(ValueError, match=r"expected filters of shape \(K, 9\), got \(2, 4\)"):
        features.with_filters(torch.zeros(2, 4), triangle=False)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"at least 3 x 3, got \(6, 2, 9\)"):
        make("random").maps(torch.zeros(6, 2, 9))
    with pytest.raises(ValueError, match="expected at least 1 part, got 0"):
        make("random")(IMAGES, grid=0)
    with pytest.raises(ValueError, match="expected patches of size 1 to 10"):
        PatchFeatures.random(IMAGES, 5, size=12)
    with pytest.raises(ValueError, match="expected at least 1 filter, got 0"):
        PatchFeatures.random(IMAGES, 0, size=3)
    with pytest.raises(ValueError, match="expected at least 1 patch, got 0"):
        PatchFeatures.kmeans(IMAGES, 2, size=3, sample=0)
