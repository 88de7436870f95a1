import torch

from deepbook.boltzmann.machines.one_item import conditional_scores
from deepbook.boltzmann.machines.softmax import SoftmaxRBM

ITEMS, VALUES, HIDDEN = 4, 3, 5


def machine(items=ITEMS, values=VALUES, hidden=HIDDEN, *, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    rbm = SoftmaxRBM(items, values, hidden, weight_scale=1.0, generator=generator, dtype=dtype)
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


RATINGS = torch.tensor([[0, -1, 2, -1], [1, 1, -1, 0], [-1, -1, -1, 2], [2, 0, 1, 2]])


def test_the_predictive_distribution_is_the_exact_conditional():
    rbm = machine()
    for row in RATINGS:
        for item in range(ITEMS):
            candidates = row.repeat(VALUES, 1)
            candidates[:, item] = torch.arange(VALUES)
            exact = torch.softmax(rbm.log_unnormalised(rbm.encode(candidates)), 0)
            predicted = rbm.predictive(rbm.encode(row), item)
            torch.testing.assert_close(predicted, exact, rtol=0, atol=1e-10)


def test_the_predictive_distribution_broadcasts_over_users_and_items():
    rbm = machine()
    visible = rbm.encode(RATINGS)
    everything = rbm.predictive(visible[:, None], torch.arange(ITEMS))
    assert everything.shape == (4, ITEMS, VALUES)
    pairs = rbm.predictive(visible, torch.tensor([3, 0, 2, 1]))
    torch.testing.assert_close(pairs, everything[torch.arange(4), torch.tensor([3, 0, 2, 1])])


def test_a_prediction_does_not_read_the_rating_that_it_predicts():
    rbm = machine()
    predictions = [
        rbm.predictive(rbm.encode(torch.tensor([1, value, 0, -1])), 1) for value in (-1, 0, 1, 2)
    ]
    for prediction in predictions[1:]:
        torch.testing.assert_close(prediction, predictions[0], rtol=0, atol=1e-12)


def test_conditional_scores_are_the_free_energies_of_all_values():
    rbm = machine(3, 2, 3)
    visible = rbm.encode(torch.tensor([[0, -1, 1]]))
    others = visible.flatten(1) @ rbm.weight.flatten(0, 1) + rbm.hidden_bias
    scores = conditional_scores(others, rbm.weight[1], rbm.visible_bias[1])
    with_value = torch.cat([rbm.encode(torch.tensor([[0, k, 1]])) for k in (0, 1)])
    expected = torch.softmax(-rbm.free_energy(with_value), 0)
    torch.testing.assert_close(torch.softmax(scores[0], 0), expected)
