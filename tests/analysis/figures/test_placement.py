import numpy as np
from matplotlib.collections import QuadMesh

from labctl.analysis.figures import placement_figure
from tests.analysis.figures.looking import drawn, texts


def test_layers_free_and_dead_cells_are_told_apart_and_counted():
    chart = np.array([[0, 1, 2, -1], [3, 4, -2, 0]])
    figure = drawn(placement_figure(chart, [3, 2]))
    words = texts(figure)
    for word in ("layer 1 (4 cells)", "layer 2 (2 cells)", "free (1)", "not usable (1)"):
        assert word in words
    mesh = next(c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    shown = np.asarray(mesh.get_array()).reshape(chart.shape)
    assert len({shown[0, 0], shown[1, 0], shown[0, 3], shown[1, 2]}) == 4
    assert shown[0, 0] == shown[0, 1] == shown[1, 3]
    assert {"0", "3", "4"} <= set(words.split("\n"))
    assert figure.axes[0].get_ylim() == (2, 0)


def test_one_layer_a_large_chip_and_nothing():
    words = texts(drawn(placement_figure(np.full((40, 50), -1))))
    assert "weights (0 cells)" in words
    assert "free (2000)" in words
    assert "no data" in texts(drawn(placement_figure(np.empty((0, 0))))).lower()
