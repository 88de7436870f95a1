import pytest

from deepbook.training import check_count


def test_a_count_of_at_least_one_comes_back_and_another_is_refused_by_name():
    assert check_count("chain", 3) == 3
    for count in (0, -1):
        with pytest.raises(ValueError, match=f"expected at least 1 chain, got {count}"):
            check_count("chain", count)
