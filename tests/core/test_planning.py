"""Where the network looks next, by our rule."""

from __future__ import annotations

import itertools

import pytest

from core.predictor import PredictorOptions, Zoom
from core.predictor.geometry import Roi
from core.predictor.planning import DEFAULT_LIMIT, PlanState, ViewPlan, needs_second_pass, plan_view
from core.prompts import Box, Click

SIZE = (3000, 2000)
OBJECT = Roi(1000, 1199, 500, 899)
WINDOW = Roi(960, 1240, 420, 980)  # OBJECT times 1.4
WIDER = Roi(900, 1300, 300, 1100)  # OBJECT times 2
ON_OBJECT = (Click(1100, 600), Click(1150, 700))


def look(
    clicks=ON_OBJECT,
    *,
    size=SIZE,
    box=None,
    found=OBJECT,
    cut_off=False,
    roi=None,
    from_mask=False,
    **options,
) -> ViewPlan:
    chosen = PredictorOptions(**options)
    return plan_view(size, clicks, box, found, cut_off, PlanState(roi), chosen, from_mask=from_mask)


def the_view(chosen: ViewPlan):
    """The only view of a plan: it leads to the network and back."""
    assert chosen.inputs == chosen.outputs
    (view,) = chosen.inputs
    return view


def test_the_first_click_sees_the_whole_image_shrunk():
    chosen = look(ON_OBJECT[:1], found=None)
    view = the_view(chosen)
    assert (view.roi, view.size) == (Roi.whole(SIZE), (400, 267))
    assert chosen.state == PlanState()
    assert not chosen.moved


def test_an_earlier_mask_does_not_zoom_before_skip_clicks():
    assert the_view(look(ON_OBJECT[:1])).roi == Roi.whole(SIZE)
    assert the_view(look(ON_OBJECT[:1], zoom=Zoom(skip_clicks=0))).roi == WINDOW
    assert the_view(look(zoom=Zoom(skip_clicks=2))).roi == Roi.whole(SIZE)


def test_small_images_are_not_enlarged_in_the_overview():
    assert the_view(look(size=(300, 200), found=None)).size == (300, 200)
    assert the_view(look(size=(300, 400), found=None)).size == (300, 400)
    assert the_view(look(size=(300, 401), found=None)).size == (299, 400)


def test_the_window_is_the_object_enlarged_and_fills_the_input():
    chosen = look()
    view = the_view(chosen)
    assert (view.roi, view.size) == (WINDOW, (200, 400))
    assert chosen.state == PlanState(WINDOW)
    assert chosen.moved


def test_small_objects_are_enlarged():
    found = Roi(1500, 1504, 1000, 1004)
    view = the_view(look([Click(1502, 1002), Click(1503, 1003)], found=found))
    assert view.roi == Roi(1402, 1602, 902, 1102)
    assert view.size == (400, 400)


def test_positive_clicks_are_always_in_the_window():
    view = the_view(look([*ON_OBJECT, Click(2900, 1950)], roi=WINDOW))
    assert view.roi.contains(Click(2900, 1950))
    assert view.roi.contains(ON_OBJECT[0])


def test_negative_clicks_outside_do_not_move_the_window():
    chosen = look([*ON_OBJECT, Click(2900, 1950, False)], roi=WINDOW)
    assert the_view(chosen).roi == WINDOW
    assert not chosen.moved


def test_the_window_stays_while_it_fits_well_enough():
    near = Roi(950, 1250, 410, 990)
    chosen = look(roi=near)
    assert the_view(chosen).roi == near
    assert chosen.state == PlanState(near)
    assert not chosen.moved


def test_the_window_follows_an_object_that_shrank():
    huge = Roi(0, 2999, 0, 1999)
    chosen = look(roi=huge)
    assert the_view(chosen).roi == WINDOW
    assert chosen.moved
    stubborn = look(roi=huge, zoom=Zoom(recompute_iou=0.01))
    assert the_view(stubborn).roi == huge


def test_a_cut_off_object_moves_the_window():
    near = Roi(1000, 1240, 420, 980)
    assert the_view(look(roi=near)).roi == near
    chosen = look(roi=near, cut_off=True)
    assert the_view(chosen).roi == WIDER
    assert chosen.moved


def test_a_cut_off_object_gets_no_less_than_the_expansion_ratio():
    wide = look(zoom=Zoom(expansion_ratio=3.0), cut_off=True)
    assert the_view(wide).roi == the_view(look(zoom=Zoom(expansion_ratio=3.0))).roi


def test_a_window_that_would_be_the_same_has_not_moved():
    assert not look(roi=WIDER, cut_off=True).moved


def test_a_loaded_mask_counts_as_a_click_and_is_zoomed_on_at_once():
    assert the_view(look(ON_OBJECT[:1], from_mask=True)).roi == WINDOW
    assert the_view(look(ON_OBJECT[:1], from_mask=True, zoom=Zoom(skip_clicks=2))).roi != WINDOW


def test_skip_minus_one_answers_the_whole_image_once():
    chosen = look(ON_OBJECT[:1], found=None, zoom=Zoom((320, 320), skip_clicks=-1))
    assert (the_view(chosen).roi, the_view(chosen).size) == (Roi.whole(SIZE), (320, 320))
    assert not needs_second_pass(chosen, OBJECT, SIZE, Zoom((320, 320), skip_clicks=-1))


def test_a_lost_object_leads_back_to_the_overview():
    chosen = look(found=None, roi=WINDOW)
    assert the_view(chosen).roi == Roi.whole(SIZE)
    assert chosen.state == PlanState()
    assert chosen.moved  # what was optimised for the window means nothing here


def test_without_zoom_the_whole_image_is_seen_at_every_click():
    for clicks in (ON_OBJECT[:1], ON_OBJECT):
        view = the_view(look(clicks, zoom=None))
        assert (view.roi, view.size) == (Roi.whole(SIZE), (DEFAULT_LIMIT, 533))


def test_an_exact_target_size_distorts():
    zoom = Zoom(target_size=(320, 480))
    assert the_view(look(ON_OBJECT[:1], zoom=zoom)).size == (320, 480)
    assert the_view(look(zoom=zoom)).size == (320, 480)


def test_a_box_is_looked_at_with_a_margin_from_the_first_click():
    box = Box(1000, 1199, 500, 899)
    view = the_view(look(ON_OBJECT[:1], box=box, found=None))
    assert view.roi == Roi(980, 1220, 460, 940)
    assert view.size == (200, 400)


def test_a_box_reaches_out_to_positive_clicks_only():
    box = Box(1000, 1199, 500, 899)
    far = [Click(1100, 600), Click(300, 300, False), Click(1300, 600)]
    view = the_view(look(far[:2], box=box))
    assert view.roi == Roi(980, 1220, 460, 940)
    grown = the_view(look(far, box=box, roi=view.roi))
    assert grown.roi.contains(far[2])
    assert not grown.roi.contains(far[1])


def test_a_box_over_the_edge_is_clipped():
    view = the_view(look(box=Box(-500, 99.5, 1900.5, 9000), found=None, clicks=()))
    assert view.roi == Roi(0, 111, 1890, 1999)


def test_a_box_without_zoom_is_seen_at_its_own_size_up_to_the_limit():
    small = the_view(look(box=Box(100, 199, 100, 299), clicks=(), found=None, zoom=None))
    assert small.size == small.roi.size == (121, 241)
    large = the_view(look(box=Box(0, 2999, 0, 1999), clicks=(), found=None, zoom=None))
    assert large.size == (800, 533)


SIZES = [(4000, 6000), (500, 700), (90, 7000), (64, 64)]
ZOOMS = [None, Zoom(), Zoom(target_size=1200), Zoom(skip_clicks=-1), Zoom(min_crop_size=3000)]


@pytest.mark.parametrize(("size", "zoom"), list(itertools.product(SIZES, ZOOMS)))
@pytest.mark.parametrize("limit", [None, 200])
def test_no_input_is_larger_than_the_limit(size, zoom, limit):
    clicks = [Click(1, 1), Click(size[0] - 1, size[1] - 1)]
    options = PredictorOptions(zoom=zoom, limit_longest_side=limit)
    for box, found in itertools.product(
        (None, Box(0, size[0], 0, size[1]), Box(3, 9, 4, 60)),
        (None, Roi(0, 10, 0, 10), Roi.whole(size)),
    ):
        chosen = plan_view(size, clicks, box, found, False, PlanState(), options)
        assert max(the_view(chosen).size) <= (limit or DEFAULT_LIMIT)
        assert min(the_view(chosen).size) >= 1


@pytest.mark.parametrize(
    ("skip_clicks", "roi", "found", "again"),
    [
        (0, None, OBJECT, True),
        (0, None, None, False),  # nothing to zoom on
        (0, WINDOW, OBJECT, False),  # was zoomed already
        (0, None, Roi(10, 2900, 10, 1900), False),  # fills the image
        (1, None, OBJECT, False),  # zooms at the next click
    ],
)
def test_when_a_click_is_answered_once_more(skip_clicks, roi, found, again):
    answered = ViewPlan((), (), PlanState(roi))
    assert needs_second_pass(answered, found, SIZE, Zoom(skip_clicks=skip_clicks)) is again


def test_without_zoom_nothing_is_answered_twice():
    assert not needs_second_pass(ViewPlan((), (), PlanState()), OBJECT, SIZE, None)
