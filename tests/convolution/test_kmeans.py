import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from deepbook.convolution import Clustering, kmeans_clusters, kmeans_seeds, triangle_code


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_from_the_same_start_it_ends_where_scikit_learn_ends(seed):
    data = draw(60, 3, seed=seed)
    start = data[:4]
    ours = kmeans_clusters(data, 4, start=start)
    theirs = KMeans(4, init=start.numpy(), n_init=1, tol=0, algorithm="lloyd").fit(data.numpy())
    torch.testing.assert_close(ours.centres, torch.from_numpy(theirs.cluster_centers_))
    assert ours.assignment.tolist() == theirs.labels_.tolist()
    assert ours.objective[-1] == pytest.approx(theirs.inertia_)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 1000))
def test_the_objective_never_rises_and_is_the_sum_of_squared_distances(count, seed):
    data = draw(30, 2, seed=seed)
    found = kmeans_clusters(data, count, generator=seeded(seed))
    objective = torch.tensor(found.objective, dtype=torch.float64)
    assert (objective.diff() <= 1e-9).all()
    distances = torch.cdist(data, found.centres)
    assert torch.equal(distances.argmin(1), found.assignment)
    assert float(distances.amin(1).square().sum()) == pytest.approx(found.objective[-1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_dead_centres_come_to_life_and_the_objective_still_never_rises(seed):
    data = draw(20, 2, seed=seed)
    far = data.new_tensor([[1e3, 1e3], [2e3, 1e3], [0, 0]])
    found = kmeans_clusters(data, 3, start=far)
    assert set(found.assignment.tolist()) == {0, 1, 2}
    objective = torch.tensor(found.objective, dtype=torch.float64)
    assert (objective.diff() <= 1e-9).all()


def test_a_dead_centre_is_put_onto_the_point_that_is_farthest_from_its_own():
    data = torch.tensor([[5.0], [6.0], [7.0], [12.0]], dtype=torch.float64)
    start = torch.tensor([[6.0], [100.0]], dtype=torch.float64)
    found = kmeans_clusters(data, 2, start=start, iterations=1)
    # the mean of all is 7.5; the one that was dead stands on 12
    assert found.centres[:, 0].tolist() == [7.5, 12]
    assert found.assignment.tolist() == [0, 0, 0, 1]


def test_centres_are_the_means_of_their_points_where_it_ends():
    data = draw(50, 3)
    found = kmeans_clusters(data, 5, generator=seeded(1))
    for k in range(5):
        torch.testing.assert_close(found.centres[k], data[found.assignment == k].mean(0))


def test_three_far_clusters_are_found():
    middles = torch.tensor([[0.0, 0], [50, 0], [0, 50]], dtype=torch.float64)
    data = (middles[:, None] + draw(3, 20, 2)).flatten(0, 1)
    for seed in range(5):
        found = kmeans_clusters(data, 3, generator=seeded(seed))
        assert len({tuple(part.unique().tolist()) for part in found.assignment.view(3, 20)}) == 3
        assert all(len(part.unique()) == 1 for part in found.assignment.view(3, 20))


def test_seeds_are_points_drawn_by_their_squared_distance():
    data = torch.tensor([[0.0], [1.0], [3.0]])
    firsts = [kmeans_seeds(data, 2, seeded(n))[:, 0].tolist() for n in range(3000)]
    # from 0 the others have weights 1 and 9
    after_zero = [second for first, second in firsts if first == 0]
    share = sum(second == 3 for second in after_zero) / len(after_zero)
    assert abs(share - 0.9) < 5 * (0.09 / len(after_zero)) ** 0.5
    assert abs(len(after_zero) / 3000 - 1 / 3) < 0.045
    assert sorted(kmeans_seeds(data, 3, seeded(0))[:, 0].tolist()) == [0, 1, 3]


def test_points_that_are_all_alike_have_seeds_too():
    assert torch.equal(kmeans_seeds(torch.ones(4, 2), 3, seeded(0)), torch.ones(3, 2))


def test_the_triangle_code_is_what_is_nearer_than_the_mean():
    centres = torch.tensor([[0.0, 0], [3, 4], [6, 8]])
    # distances from the first centre: 0, 5, 10; mean 5
    assert triangle_code(torch.zeros(2), centres).tolist() == [5, 0, 0]
    data = draw(2, 3, 4)
    middles = draw(6, 4, seed=1)
    code = triangle_code(data, middles)
    distances = torch.cdist(data, middles.expand(2, 6, 4))
    torch.testing.assert_close(code, (distances.mean(-1, keepdim=True) - distances).clamp_min(0))
    assert 0.2 < float((code == 0).double().mean()) < 0.8


def test_without_a_step_the_start_comes_back():
    data = draw(9, 2)
    found = kmeans_clusters(data, 2, start=data[:2], iterations=0)
    assert torch.equal(found.centres, data[:2])
    assert len(found.objective) == 1
    assert isinstance(found, Clustering)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected 1 to 3 centres, as there are points; got 4"):
        kmeans_clusters(draw(3, 2), 4)
    with pytest.raises(ValueError, match=r"expected data of shape \(N, D\), got \(3,\)"):
        kmeans_seeds(draw(3), 1)
    with pytest.raises(ValueError, match=r"expected centres of shape \(2, 2\), got \(2, 3\)"):
        kmeans_clusters(draw(5, 2), 2, start=draw(2, 3))
    with pytest.raises(ValueError, match="expected 0 iterations or more, got -1"):
        kmeans_clusters(draw(5, 2), 2, iterations=-1)
    with pytest.raises(ValueError, match="expected centres of 3 numbers, as the data; got 2"):
        triangle_code(draw(4, 3), draw(2, 2))
