import gzip

import pytest
import torch

from deepbook.data import Regression, diabetes, fetched


def test_the_two_files_become_measurements_and_what_to_predict(carried):
    rows = torch.arange(30.0).reshape(3, 10).tolist()
    text = "\n".join(" ".join(map(str, row)) for row in rows)
    carried("diabetes", gzip.compress(text.encode()), gzip.compress(b"1.0e+00\n2.0e+00\n4.0e+00"))
    data = diabetes()
    assert data.inputs.tolist() == rows
    assert data.targets.tolist() == [1, 2, 4]
    assert (data.inputs.dtype, len(data.names), len(data)) == (torch.float64, 10, 3)
    assert "diabetes" in fetched()


def test_standardised_columns_have_mean_zero_and_variance_one():
    generator = torch.Generator().manual_seed(0)
    inputs = 3 + 5 * torch.randn(40, 2, generator=generator, dtype=torch.float64)
    data = Regression(inputs, ("a", "b"), inputs.sum(1), "none", "none")
    scaled, targets = data.standardised()
    torch.testing.assert_close(scaled.mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(scaled.square().mean(0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(targets, data.targets - data.targets.mean())
    assert data.to("cpu").names == data.names


def test_inputs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 1\), got \(2, 1\)"):
        Regression(torch.zeros(2, 1), ("a",), torch.zeros(3), "none", "none")


def test_the_real_study_has_442_patients_and_scikit_learns_numbers(in_cache):
    in_cache("diabetes")
    datasets = pytest.importorskip("sklearn.datasets")
    data = diabetes()
    inputs, targets = datasets.load_diabetes(return_X_y=True)
    # scikit-learn scales each column to length 1
    scaled, _ = data.standardised()
    torch.testing.assert_close(scaled / 442**0.5, torch.from_numpy(inputs))
    assert torch.equal(data.targets, torch.from_numpy(targets))
    assert len(data) == 442
