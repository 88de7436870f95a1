import pytest
import torch
from torch import nn

from deepbook.training import accuracies, accuracy, evaluate, predict


@pytest.fixture
def data():
    """Inputs of shape (50, 4) and classes 0 to 2."""
    inputs = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 1).long()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


@pytest.mark.parametrize("training", [True, False])
def test_predict_is_the_model_in_evaluation_mode_in_any_pieces(model, data, training):
    model.train(training)
    outputs = predict(model, data[0], batch_size=7)
    assert model.training == training
    assert not outputs.requires_grad
    torch.testing.assert_close(outputs, model.eval()(data[0]).detach())
    with pytest.raises(ValueError, match="batch size of at least 1, got 0"):
        predict(model, data[0], batch_size=0)
    with pytest.raises(ValueError, match="at least one"):
        predict(model, data[0][:0])


def test_evaluate_does_not_depend_on_the_batch_size(model, data):
    whole = evaluate(model, *data, nn.functional.cross_entropy)
    for batch_size in (1, 7, 50, 51):
        part = evaluate(model, *data, nn.functional.cross_entropy, batch_size=batch_size)
        assert part == pytest.approx(whole, rel=1e-6)
    assert evaluate(model, *data, accuracy, batch_size=7) == pytest.approx(
        (model.eval()(data[0]).argmax(dim=1) == data[1]).float().mean().item(), rel=1e-6
    )


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_restores_the_mode_also_after_an_error(model, data, training):
    model.train(training)
    modes = []

    def measure(outputs, targets):
        assert not outputs.requires_grad
        modes.append(model.training)
        return outputs.sum()

    evaluate(model, *data, measure)
    assert (modes, model.training) == ([False], training)
    with pytest.raises(TypeError):
        evaluate(model, *data, None)
    assert model.training == training


@pytest.mark.parametrize(
    ("examples", "targets", "batch_size", "message"),
    [
        (5, 1, 10, "as many targets as inputs, and at least one, got 1 and 5"),
        (0, 0, 10, "at least one, got 0 and 0"),
        (5, 5, 0, "batch size of at least 1, got 0"),
    ],
)
def test_evaluate_refuses_sizes_that_do_not_fit(model, examples, targets, batch_size, message):
    with pytest.raises(ValueError, match=message):
        evaluate(
            model,
            torch.zeros(examples, 4),
            torch.zeros(targets).long(),
            nn.functional.cross_entropy,
            batch_size=batch_size,
        )


def test_accuracy_is_the_share_of_largest_outputs_at_the_targets_place():
    outputs = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert accuracy(outputs, torch.tensor([1, 0, 0, 0])).item() == 0.75


@pytest.mark.parametrize(
    ("outputs", "targets"), [((4,), (4,)), ((4, 3), (4, 1)), ((4, 3), (3,)), ((4, 3, 2), (4,))]
)
def test_accuracy_names_the_shapes_it_was_given(outputs, targets):
    with pytest.raises(ValueError, match="expected outputs of shape") as error:
        accuracy(torch.zeros(outputs), torch.zeros(targets))
    assert str(error.value).endswith(f"got {outputs} and {targets}")


def test_a_layer_that_was_in_another_mode_than_its_model_stays_in_it(model, data):
    model.train()
    model[2].eval()  # frozen
    predict(model, data[0])
    evaluate(model, *data, accuracy)
    assert model[0].training
    assert not model[2].training


def test_accuracies_are_the_accuracy_of_each_model_in_evaluation_mode(model, data):
    other = nn.Sequential(nn.Linear(4, 3))
    shares = accuracies([model, other], *data)
    alone = [evaluate(m, *data, accuracy) for m in (model, other)]
    torch.testing.assert_close(shares, torch.tensor(alone, dtype=torch.float64), rtol=0, atol=1e-6)
    assert shares.dtype == torch.float64
    with pytest.raises(ValueError, match="at least one model, got none"):
        accuracies([], *data)
    with pytest.raises(ValueError, match="as many targets as inputs"):
        accuracies([model], data[0], data[1][:-1])
