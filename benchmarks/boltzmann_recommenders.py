"""What the two tables of recommenders share: five official folds, and choices inside each.

Everything that is chosen is chosen anew in each fold, on a tenth of its training ratings that is
held out for that; then the choice is trained on all of them. The test ratings are read once, by
the scores.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from statistics import mean, stdev

import torch
from torch import Tensor

import deepbook
from deepbook.data import MovieLens, Ratings, movielens100k
from deepbook.recommenders import Recommender, check_no_leak, hold_out, ranking_scores

PACKAGES = ["torch", "numpy"]
if importlib.util.find_spec("surprise"):
    PACKAGES.append("scikit-surprise")

Row = dict[str, float | str | None]
Scores = dict[str, float]
Score = Callable[[Tensor, Ratings], float]


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes
    ----------
    name : str
    candidates : sequence of callables
        Each makes a new recommender; where there are several, each fold chooses.
    repeats : int
        Seeds whose scores are averaged.
    ranked : bool
        Whether the ten films that it puts first are looked at.
    """

    name: str
    candidates: Sequence[Callable[[], Recommender]]
    repeats: int = 1
    ranked: bool = True


def choose(method: Method, train: Ratings, score: Score, fold: int) -> Callable[[], Recommender]:
    """The candidate that predicts held-out training ratings best."""
    if len(method.candidates) == 1:
        return method.candidates[0]
    inner, held = hold_out(train, 0.1, torch.Generator().manual_seed(fold))
    results = []
    for candidate in method.candidates:
        deepbook.seed(0)
        results.append(score(candidate().fit(inner).predict(held.users, held.items), held))
    best = results.index(min(results))
    print(f"  {method.name}, fold {fold}: {[round(r, 4) for r in results]}: {best}", flush=True)
    return method.candidates[best]


def measure(
    methods: Sequence[Method],
    scores: Callable[[Tensor, Ratings], Scores],
    shown: Sequence[str],
    choice: Score,
    folds: Sequence[int],
) -> list[Row]:
    """One row a method: mean and standard deviation over the folds of every score."""
    films, rows = movielens100k(), []
    for method in methods:
        found = [_one_fold(method, films, fold, scores, choice) for fold in folds]
        row: Row = {"model": method.name}
        for key in (*shown, "precision at 10", "recall at 10", "NDCG at 10", "CPU seconds"):
            # an infinite log-loss stands as no value
            values = [f[key] for f in found if isfinite(f.get(key, inf))]
            row[key] = mean(values) if values else None
            if key in shown[:2]:
                row[f"{key} ±"] = stdev(values) if len(values) > 1 else None
                row[f"{key} u1"] = values[0] if values else None
        rows.append(row)
        print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
    return rows


def _one_fold(
    method: Method, films: MovieLens, fold: int, scores: Callable, choice: Score
) -> Scores:
    train, test = films.fold(fold)
    check_no_leak(train, test)
    make, found = choose(method, train, choice, fold), []
    for seed in range(method.repeats):
        deepbook.seed(seed)
        start = time.process_time()
        model = make().fit(train)
        result = {"CPU seconds": time.process_time() - start}
        result |= scores(model.predict(test.users, test.items), test)
        if method.ranked:
            ranking = ranking_scores(model, test)
            result |= {
                "precision at 10": ranking.precision,
                "recall at 10": ranking.recall,
                "NDCG at 10": ranking.ndcg,
            }
        found.append(result)
    return {key: mean(result[key] for result in found) for key in found[0]}


class FromSurprise(Recommender):
    """An algorithm of the Surprise package, with its own settings."""

    def __init__(self, user_count: int, item_count: int, algorithm: Callable) -> None:
        super().__init__(user_count, item_count)
        self.algorithm = algorithm()

    def _fit(self, ratings: Ratings) -> None:
        import pandas
        from surprise import Dataset, Reader

        columns = zip(
            ratings.users.tolist(), ratings.items.tolist(), ratings.stars.tolist(), strict=True
        )
        data = Dataset.load_from_df(pandas.DataFrame(columns), Reader(rating_scale=(1, 5)))
        self.algorithm.fit(data.build_full_trainset())

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        pairs = zip(users.tolist(), items.tolist(), strict=True)
        return torch.tensor([self.algorithm.predict(u, i).est for u, i in pairs])


os.environ.setdefault("DEEPBOOK_PROGRESS", "0")
