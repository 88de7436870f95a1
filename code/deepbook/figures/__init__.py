"""One look for every figure of the book, and the drawings that several pages need.

Importing this package applies the look (:func:`use_style`). A drawing loads when it is first
used, so that a page depends on those that it draws with.
"""

import lazy_loader

from deepbook.figures.style import use_style

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    # a module never has the name of a function: importing it would hide the function
    submod_attrs={
        "confusion": ["confusion_matrix"],
        "formats": ["also_png"],
        "heat_maps": ["heatmap"],
        "images": ["image_grid"],
        "regions": ["decision_regions"],
        "schematics": ["network"],
        "spread": ["curves"],
        "style": ["BLUES", "CARD", "COLORS", "DIVERGING", "INK", "LINE_STYLES", "use_style"],
    },
)

use_style()
