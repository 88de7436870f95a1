"""One door for everybody's ratings: what is no rating is refused, with the rows that hold it."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings

__all__ = ["check_likes", "check_pairs", "check_ratings", "check_stars", "check_users"]

SHOWN = 3
"""How many of the offending rows a message shows."""

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def check_ratings(
    ratings: Ratings, user_count: int | None = None, item_count: int | None = None
) -> Ratings:
    """Return the ratings, with stars as int64, if they are ones that can be learned from.

    Parameters
    ----------
    ratings : Ratings
        Users and items are int64. Stars are whole numbers from 1 to 5, of an integer dtype or of
        a floating one. No user has rated a film twice.
    user_count, item_count : int, optional
        Users and items are numbered below; no upper bound if not given.

    Returns
    -------
    Ratings
        The same object where the stars are int64 already.

    Raises
    ------
    TypeError
        If it is no ``Ratings``, a column is no tensor, or a dtype is another; with the dtype.
    ValueError
        If columns differ in length, there is no rating, a user, an item or a number of stars is
        out of its range, or a pair of user and item is there twice; with the first of the
        offending rows, and how many there are.
    """
    if not isinstance(ratings, Ratings):
        raise TypeError(f"expected Ratings, got {type(ratings).__name__}")
    columns = {n: getattr(ratings, n) for n in ("users", "items", "stars", "timestamps")}
    _check_columns(columns)
    if len(ratings) == 0:
        raise ValueError("expected at least 1 rating, got none")
    users, items = ratings.users, ratings.items
    _check_index("users", users, user_count)
    _check_index("items", items, item_count)
    stars = check_stars(ratings.stars)
    _check_no_pair_twice(users, items)
    return ratings if stars is ratings.stars else replace(ratings, stars=stars)


def check_pairs(
    users: Tensor, items: Tensor, user_count: int | None = None, item_count: int | None = None
) -> None:
    """Raise if users and items are no pairs to predict for; a pair may be there twice.

    Parameters
    ----------
    users, items : Tensor, shape (N,), int64
    user_count, item_count : int, optional
        As for ``check_ratings``.

    Raises
    ------
    TypeError, ValueError
        As ``check_ratings`` does.
    """
    _check_columns({"users": users, "items": items})
    _check_index("users", users, user_count)
    _check_index("items", items, item_count)


def check_users(users: Tensor, user_count: int | None = None) -> None:
    """Raise if these are no users, int64 of shape (N,); as ``check_pairs`` does."""
    _check_columns({"users": users})
    _check_index("users", users, user_count)


def check_stars(stars: Tensor) -> Tensor:
    """Return the stars as int64 if each is 1, 2, 3, 4 or 5.

    Parameters
    ----------
    stars : Tensor, shape (...)
        Of an integer dtype, or of a floating one where all numbers are whole.

    Returns
    -------
    Tensor, shape (...), int64
        The same object if it is int64 already.

    Raises
    ------
    TypeError
        If it is no tensor or its dtype holds no numbers of stars.
    ValueError
        With the first rows of other values, and how many there are.
    """
    _check_tensor("stars", stars)
    if stars.dtype not in _INTEGERS + _FLOATS:
        raise TypeError(f"expected stars of an integer or floating dtype, got {stars.dtype}")
    # NaN is neither at least 1 nor equal to itself rounded
    good = (stars >= 1) & (stars <= 5)
    if stars.dtype in _FLOATS:
        good &= stars == stars.round()
    _check_all("1, 2, 3, 4 or 5 stars", good, stars)
    return stars if stars.dtype == torch.int64 else stars.long()


def check_likes(likes: Tensor) -> None:
    """Raise if some are neither 0 nor 1 (False nor True); as ``check_stars`` does."""
    _check_tensor("likes", likes)
    if likes.dtype not in (*_INTEGERS, *_FLOATS, torch.bool):
        raise TypeError(f"expected likes as numbers or bool, got {likes.dtype}")
    _check_all("likes that are 0 or 1", (likes == 0) | (likes == 1), likes)


def _check_columns(columns: dict[str, Tensor]) -> None:
    for name, column in columns.items():
        _check_tensor(name, column)
    names = ", ".join(columns)
    shapes = [tuple(column.shape) for column in columns.values()]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        got = " and ".join(map(str, shapes))
        raise ValueError(f"expected {names} of one length, in one dimension, got shapes {got}")
    devices = [str(column.device) for column in columns.values()]
    if len(set(devices)) > 1:
        raise ValueError(f"expected {names} on one device, got {' and '.join(devices)}")


def _check_tensor(name: str, column: Tensor) -> None:
    if not isinstance(column, Tensor):
        raise TypeError(f"expected {name} as a tensor, got {type(column).__name__}")


def _check_index(name: str, index: Tensor, count: int | None) -> None:
    if index.dtype != torch.int64:
        raise TypeError(f"expected {name} as int64, got {index.dtype}")
    if count is None:
        _check_all(f"{name} from 0 on", index >= 0, index)
    else:
        _check_all(f"{name} from 0 to {count - 1}", (index >= 0) & (index < count), index)


def _check_all(wanted: str, good: Tensor, values: Tensor) -> None:
    """Raise, with the first rows, if some are not good."""
    if bool(good.all()):
        return
    bad, flat = (~good).flatten().nonzero()[:, 0], values.flatten()
    got = _some(bad.tolist(), lambda row: f"{flat[row].item():g} in row {row}")
    raise ValueError(f"expected {wanted}, got {got}; so {len(bad)} of {len(flat)} rows")


def _check_no_pair_twice(users: Tensor, items: Tensor) -> None:
    width = int(items.max()) + 1
    keys, copies = (users * width + items).unique(return_counts=True)
    twice = keys[copies > 1].tolist()
    if not twice:
        return

    def one(key: int) -> str:
        user, item = divmod(key, width)
        rows = ((users == user) & (items == item)).nonzero()[:, 0].tolist()
        more = " and more" if len(rows) > SHOWN else ""
        return f"user {user} and item {item} in rows {', '.join(map(str, rows[:SHOWN]))}{more}"

    raise ValueError(
        "expected one rating for each pair of user and item, "
        f"got {_some(twice, one)}; so {len(twice)} of {len(keys)} pairs"
    )


def _some(offenders: list[int], describe: Callable[[int], str]) -> str:
    text = "; ".join(describe(one) for one in offenders[:SHOWN])
    return text + ("; ..." if len(offenders) > SHOWN else "")
