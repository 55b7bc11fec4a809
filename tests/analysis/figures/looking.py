"""What a figure says and shows, asked of its artists."""

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> str:
    """Return all the words of a figure, one text a line."""
    found = figure.findobj(Text)
    return "\n".join(t.get_text() for t in found if t.get_visible() and t.get_text())


def drawn(figure: Figure) -> Figure:
    """Lay the figure out and draw it, so that what breaks only then breaks here."""
    figure.canvas.draw()
    return figure


def data_axes(figure: Figure) -> list:
    """Return the axes that are not colour bars."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
