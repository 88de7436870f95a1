"""Knowledge graphs: who stands in which relation to whom."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised

__all__ = ["KnowledgeGraph", "kinships", "nations", "umls"]


@dataclass(frozen=True, eq=False, repr=False)
class KnowledgeGraph(Summarised):
    """Facts, each a triple of head, relation and tail, in three parts.

    Attributes
    ----------
    train, validation, test : Tensor of int64, shape (N, 3)
        Index of the head among ``entities``, of the relation among ``relations``, of the tail
        among ``entities``.
    entities, relations : tuple of str
        In alphabetical order.
    licence, citation : str
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    licence: str
    citation: str

    @property
    def facts(self) -> Tensor:
        """All that is true, shape (N, 3): what a filtered rank has to leave out."""
        return torch.cat([self.train, self.validation, self.test])

    def to(self, device: torch.device | str) -> "KnowledgeGraph":
        """The same facts on ``device``."""
        train, validation, test = (
            part.to(device) for part in (self.train, self.validation, self.test)
        )
        return replace(self, train=train, validation=validation, test=test)


def umls() -> KnowledgeGraph:
    """How 135 notions of medicine relate in 46 ways (McCray 2003): 5,216, 652 and 661 facts.

    The semantic network of the Unified Medical Language System, split as is usual for link
    prediction.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. So everywhere here;
        the wheel has 0.7 MB.
    """
    return _graph("umls")


def kinships() -> KnowledgeGraph:
    """How 104 Alyawarra are related in 25 ways (Denham 1973): 8,544, 1,068 and 1,074 facts."""
    return _graph("kinships")


def nations() -> KnowledgeGraph:
    """How 14 nations acted on each other in 55 ways (Rummel 1976): 1,592, 199 and 201 facts."""
    return _graph("nations")


def _graph(name: str) -> KnowledgeGraph:
    folder, data = fetch(name), entry(name)
    parts = [
        [line.split("\t") for line in (folder / f"{part}.txt").read_text("utf-8").splitlines()]
        for part in ("train", "valid", "test")
    ]
    facts = [fact for part in parts for fact in part]
    entities = tuple(sorted({end for head, _, tail in facts for end in (head, tail)}))
    relations = tuple(sorted({relation for _, relation, _ in facts}))
    entity, relation = (
        {name: place for place, name in enumerate(names)} for names in (entities, relations)
    )
    train, validation, test = (
        torch.tensor([[entity[head], relation[kind], entity[tail]] for head, kind, tail in part])
        for part in parts
    )
    return KnowledgeGraph(train, validation, test, entities, relations, data.licence, data.citation)
