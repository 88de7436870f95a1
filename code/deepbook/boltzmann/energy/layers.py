"""Sizes of layers: checks at the door."""

__all__ = ["check_layers"]


def check_layers(visible_size: int, hidden_size: int, weight_scale: float = 0.0) -> None:
    """Raise unless each layer has a unit and the scale of the initial weights is not negative."""
    if visible_size < 1 or hidden_size < 1:
        raise ValueError(
            f"expected at least 1 visible and 1 hidden unit, got {visible_size} and {hidden_size}"
        )
    check_weight_scale(weight_scale)


def check_weight_scale(weight_scale: float) -> None:
    """Raise unless the scale of the initial weights is not negative."""
    if not weight_scale >= 0:
        raise ValueError(f"expected a weight scale of at least 0, got {weight_scale}")
