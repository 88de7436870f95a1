import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deepbook.data import digits8x8
from deepbook.feedforward import MLP
from deepbook.regularization import adversarial_loss, fgsm, pgd, robust_accuracy
from deepbook.training import Descent, Minibatches, accuracy, evaluate, fit, loop


def seeded(n):
    return torch.Generator().manual_seed(n)


@pytest.fixture(scope="module")
def digits():
    return digits8x8()


@pytest.fixture(scope="module")
def plain(digits):
    model = MLP([64, 32, 10], generator=seeded(0))
    fit(
        model,
        digits.train.inputs,
        digits.train.targets,
        loss=cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        epochs=15,
        batch_size=64,
        generator=seeded(0),
    )
    return model


def test_without_an_attack_it_is_the_accuracy(plain, digits):
    data = (digits.test.inputs, digits.test.targets)
    clean = evaluate(plain, *data, accuracy)
    assert robust_accuracy(plain, *data) == pytest.approx(clean)
    assert robust_accuracy(plain, *data, fgsm(0.0), batch_size=7) == pytest.approx(clean)


def test_an_example_counts_if_it_stands_every_attack_and_none(plain, digits):
    x, y = digits.test.inputs, digits.test.targets
    attacks = [fgsm(0.06), pgd(0.5, 5, "l2", random_start=False)]
    stands = plain(x).argmax(1) == y
    for attack in attacks:
        stands &= plain(attack(plain, x, y)).argmax(1) == y
    together = robust_accuracy(plain, x, y, *attacks)
    assert together == pytest.approx(float(stands.float().mean()))
    assert together == robust_accuracy(plain, x, y, *reversed(attacks))
    assert together <= min(robust_accuracy(plain, x, y, attack) for attack in attacks)


def test_stronger_attacks_leave_less(plain, digits):
    data = (digits.test.inputs, digits.test.targets)
    found = [
        robust_accuracy(plain, *data, *attacks, generator=seeded(0))
        for attacks in ([], [fgsm(0.1)], [pgd(0.1, 20, restarts=2)], [pgd(0.2, 20)])
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9
    assert found[2] < 0.6


def test_adversarial_training_makes_a_network_stand_more(plain, digits):
    train, test = digits.train, digits.test
    model = MLP([64, 32, 10], generator=seeded(0))
    step = Descent(
        model,
        adversarial_loss(cross_entropy, pgd(0.1, 5), generator=seeded(1)),
        torch.optim.Adam(model.parameters(), lr=0.01),
    )
    batches = Minibatches(train.inputs, train.targets, batch_size=64, generator=seeded(0))
    history = loop(step, batches, epochs=15)
    assert history.loss[-1] < history.loss[0]
    attack = pgd(0.1, 10)
    stands = [
        robust_accuracy(m, test.inputs, test.targets, attack, generator=seeded(2))
        for m in (plain, model)
    ]
    assert stands[1] > stands[0] + 0.15
    assert robust_accuracy(model, test.inputs, test.targets) > 0.9


def test_the_loss_is_that_of_attacked_inputs_and_a_share_of_clean_ones():
    # running averages that stay: attacked in evaluation mode, the model is the same each time
    normalize = nn.BatchNorm1d(8, momentum=0.0)
    model = nn.Sequential(nn.Linear(6, 8), normalize, nn.Linear(8, 3)).double()
    x, y = torch.rand(9, 6, generator=seeded(0)).double(), torch.arange(9) % 3
    changed = fgsm(0.1)(model, x, y)
    attacked, clean = cross_entropy(model(changed), y), cross_entropy(model(x), y)
    for share in (0.0, 0.25, 1.0):
        loss = adversarial_loss(cross_entropy, fgsm(0.1), clean_share=share)(model, (x, y))
        torch.testing.assert_close(loss, (1 - share) * attacked + share * clean)
    assert model.training
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_what_cannot_be_is_refused(plain):
    with pytest.raises(ValueError, match="a clean share between 0 and 1, got 2"):
        adversarial_loss(cross_entropy, fgsm(0.1), clean_share=2.0)
    with pytest.raises(ValueError, match="as many targets as inputs"):
        robust_accuracy(plain, torch.zeros(2, 64), torch.zeros(3))
    with pytest.raises(ValueError, match="at least 1 example in a batch, got 0"):
        robust_accuracy(plain, torch.zeros(2, 64), torch.zeros(2), batch_size=0)
