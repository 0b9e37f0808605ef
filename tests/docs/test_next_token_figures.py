"""The pictures show what was measured, and the predictions lie on it."""

import numpy as np
import pytest

from docs.gallery.next_token_figures import (
    both_layers_figure,
    direction_figure,
    joint_figure,
    loss_figure,
    score_figure,
)
from numerics.next_token.stage import aligned_output
from numerics.next_token.training import train_attention
from proofs.next_token.examples import NAMED


def test_loss_falls_along_the_predicted_line() -> None:
    (axes,) = loss_figure([NAMED["DS-A"], NAMED["DS-C"]], T=120).axes
    normalised, predicted, plain = axes.lines[:3]
    assert np.log(normalised.get_ydata()[-1]) == pytest.approx(np.log(predicted.get_ydata()[-1]), abs=0.01)
    assert plain.get_ydata()[-1] > 1e-3 > 1e-15 > normalised.get_ydata()[-1]
    assert len(axes.lines) == 6


def test_direction_meets_the_predicted_limit() -> None:
    (axes,) = direction_figure([NAMED["DS-B"], NAMED["DS-D"]], T=1000).axes
    for measured, predicted in (axes.lines[:2], axes.lines[2:]):
        x, y = predicted.get_data()
        assert measured.get_ydata()[-1] == pytest.approx(y[-1], rel=0.01)
        slope = (y[-1] - y[0]) / np.log(x[-1] / x[0])
        late = measured.get_ydata()[-10:]
        assert (late[-1] - late[0]) / np.log(measured.get_xdata()[-1] / measured.get_xdata()[-10]) == pytest.approx(
            slope, abs=0.05
        )


def test_scores_of_all_tokens_are_drawn() -> None:
    (axes,) = score_figure(NAMED["DS-C"], T=50).axes
    kinds = [line.get_label() for line in axes.lines]
    assert kinds == ["3: optimal", "2: in between", "1: unseen", "4: unseen", "0: non-optimal"]
    assert all(line.get_ydata()[-1] == 0 for line in axes.lines if "unseen" in str(line.get_label()))


def test_both_layers_lie_on_the_prediction() -> None:
    dataset, times = NAMED["DS-B"], range(1, 401)
    training = train_attention([dataset], aligned_output([dataset], 3.0), 0.2, 400, times)
    loss, direction, norm = both_layers_figure({"W_kq": training}, times).axes
    for axes, tolerance in ((loss, 1e-3), (direction, 0.05), (norm, 0.05)):
        measured, predicted = (line.get_ydata() for line in axes.lines)
        assert measured[-100:] == pytest.approx(predicted[-100:], rel=tolerance)


def test_attention_of_joint_training_bends() -> None:
    (axes,) = joint_figure([NAMED["DS-A"]], T=400).axes
    second, joint, plain, predicted = axes.lines
    assert second.get_ydata()[-1] > 10 * joint.get_ydata()[-1] > 10 * plain.get_ydata()[-1]
    assert joint.get_ydata()[-20:] == pytest.approx(predicted.get_ydata(), rel=0.05)
