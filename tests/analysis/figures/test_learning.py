import numpy as np
import pytest

from labctl.analysis.figures import (
    calibration_figure,
    learning_trace_figure,
    mean_error,
    most_uncertain,
    posterior_check_figure,
    reliability,
    sd_ratio,
    uncertain_figure,
)
from labctl.analysis.figures.learning_trace import MOST_POINTS
from tests.analysis import synthetic
from tests.analysis.figures.looking import drawn, texts

CHAIN = synthetic.chain(np.random.default_rng(10), steps=5000, weights=8)


def test_traces_are_thinned_with_both_ends_and_the_reference_stands_beside():
    figure = drawn(
        learning_trace_figure(
            CHAIN.step,
            CHAIN.log_posterior,
            CHAIN.weights[:, :3],
            ["bias", "radius", "texture"],
            reference_mean=CHAIN.reference_mean[:3],
            reference_sd=CHAIN.reference_sd[:3],
            burn_in=500,
        )
    )
    score, weights = figure.axes
    x, y = score.lines[0].get_data()
    assert len(x) == MOST_POINTS
    assert (x[0], x[-1]) == (0, 4999)
    assert y[-1] == CHAIN.log_posterior[-1]
    bars = [c.lines[0] for c in weights.containers]
    assert [float(b.get_ydata()[0]) for b in bars] == pytest.approx(CHAIN.reference_mean[:3])
    for word in (
        "bias",
        "radius",
        "texture",
        "burn-in",
        "reference",
        "log posterior (nat)",
        "step",
    ):
        assert word in texts(figure)


def test_several_chains_are_several_lines_and_six_weights_are_the_most():
    scores = np.stack([CHAIN.log_posterior, CHAIN.log_posterior - 3], axis=1)
    figure = drawn(
        learning_trace_figure(CHAIN.step, scores, CHAIN.weights, score_label="NLL (nat)")
    )
    assert len(figure.axes[0].lines) == 2
    assert len(figure.axes[1].lines) == 6
    assert figure.axes[0].get_ylabel() == "NLL (nat)"
    assert "w0" in texts(figure)


def test_one_step_and_no_step_can_be_drawn():
    drawn(learning_trace_figure([0], [1.0], [[0.5]]))
    assert texts(drawn(learning_trace_figure([], [], []))).count("no data") == 2
    assert "no data" in texts(drawn(learning_trace_figure([0, 1], [np.nan] * 2, np.zeros((2, 1)))))


def test_mean_error_is_root_mean_square_in_reference_sds_and_sd_ratio_the_median():
    assert mean_error([1.0, 2.0], [0.0, 0.0], [1.0, 2.0]) == pytest.approx(1.0)
    assert mean_error([0.3, 0.0], [0.0, 0.0], [1.0, 1.0]) == pytest.approx(0.3 / np.sqrt(2))
    assert sd_ratio([1.0, 2.0, 30.0], [1.0, 1.0, 10.0]) == 2.0
    assert np.isnan(mean_error([], [], []))


def test_the_posterior_check_puts_the_reference_on_x_and_prints_both_figures():
    mean, sd = CHAIN.weights.mean(0), CHAIN.weights.std(0)
    figure = drawn(posterior_check_figure(mean, sd, CHAIN.reference_mean, CHAIN.reference_sd))
    left, right = figure.axes
    dots = left.containers[0].lines[0]
    assert dots.get_xdata() == pytest.approx(CHAIN.reference_mean)
    assert dots.get_ydata() == pytest.approx(mean)
    assert right.lines[-1].get_xdata() == pytest.approx(CHAIN.reference_sd)
    assert right.lines[-1].get_ydata() == pytest.approx(sd)
    error = mean_error(mean, CHAIN.reference_mean, CHAIN.reference_sd)
    assert f"mean error {error:.3g} sd" in texts(figure)
    assert f"median ratio {sd_ratio(sd, CHAIN.reference_sd):.3g}" in texts(figure)
    assert texts(drawn(posterior_check_figure([], [], [], []))).count("no data") == 2


def test_reliability_of_ten_known_predictions():
    # Five at 0.9 of which four right, five at 0.6 (for class 0: 0.4) of which three right.
    p = [0.9] * 5 + [0.4] * 5
    y = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    r = reliability(p, y, bins=5)
    assert r.edges[[0, -1]].tolist() == [0.5, 1.0]
    assert r.count.tolist() == [5, 0, 0, 5, 0]
    assert r.accuracy[[0, 3]] == pytest.approx([0.6, 0.8])
    assert r.confidence[[0, 3]] == pytest.approx([0.6, 0.9])
    assert r.ece == pytest.approx(0.5 * 0.0 + 0.5 * 0.1)
    assert np.all(r.low[[0, 3]] < r.accuracy[[0, 3]])
    assert np.all(r.high[[0, 3]] > r.accuracy[[0, 3]])


def test_wilsons_interval_of_one_in_one_is_half_to_one():
    r = reliability([1.0], [1])
    assert r.count[-1] == 1
    assert (r.low[-1], r.high[-1]) == pytest.approx((0.5, 1.0))


def test_three_classes_start_at_a_third():
    r = reliability([[0.2, 0.5, 0.3], [1 / 3, 1 / 3, 1 / 3]], [1, 0])
    assert r.edges[0] == pytest.approx(1 / 3)
    assert r.count.sum() == 2


def test_predictions_and_labels_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 predictions for 1 labels"):
        reliability([0.1, 0.2], [1])


def test_calibrated_predictions_have_a_small_ece_and_overconfident_ones_do_not():
    rng = np.random.default_rng(11)
    p = rng.uniform(0, 1, 20_000)
    y = (rng.random(20_000) < p).astype(int)
    # The noise of 15 bins of 1333 adds up to about 0.009; 0.02 is beyond 5 sigma.
    assert reliability(p, y).ece < 0.02
    assert reliability(np.where(p > 0.5, 0.99, 0.01), y).ece > 0.15


def test_the_reliability_diagram_shows_counts_and_ece():
    p = synthetic.predictions(np.random.default_rng(12))
    figure = drawn(calibration_figure(p.probability, p.label))
    r = reliability(p.probability, p.label)
    top, bottom = figure.axes
    full = r.count > 0
    assert top.containers[0].lines[0].get_ydata() == pytest.approx(100 * r.accuracy[full])
    assert bottom.patches[0].get_data().values.tolist() == r.count.tolist()
    words = texts(figure)
    assert f"ECE {100 * r.ece:.2g} %" in words
    assert "n = 114" in words
    assert "confidence in the prediction (%)" in words
    assert texts(drawn(calibration_figure([], []))).count("no data") == 2


def test_the_most_uncertain_come_first_and_those_without_a_value_never():
    assert most_uncertain([0.1, np.nan, 0.5, 0.3], 10).tolist() == [2, 3, 0]
    assert most_uncertain([0.1, 0.5, 0.3], 2).tolist() == [1, 2]


def test_the_uncertain_samples_are_ordered_split_and_named():
    p = synthetic.predictions(np.random.default_rng(13))
    figure = drawn(
        uncertain_figure(
            p.probability,
            p.label,
            p.aleatoric,
            p.epistemic,
            sample=p.sample,
            classes=("malignant", "benign"),
            count=7,
        )
    )
    left, right = figure.axes
    order = np.argsort(-(p.aleatoric + p.epistemic), kind="stable")[:7]
    assert [t.get_text() for t in left.get_yticklabels()] == [str(n) for n in p.sample[order]]
    data, model = (c.patches for c in right.containers)
    assert [b.get_width() for b in data] == pytest.approx(p.aleatoric[order])
    assert [b.get_width() for b in model] == pytest.approx(p.epistemic[order])
    assert [b.get_x() for b in model] == pytest.approx(p.aleatoric[order])
    for word in (
        "truly malignant",
        "truly benign",
        "aleatoric",
        "epistemic",
        "(nat)",
        "of benign (%)",
    ):
        assert word in texts(figure)


def test_no_samples_say_no_data():
    assert texts(drawn(uncertain_figure([], [], [], []))).count("no data") == 2
    assert "no data" in texts(drawn(uncertain_figure([0.5], [1], [np.nan], [0.1])))


def test_names_with_dollars_and_markup_are_drawn_as_they_are():
    figure = drawn(
        uncertain_figure([0.5, 0.4], [1, 0], [0.6, 0.6], [0.05, 0.01], sample=["$x_{$", "<b>&"])
    )
    assert "$x_{$" in texts(figure)
