"""The reader rates a few films, a trained model recommends; nothing leaves the page."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import Packed, pack

__all__ = ["FilmRecommender"]

_ACTIVATIONS = ("identity", "relu", "selu", "sigmoid", "tanh")
_STARS = ("1", "2", "3", "4", "5")


class FilmRecommender(LiveFigure):
    """What a model expects of the films that the reader has not rated.

    Made by :meth:`softmax` or :meth:`autoencoder`. The films are listed in their order, so put
    those first that most readers know. Weights are stored as int8, the rest as float16;
    ``decoded`` tells with which numbers the figure computes.

    Parameters
    ----------
    films : sequence of str
        Titles, one for each film of the model.
    model : mapping
    answers : sequence of str
        What a reader can say of a film, the worst first.
    values : sequence of float, optional
        What each answer counts; 1, 2, ... if not given.
    unit : str
        Read out after an answer: ``"stars"``.
    fallback, alt, label
        As :class:`LiveFigure` takes them.
    """

    def __init__(
        self,
        films: Sequence[str],
        model: Mapping[str, Any],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Rate films and get recommendations",
        answers: Sequence[str] = _STARS,
        values: Sequence[float] | None = None,
        unit: str = "stars",
    ) -> None:
        numbers = [float(v) for v in (values if values is not None else range(1, len(answers) + 1))]
        if len(answers) < 2 or len(numbers) != len(answers):
            raise ValueError(
                f"expected 2 or more answers and a value for each, got {list(answers)}, {numbers}"
            )
        data = {
            "films": [str(title) for title in films],
            "model": dict(model),
            "answers": list(answers),
            "values": numbers,
            "unit": unit,
        }
        super().__init__("film_recommender.js", data, fallback=fallback, alt=alt, label=label)

    @classmethod
    def softmax(
        cls,
        films: Sequence[str],
        weight: ArrayLike,
        visible_bias: ArrayLike,
        hidden_bias: ArrayLike,
        *,
        answers: Sequence[str] = _STARS,
        **figure: Any,
    ) -> Self:
        """From a restricted Boltzmann machine with softmax visible units.

        The figure computes what ``deepbook.boltzmann.SoftmaxRBM.predictive`` does: the exact
        probability of each answer given the reader's ratings, hidden units summed out
        (Salakhutdinov, Mnih and Hinton 2007, section 2.2). A binary machine for likes is one
        with two answers, the weights and biases of the first being zero.

        Parameters
        ----------
        films : sequence of str
        weight : array or tensor, shape (films, answers, hidden)
        visible_bias : array or tensor, shape (films, answers)
        hidden_bias : array or tensor, shape (hidden,)
        answers : sequence of str
        **figure
            The other arguments of the class.

        Raises
        ------
        ValueError
            If the shapes do not belong together.
        """
        model = {
            "kind": "softmax",
            "weight": pack(weight, "int8"),
            "visible_bias": pack(visible_bias, "float16"),
            "hidden_bias": pack(hidden_bias, "float16"),
        }
        got = [part.codes.shape for part in model.values() if isinstance(part, Packed)]
        want = (len(films), len(answers))
        if len(got[0]) != 3 or got[0][:2] != want or got[1:] != [want, (got[0][2],)]:
            raise ValueError(
                f"expected shapes ({want[0]}, {want[1]}, hidden), {want} and (hidden,) for "
                f"{want[0]} films and {want[1]} answers, got {got[0]}, {got[1]} and {got[2]}"
            )
        return cls(films, model, answers=answers, **figure)

    @classmethod
    def autoencoder(
        cls,
        films: Sequence[str],
        layers: Sequence[tuple[ArrayLike, ArrayLike, str]],
        *,
        offset: ArrayLike,
        scale: float = 1.0,
        **figure: Any,
    ) -> Self:
        """From an autoencoder over films.

        Its input is ``(rating - offset) / scale`` for the films that are rated and 0 for the
        others; the answer it expects is ``offset + scale * output``.

        Parameters
        ----------
        films : sequence of str
        layers : sequence of (weight, bias, activation)
            ``weight`` of shape (outputs, inputs) as in ``nn.Linear``; ``activation`` is one of
            ``"identity"``, ``"relu"``, ``"selu"``, ``"sigmoid"``, ``"tanh"``.
        offset : array or tensor, shape (films,)
            For example each film's mean rating; zeros for none.
        scale : float
        **figure
            The other arguments of the class.

        Raises
        ------
        ValueError
            If the shapes do not belong together or an activation is another.
        """
        size = len(films)
        told = []
        for weight, bias, activation in layers:
            matrix, column = pack(weight, "int8"), pack(bias, "float16")
            got = matrix.codes.shape
            if len(got) != 2 or got[1] != size or column.codes.shape != got[:1]:
                raise ValueError(
                    f"expected a weight of shape (outputs, {size}) and a bias for each output, "
                    f"got {got} and {column.codes.shape}"
                )
            if activation not in _ACTIVATIONS:
                raise ValueError(
                    f"expected an activation among {', '.join(_ACTIVATIONS)}, got {activation!r}"
                )
            told.append({"weight": matrix, "bias": column, "activation": activation})
            size = got[0]
        start = pack(offset, "float16")
        if not told or size != len(films) or start.codes.shape != (len(films),):
            raise ValueError(
                f"expected layers that give {len(films)} numbers and as many offsets, "
                f"got {size} and offsets of shape {start.codes.shape}"
            )
        if not scale > 0:
            raise ValueError(f"expected a scale above 0, got {scale}")
        model = {"kind": "autoencoder", "layers": told, "offset": start, "scale": float(scale)}
        return cls(films, model, **figure)
