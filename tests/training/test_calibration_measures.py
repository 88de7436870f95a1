import pytest
import torch

from deepbook.training import calibration_bins, calibration_error


@pytest.fixture
def by_hand():
    """Five examples of two classes and their targets: 0.6, 0.7 and 0.7 sure, then 0.9 and 1."""
    first = torch.tensor([0.6, 0.3, 0.7, 0.9, 0.0], dtype=torch.float64)
    # answers 0, 1, 0, 0, 1, of which the first and the third are wrong
    return torch.stack([first, 1 - first], 1), torch.tensor([1, 1, 1, 0, 1])


def test_a_case_computed_by_hand(by_hand):
    # of four bins two are empty, (0.5, 0.75] has three examples and (0.75, 1] two
    confidence, accuracy, share = calibration_bins(*by_hand, bins=4)
    expected = torch.tensor([torch.nan, torch.nan, 2 / 3, 0.95], dtype=torch.float64)
    torch.testing.assert_close(confidence, expected, equal_nan=True)
    expected = torch.tensor([torch.nan, torch.nan, 1 / 3, 1], dtype=torch.float64)
    torch.testing.assert_close(accuracy, expected, equal_nan=True)
    assert share.tolist() == [0, 0, 0.6, 0.4]
    assert calibration_error(*by_hand, bins=4) == pytest.approx(0.6 / 3 + 0.4 * 0.05)
    # in one bin over and under may cancel: 3 of 5 are right, the mean confidence is 0.78
    assert calibration_error(*by_hand, bins=1) == pytest.approx(0.18)


def test_a_bin_has_its_upper_edge_and_not_its_lower():
    edge = torch.tensor([[0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]], dtype=torch.float64)
    assert calibration_bins(edge, torch.tensor([0, 0]), bins=2).share.tolist() == [0.5, 0.5]


def test_answers_drawn_from_the_probabilities_are_calibrated():
    generator = torch.Generator().manual_seed(0)
    p = torch.randn(200_000, 3, generator=generator).softmax(1)
    targets = torch.multinomial(p, 1, generator=generator)[:, 0]
    assert calibration_error(p, targets) < 0.01
    sharper = (2 * p.log()).softmax(1)
    assert calibration_error(sharper, targets) > 0.1


def test_classes_may_change_places_and_examples_too(by_hand):
    p, targets = by_hand
    expected = calibration_error(p, targets)
    assert calibration_error(p.flip(1), 1 - targets) == pytest.approx(expected)
    assert calibration_error(p.flip(0), targets.flip(0)) == pytest.approx(expected)
    assert calibration_error(p.float(), targets) == pytest.approx(expected, abs=1e-6)


def test_what_is_no_classifier_is_named(by_hand):
    p, targets = by_hand
    with pytest.raises(ValueError, match="at least 1 bin, got 0"):
        calibration_bins(p, targets, bins=0)
    with pytest.raises(ValueError, match=r"shape \(examples, classes\), got \(5,\)"):
        calibration_bins(p[:, 0], targets)
    with pytest.raises(ValueError, match="as many targets as inputs"):
        calibration_bins(p, targets[:3])
    with pytest.raises(ValueError, match="add up to 1, as a softmax gives"):
        calibration_bins(2 * p, targets)
    with pytest.raises(ValueError, match="add up to 1, as a softmax gives"):
        calibration_bins(torch.tensor([[1.5, -0.5]]), targets[:1])
