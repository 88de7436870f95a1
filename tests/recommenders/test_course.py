from dataclasses import fields, replace

import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import (
    AlwaysLike,
    AutoencoderFaults,
    CourseAutoencoder,
    CourseRBM,
    RBMFaults,
    check_blind,
    like_error,
    liked,
)

SIZES = (60, 40)
MENDED = RBMFaults(*[False] * len(fields(RBMFaults)))


def rbm(faults=None, seed=0, **options):
    options = {"hidden_size": 8, "batch_size": 25, "epochs": 5} | options
    generator = torch.Generator().manual_seed(seed)
    return CourseRBM(*SIZES, faults=faults, generator=generator, **options)


def autoencoder(faults=None, **options):
    generator = torch.Generator().manual_seed(0)
    options = {"epochs": 3, "sizes": (6, 3, 6)} | options
    return CourseAutoencoder(*SIZES, faults=faults, generator=generator, **options)


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


def by_the_course(train, generator, epochs=5, hidden=8, batch=25):
    """The course's training loop as it is taught, with our order of random numbers."""
    data = -torch.ones(SIZES)
    data[train.users, train.items] = (train.stars >= 3).float()
    w = torch.randn(SIZES[1], hidden, generator=generator)
    a = torch.randn(hidden, generator=generator)
    b = torch.randn(SIZES[1], generator=generator)
    draw = lambda p: (torch.rand(p.shape, generator=generator) < p).float()
    for _ in range(epochs):
        for start in range(0, SIZES[0] - batch, batch):
            v0 = data[start : start + batch]
            vk = v0.clone()
            ph0 = torch.sigmoid(v0 @ w + a)
            for _ in range(10):
                hk = draw(torch.sigmoid(vk @ w + a))
                vk = draw(torch.sigmoid(hk @ w.T + b))
                vk[v0 < 0] = v0[v0 < 0]
            phk = torch.sigmoid(vk @ w + a)
            w += v0.T @ ph0 - vk.T @ phk
            b += (v0 - vk).sum(0)
            a += (ph0 - phk).sum(0)
    return w, b, a


def test_with_all_faults_it_is_the_courses_rbm_step_by_step(split):
    train, _ = split
    model = rbm().fit(train)
    w, b, a = by_the_course(train, torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.weight, w)
    torch.testing.assert_close(model.visible_bias, b)
    torch.testing.assert_close(model.hidden_bias, a)


def test_it_answers_0_or_1_and_anew_each_time(split):
    model = rbm().fit(split[0])
    answers = [predict(model, split[1]) for _ in range(2)]
    assert set(answers[0].tolist()) == {0.0, 1.0}
    assert not torch.equal(*answers)


def test_mended_it_answers_one_probability(split):
    model = rbm(MENDED).fit(split[0])
    answers = [predict(model, split[1]) for _ in range(2)]
    assert torch.equal(*answers)
    assert 0 < answers[0].min() < answers[0].max() < 1


@pytest.mark.parametrize("fault", [field.name for field in fields(RBMFaults)])
def test_every_fault_of_the_rbm_changes_something(fault, split):
    faulty = rbm().fit(split[0])
    mended = rbm(replace(RBMFaults(), **{fault: False})).fit(split[0])
    assert not torch.equal(predict(faulty, split[1]), predict(mended, split[1]))


def without(ratings, user):
    keep = ratings.users != user
    return Ratings(*(c[keep] for c in (ratings.users, ratings.items, ratings.stars, ratings.stars)))


def test_the_last_batch_is_forgotten_unless_mended(split):
    train, _ = split
    same = lambda faults: torch.equal(
        rbm(faults).fit(train).weight, rbm(faults).fit(without(train, 55)).weight
    )
    assert same(RBMFaults())
    assert not same(replace(RBMFaults(), forgotten_users=False))


def test_an_unrated_film_speaks_only_through_the_clamp(split):
    train, _ = split
    for clamped in (True, False):
        model = rbm(replace(MENDED, unrated_clamped=clamped)).fit(train)
        before = predict(model, train)
        # a film that nobody rated: whatever its weights, a masked machine never reads them
        alone = without(train, -1)
        unrated = ~model._rated[0]
        users = torch.zeros(int((~unrated).sum()), dtype=torch.int64)
        items = (~unrated).nonzero()[:, 0]
        before = model.predict(users, items)
        model.weight[unrated] += 3.0
        assert torch.equal(before, model.predict(users, items)) != clamped
        assert len(alone) == len(train)


def test_with_its_faults_it_loses_to_always_like_and_mended_it_wins(split):
    train, test = split
    likes = liked(test.stars)
    always = like_error(predict(AlwaysLike(*SIZES).fit(train), test), likes)
    faulty = [like_error(predict(rbm(seed=s).fit(train), test), likes) for s in range(5)]
    assert sum(faulty) / 5 > always + 0.02
    mended = like_error(predict(rbm(MENDED, epochs=100).fit(train), test), likes)
    assert mended < always - 0.01


def test_no_test_rating_reaches_either(split):
    for new in (rbm, autoencoder):
        check_blind(lambda train, test, new=new: predict(new().fit(train), test), *split)


def test_the_autoencoder_is_the_courses_step_by_step(split):
    train, _ = split
    model = autoencoder(epochs=2).fit(train)
    network = autoencoder()._new_network()
    optimizer = torch.optim.RMSprop(network.parameters(), lr=0.01, weight_decay=0.5)
    criterion = torch.nn.MSELoss()
    data = torch.zeros(SIZES)
    data[train.users, train.items] = train.stars.float()
    printed = []
    for _ in range(2):
        train_loss, s = 0.0, 0
        for user in range(SIZES[0]):
            inputs = data[user][None]
            target = inputs.clone()
            if (target > 0).any():
                output = network(inputs)
                output[target == 0] = 0
                loss = criterion(output, target)
                mean_corrector = SIZES[1] / float((target > 0).sum() + 1e-10)
                loss.backward()
                train_loss += (loss.item() * mean_corrector) ** 0.5
                s += 1
                optimizer.step()
        printed.append(train_loss / s)
    assert model.losses == pytest.approx(printed, rel=1e-5)
    for ours, theirs in zip(model.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("fault", [field.name for field in fields(AutoencoderFaults)])
def test_every_fault_of_the_autoencoder_changes_something(fault, split):
    faulty = autoencoder().fit(split[0])
    mended = autoencoder(replace(AutoencoderFaults(), **{fault: False})).fit(split[0])
    assert not torch.equal(predict(faulty, split[1]), predict(mended, split[1]))


def test_a_user_without_ratings_is_left_out_of_training_and_predicted_all_the_same(split):
    train = without(split[0], 7)
    model = autoencoder(epochs=1).fit(train)
    zero = torch.zeros(1, dtype=torch.int64)
    assert torch.isfinite(model.predict(zero + 7, zero)).all()
    assert torch.isfinite(torch.tensor(model.losses)).all()
