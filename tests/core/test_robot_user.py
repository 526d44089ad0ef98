"""The robot user: published goldens, ties, ignored pixels, and when it stops."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from core.errors import PromptError
from core.metrics import iou
from core.prompts import Click
from core.robot_user import NoisyUser, RobotUser, _exact_distance, simulate_clicks


def disc(shape, centre, radius):
    rows, cols = np.indices(shape)
    return (rows - centre[0]) ** 2 + (cols - centre[1]) ** 2 <= radius**2


def square(shape, rows, cols):
    area = np.zeros(shape, dtype=bool)
    area[rows[0] : rows[1] + 1, cols[0] : cols[1] + 1] = True
    return area


def nothing(mask):
    return np.zeros(mask.shape, dtype=bool)


def test_golden_disc_with_painted_blocks():
    mask = disc((60, 80), (30, 40), 12).astype(np.int8)
    user = RobotUser(mask)
    prediction = nothing(mask)
    clicks = []
    for _ in range(4):
        click = user.next_click(prediction)
        clicks.append((click.row, click.col, click.positive))
        prediction[click.row - 3 : click.row + 4, click.col - 3 : click.col + 4] = True
    assert clicks == [(30, 40, True), (22, 40, True), (26, 33, True), (26, 47, True)]


def test_first_of_equally_deep_pixels_in_row_major_order():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    assert RobotUser(mask).next_click(nothing(mask)) == Click(9, 9, True)


def test_no_pixel_is_clicked_twice():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    user = RobotUser(mask)
    clicks = [user.next_click(nothing(mask)) for _ in range(4)]
    assert [(c.row, c.col) for c in clicks] == [(9, 9), (9, 10), (10, 9), (10, 10)]


def test_image_edge_is_a_border():
    mask = np.ones((20, 30), dtype=np.int8)
    assert RobotUser(mask).next_click(nothing(mask)) == Click(9, 9, True)


def test_equal_regions_give_a_negative_click():
    shape = (40, 60)
    mask = square(shape, (5, 14), (5, 14)).astype(np.int8)
    prediction = square(shape, (25, 34), (25, 34))
    assert RobotUser(mask).next_click(prediction) == Click(29, 29, False)


def test_deeper_missed_region_gives_a_positive_click():
    shape = (40, 60)
    mask = square(shape, (5, 16), (5, 16)).astype(np.int8)
    prediction = square(shape, (25, 34), (25, 34))
    assert RobotUser(mask).next_click(prediction) == Click(10, 10, True)


def test_depth_counts_not_area():
    shape = (40, 60)
    mask = square(shape, (2, 4), (0, 59)).astype(np.int8)  # long and thin: depth 2
    prediction = square(shape, (20, 24), (20, 24))  # small but depth 3
    assert RobotUser(mask).next_click(prediction) == Click(22, 22, False)


def test_depth_is_the_exact_euclidean_distance():
    # Chamfer approximations of the distance would move this click off the widest spot.
    mask = (disc((200, 200), (80, 90), 61) | disc((200, 200), (120, 110), 60)).astype(np.int8)
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, col = np.unravel_index(depth.argmax(), depth.shape)
    click = RobotUser(mask).next_click(nothing(mask))
    assert (click.row, click.col) == (row, col)


def test_ignored_pixels_are_never_clicked():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    mask[:, 10:] = -1
    user = RobotUser(mask)
    everything = np.ones(mask.shape, dtype=bool)
    for prediction in (nothing(mask), everything):
        for _ in range(20):
            click = user.next_click(prediction)
            assert mask[click.row, click.col] != -1


def test_ignored_surroundings_bound_the_region():
    mask = np.full((11, 21), -1, dtype=np.int8)
    mask[3:8, 8:13] = 1
    assert RobotUser(mask).next_click(nothing(mask)) == Click(5, 10, True)


@pytest.mark.parametrize("where", [0, 1, -1])
def test_perfect_prediction_leaves_nothing_to_click(where):
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    mask[0, :5] = where
    assert RobotUser(mask).next_click(mask == 1) is None


def test_perfect_prediction_in_reference_mode_repeats_a_negative_click_in_the_corner():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    user = RobotUser(mask, reference=True)
    assert [user.next_click(mask == 1) for _ in range(3)] == [Click(0, 0, False)] * 3


def test_errors_that_were_all_clicked_count_as_nothing_left():
    mask = np.zeros((9, 9), dtype=np.int8)
    mask[4, 6] = 1
    for reference, end in ((False, None), (True, Click(0, 0, False))):
        user = RobotUser(mask, reference=reference)
        assert user.next_click(nothing(mask)) == Click(4, 6, True)
        assert user.next_click(nothing(mask)) == end


def test_corner_pixel_can_be_a_true_positive_click():
    mask = np.zeros((9, 9), dtype=np.int8)
    mask[0, 0] = 1
    assert RobotUser(mask).next_click(nothing(mask)) == Click(0, 0, True)


def test_accepts_predictions_as_numbers():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    assert RobotUser(mask).next_click(np.zeros((20, 20), np.uint8)) == Click(9, 9, True)


def test_prediction_is_left_alone():
    mask = square((20, 20), (5, 14), (5, 14)).astype(np.int8)
    prediction = nothing(mask)
    RobotUser(mask).next_click(prediction)
    assert not prediction.any()
    assert mask.sum() == 100


def test_two_users_agree():
    rng = np.random.default_rng(0)
    mask = cv2.GaussianBlur(rng.random((80, 90)).astype(np.float32), (0, 0), 5)
    mask = (mask > 0.5).astype(np.int8)
    first, second = RobotUser(mask), RobotUser(mask)
    for _ in range(5):
        prediction = rng.random(mask.shape) > 0.5
        assert first.next_click(prediction) == second.next_click(prediction)


def test_wrong_shapes_are_named():
    mask = np.zeros((9, 9), dtype=np.int8)
    with pytest.raises(PromptError, match=r"\(9, 8\).*\(9, 9\)"):
        RobotUser(mask).next_click(np.zeros((9, 8), dtype=bool))
    with pytest.raises(PromptError, match=r"\(H, W\)"):
        RobotUser(np.zeros((9, 9, 3), dtype=np.int8))


def read_grabcut_mask(folder: Path, image: str) -> np.ndarray:
    raw = cv2.imread(str(folder / f"{Path(image).stem}.bmp"))[:, :, 0]
    mask = (raw > 128).astype(np.int8)
    mask[raw == 128] = -1
    return mask


def test_published_click_sequences_of_grabcut(shared):
    expected = json.loads((shared / "parity" / "clicker_grabcut.json").read_text())
    assert len(expected) == 50
    for image, case in expected.items():
        mask = read_grabcut_mask(shared / "grabcut" / "boundary_GT", image)
        user, prediction = RobotUser(mask), nothing(mask)
        clicks, ious = [], []
        for _ in case["clicks"]:
            click = user.next_click(prediction)
            clicks.append([click.row, click.col, int(click.positive)])
            prediction[disc(mask.shape, (click.row, click.col), case["disc_radius"])] = (
                click.positive
            )
            ious.append(iou(prediction, mask))
        assert clicks == case["clicks"], image
        assert ious == pytest.approx(case["iou_after_each_click"], abs=1e-12), image


def test_clicks_do_not_depend_on_where_an_array_lies_in_memory():
    random = np.random.default_rng(3)
    rough = cv2.GaussianBlur(random.random((246, 94)).astype(np.float32), (0, 0), 8)
    truth = (rough > np.median(rough)).astype(np.int8)
    user = RobotUser(truth)
    expected = user._deepest(truth == 1)
    for offset in range(1, 40):
        buffer = np.zeros(truth.size + 64, np.uint8)
        shifted = buffer[offset : offset + truth.size].reshape(truth.shape)
        shifted[:] = truth == 1
        assert user._deepest(shifted.view(bool)) == expected


def test_the_distance_is_correctly_rounded():
    random = np.random.default_rng(4)
    rough = cv2.GaussianBlur(random.random((246, 94)).astype(np.float32), (0, 0), 8)
    mask = np.pad((rough > 0.5).astype(np.uint8), 1)
    exact = distance_transform_edt(mask).astype(np.float32)
    assert np.array_equal(_exact_distance(mask), exact)


# ---------------------------------------------------------------- taking turns


def paint(shape, clicks):
    """An answer that covers a block round every positive click."""
    covered = np.zeros(shape, bool)
    for click in clicks:
        covered[click.row - 3 : click.row + 4, click.col - 3 : click.col + 4] = click.positive
    return covered


@pytest.fixture
def round_truth():
    return disc((60, 80), (30, 40), 12).astype(np.int8)


def turns(truth, **settings):
    options = {"max_clicks": 4, "target_iou": 1.01, **settings}
    return list(simulate_clicks(truth, lambda clicks: paint(truth.shape, clicks), **options))


def test_turns_are_clicks_answers_and_ious(round_truth):
    made = turns(round_truth)
    clicks = [turn.click for turn in made]
    assert [(c.row, c.col) for c in clicks] == [(30, 40), (22, 40), (26, 33), (26, 47)]
    for count, turn in enumerate(made, start=1):
        assert np.array_equal(turn.mask, paint(round_truth.shape, clicks[:count]))
        assert turn.iou == iou(turn.mask, round_truth)


def test_turns_end_at_the_target_and_with_the_clicks(round_truth):
    reached = [turn.iou for turn in turns(round_truth)]
    assert [turn.iou for turn in turns(round_truth, target_iou=reached[1])] == reached[:2]
    assert len(turns(round_truth, max_clicks=3)) == 3
    assert turns(round_truth, max_clicks=0) == []


def test_turns_start_from_a_mask(round_truth):
    start = round_truth == 1
    assert turns(round_truth, mask=start) == []
    surplus = start | square(start.shape, (0, 9), (0, 9))
    assert turns(round_truth, mask=surplus)[0].click == Click(4, 4, False)
    published = RobotUser(round_truth, reference=True)
    assert turns(round_truth, mask=start, user=published)[0].click == Click(0, 0, False)


# --- the noisy user --------------------------------------------------------------------------


def noisy_clicks(truth, prediction, count=200):
    users = (NoisyUser(truth, np.random.default_rng(seed)) for seed in range(count))
    return [user.next_click(prediction) for user in users]


def test_noisy_clicks_lie_in_the_largest_error_mostly_deep_and_some_beyond_its_edge():
    shape = (240, 320)
    large, small = disc(shape, (120, 90), 40), disc(shape, (60, 260), 15)
    truth = (large | small).astype(np.int8)
    clicks = noisy_clicks(truth, np.zeros(shape, bool))
    assert all(click.positive for click in clicks)
    away = np.array([np.hypot(click.row - 120, click.col - 90) for click in clicks])
    assert away.max() < 40 + 4 * NoisyUser.TREMOR * 320
    assert 15 < away.mean() < 25  # depth-weighted places in a disc of 40: 20 on average
    rows = [click.row for click in clicks]
    assert abs(np.mean(rows) - 120) < 4
    assert len({(click.row, click.col) for click in clicks}) > 150
    thin = square(shape, (100, 104), (20, 300)).astype(np.int8)
    outside = [
        truth
        for truth in noisy_clicks(thin, np.zeros(shape, bool))
        if thin[truth.row, truth.col] == 0
    ]
    assert 5 < len(outside) < 100


def test_a_noisy_user_corrects_what_is_too_much_and_stops_when_nothing_is_left(round_truth):
    surplus = (round_truth == 1) | square(round_truth.shape, (0, 9), (0, 9))
    assert not any(click.positive for click in noisy_clicks(round_truth, surplus, 20))
    assert noisy_clicks(round_truth, round_truth == 1, 3) == [None] * 3


def test_a_noisy_user_clicks_no_pixel_twice(round_truth):
    user = NoisyUser(round_truth, np.random.default_rng(0))
    clicks = [user.next_click(np.zeros(round_truth.shape, bool)) for _ in range(100)]
    assert len({(click.row, click.col) for click in clicks}) == 100
