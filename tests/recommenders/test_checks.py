import pytest
import torch

from deepbook.recommenders import check_likes, check_pairs, check_stars, check_users

USERS = torch.tensor([0, 3, 3])


def test_stars_come_back_as_int64_and_untouched_where_they_are():
    stars = torch.tensor([[1, 2], [3, 5]])
    assert check_stars(stars) is stars
    whole = check_stars(stars.to(torch.bfloat16))
    assert whole.dtype == torch.int64
    assert torch.equal(whole, stars)


def test_pairs_need_no_bound_and_may_come_twice():
    check_pairs(USERS, USERS)
    check_pairs(USERS, USERS, 4, 4)
    check_users(USERS, 4)
    with pytest.raises(
        ValueError, match="items from 0 to 2, got 3 in row 1; 3 in row 2; so 2 of 3"
    ):
        check_pairs(USERS, USERS, 4, 3)
    with pytest.raises(ValueError, match=r"users of one length, in one dimension.*\(1, 3\)"):
        check_users(USERS[None])


@pytest.mark.parametrize("likes", [[True, False], [1, 0], [1.0, 0.0]])
def test_likes_may_be_bools_or_numbers(likes):
    check_likes(torch.tensor(likes))


def test_likes_of_a_half_and_of_no_number_at_all_are_refused():
    with pytest.raises(ValueError, match=r"0 or 1, got 0\.5 in row 1; so 1 of 2 rows"):
        check_likes(torch.tensor([0, 0.5]))
    with pytest.raises(TypeError, match=r"numbers or bool, got torch\.complex64"):
        check_likes(torch.tensor([1j]))
    with pytest.raises(TypeError, match="likes as a tensor, got list"):
        check_likes([1])
