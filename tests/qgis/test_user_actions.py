"""A short random walk of a user over all panels: nothing is raised, lost, or stands still."""

from __future__ import annotations

import os
import time

import pytest
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QDialog
from qgis.utils import iface
from user_walk import MOST_STALLED, UserWalk

ACTIONS = int(os.environ.get("ISEG_ACTIONS", "300"))


@pytest.mark.timeout(850)
def test_nothing_is_raised_or_lost_by_a_users_actions(interpreter, tmp_path):
    walk = UserWalk(iface, interpreter, tmp_path, seed=1)
    walk.run(ACTIONS)
    print(walk.report())
    assert not walk.problems, "\n".join(walk.problems)
    assert sum(walk.counts.values()) == ACTIONS + 1
    assert walk.mapped


def click(walk) -> None:
    walk.session.add_click(100.0, 100.0, True)


def lose(walk) -> None:
    walk.session.drop(walk.session.image.key)


def throw(_walk) -> None:
    QTimer.singleShot(0, lambda: 1 / 0)


def sleep(_walk) -> None:
    QTimer.singleShot(0, lambda: time.sleep(MOST_STALLED + 0.3))


def ask(_walk) -> None:
    QDialog(iface.mainWindow()).exec()


def test_what_goes_wrong_is_found(interpreter, tmp_path):
    walk = UserWalk(iface, interpreter, tmp_path, seed=2)
    ways = iter((click, lose, throw, ask, sleep))

    def planted() -> None:
        next(ways)(walk)

    walk._actions = lambda: [(planted, 1)]
    walk.run(5)
    lost, thrown, stood_still = walk.problems
    assert "prompts are lost" in lost
    assert "ZeroDivisionError" in thrown
    assert "stood still" in stood_still
