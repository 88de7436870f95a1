"""The formats in which a reader's notebook keeps its figures."""

__all__ = ["also_png"]


def also_png() -> None:
    """Give each figure of this notebook as PNG beside SVG; outside a notebook nothing happens.

    Importing ``deepbook.figures`` asks for SVG alone, which is what the book's pages show. A
    notebook goes further: JupyterLab draws no SVG of a notebook that its reader has not run, mail
    and office programs know none, and to make a PDF of one takes another program.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", "png", metadata={"Date": None})
