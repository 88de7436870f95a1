"""How far an output is from a reference: insertions, deletions and substitutions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

__all__ = [
    "Edit",
    "edit_distance",
    "edit_operations",
    "sequence_error_rate",
    "symbol_error_rate",
]


class Edit(NamedTuple):
    """One step on the way from an output to a reference.

    Attributes
    ----------
    kind : {"keep", "substitute", "delete", "insert"}
    output, reference
        The symbol of each; None for the output's in an insertion, for the reference's in a
        deletion.
    """

    kind: str
    output: Any
    reference: Any


def edit_distance(output: Sequence[Any], reference: Sequence[Any]) -> int:
    """Least number of insertions, deletions and substitutions between them (Levenshtein 1966).

    Examples
    --------
    >>> from deepbook.sequence import edit_distance
    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(reference) + 1))
    for i, symbol in enumerate(output, 1):
        row = _next_row(row, i, symbol, reference)
    return row[-1]


def edit_operations(output: Sequence[Any], reference: Sequence[Any]) -> list[Edit]:
    """A shortest way from the output to the reference, the symbols that stay included.

    Of several it keeps or substitutes from the end on where it can, then deletes.
    """
    table = [list(range(len(reference) + 1))]
    for i, symbol in enumerate(output, 1):
        table.append(_next_row(table[-1], i, symbol, reference))
    i, j, edits = len(output), len(reference), []
    while i or j:
        same = i > 0 and j > 0 and output[i - 1] == reference[j - 1]
        if i and j and table[i][j] == table[i - 1][j - 1] + (not same):
            i, j = i - 1, j - 1
            edits.append(Edit("keep" if same else "substitute", output[i], reference[j]))
        elif i and table[i][j] == table[i - 1][j] + 1:
            i -= 1
            edits.append(Edit("delete", output[i], None))
        else:
            j -= 1
            edits.append(Edit("insert", None, reference[j]))
    return edits[::-1]


def symbol_error_rate(
    outputs: Sequence[Sequence[Any]], references: Sequence[Sequence[Any]]
) -> float:
    """All edits over all symbols of the references: phoneme, character or word error rate.

    It can be above 1, where outputs are too long.

    Raises
    ------
    ValueError
        If there is not an output for each reference, or the references have no symbol.
    """
    _check(outputs, references)
    if not (symbols := sum(map(len, references))):
        raise ValueError("expected references with symbols, got none")
    return sum(map(edit_distance, outputs, references)) / symbols


def sequence_error_rate(
    outputs: Sequence[Sequence[Any]], references: Sequence[Sequence[Any]]
) -> float:
    """The share of outputs that are not exactly their reference.

    Raises
    ------
    ValueError
        If there is not an output for each reference, or no reference.
    """
    _check(outputs, references)
    wrong = sum(list(o) != list(r) for o, r in zip(outputs, references, strict=True))
    return wrong / len(references)


def _next_row(row: list[int], i: int, symbol: Any, reference: Sequence[Any]) -> list[int]:
    """Distances of ``i`` symbols of the output from each beginning of the reference."""
    new = [i]
    for j, other in enumerate(reference):
        new.append(min(row[j] + (symbol != other), row[j + 1] + 1, new[j] + 1))
    return new


def _check(outputs: Sequence[Any], references: Sequence[Any]) -> None:
    if len(outputs) != len(references) or not references:
        raise ValueError(
            f"expected an output for each of at least 1 reference, got {len(outputs)} for "
            f"{len(references)}"
        )
