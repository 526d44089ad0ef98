"""Reading while QGIS goes on."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from qgis.core import QgsRasterLayer
from rasters import texture, write
from stalls import stalls
from waiting import wait_until

from avalanche_iseg_qgis.core.errors import ImageError
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.reader import ImageReader
from avalanche_iseg_qgis.layers.source import open_source

SMALL = PixelWindow(0, 0, 4, 5)


class Slow:
    """A source that waits until it may go on, or is cancelled."""

    grid = Grid(5, 4)
    name = "slow"
    path = ""

    def __init__(self, error=None) -> None:
        self.go = threading.Event()
        self.reads = 0
        self.error = error

    def read(self, window, feedback=None):
        self.reads += 1
        while not self.go.is_set() and not feedback.isCanceled():
            time.sleep(0.005)
        if self.error:
            raise self.error
        return np.zeros((window.height, window.width, 3), np.uint8)


class Ears:
    def __init__(self, reader) -> None:
        self.done, self.failed, self.origin_read = [], [], []
        reader.done.connect(self.done.append)
        reader.failed.connect(lambda name, text: self.failed.append((name, text)))
        reader.origin_read.connect(self.origin_read.append)

    @property
    def names(self):
        return [image.name for image in self.done]


@pytest.fixture
def reader():
    reader = ImageReader()
    yield reader
    reader.close()


def test_reads(reader, tmp_path):
    path = write(tmp_path / "20240115_1030.png", texture().astype(np.uint8), driver="PNG")
    source = open_source(QgsRasterLayer(str(path), "p"))
    ears = Ears(reader)
    reader.request(source, PixelWindow(10, 20, 30, 40), "a")
    reader.request_origin(source)
    assert not ears.done
    wait_until(lambda: ears.done and ears.origin_read)
    (image,) = ears.done
    assert image.pixels.shape == (30, 40, 3)
    assert image.window == PixelWindow(10, 20, 30, 40)
    assert reader.cached("a") is image
    (origin,) = ears.origin_read
    assert origin.image_name == "20240115_1030.png"
    assert origin.sha256
    assert origin.observed_at


def test_cached_images_are_there_at_once(reader):
    source, ears = Slow(), Ears(reader)
    source.go.set()
    for name in "abc":
        reader.request(source, SMALL, name)
        wait_until(lambda name=name: ears.names[-1:] == [name])
    reader.request(source, SMALL, "b")
    assert ears.names == list("abcb")
    assert source.reads == 3
    assert reader.cached("a") is None
    reader.request(source, SMALL, "a")
    wait_until(lambda: ears.names == list("abcba"))
    assert reader.cached("b")
    assert reader.cached("c") is None


def test_newest_wins(reader):
    slow, quick, ears = Slow(), Slow(), Ears(reader)
    quick.go.set()
    for name in "abc":
        reader.request(slow, SMALL, name)
    reader.request(quick, SMALL, "d")
    wait_until(lambda: ears.done)
    assert ears.names == ["d"]
    assert slow.reads == 1


def test_asked_twice_read_once(reader):
    source, ears = Slow(), Ears(reader)
    reader.request(source, SMALL, "a")
    reader.request(source, SMALL, "a")
    source.go.set()
    wait_until(lambda: ears.done)
    reader.request(source, SMALL, "b")
    wait_until(lambda: len(ears.done) == 2)
    assert source.reads == 2


def test_back_to_what_was_cancelled(reader):
    source, ears = Slow(), Ears(reader)
    reader.request(source, SMALL, "a")
    reader.request(source, SMALL, "b")
    reader.request(source, SMALL, "a")
    source.go.set()
    wait_until(lambda: ears.done)
    assert ears.names == ["a"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ImageError("put it back"), "put it back"),
        (MemoryError(), "more memory"),
        (ValueError("odd"), "could not be read: odd"),
    ],
)
def test_failures_are_told_and_the_next_one_is_read(reader, error, text):
    ears, source = Ears(reader), Slow(error)
    source.go.set()
    reader.request(source, SMALL, "a")
    wait_until(lambda: ears.failed)
    assert ears.failed[0][0] == "a"
    assert text in ears.failed[0][1]
    source.error = None
    reader.request(source, SMALL, "a")
    wait_until(lambda: ears.done)


def test_close_while_reading():
    reader, source = ImageReader(), Slow()
    ears = Ears(reader)
    reader.request(source, SMALL, "a")
    wait_until(lambda: source.reads == 1)
    begin = time.monotonic()
    reader.close()
    assert time.monotonic() - begin < 1
    assert not ears.done


def test_qgis_goes_on_while_a_large_photo_is_read(reader, tmp_path):
    values = texture(4000, 6000).astype(np.uint8)
    values += np.random.default_rng(0).integers(0, 20, values.shape, np.uint8)
    path = write(tmp_path / "large.jpg", values, driver="JPEG")
    del values
    source, ears = open_source(QgsRasterLayer(str(path), "p")), Ears(reader)
    with stalls() as gaps:
        begin = time.perf_counter()
        reader.request(source, PixelWindow(0, 0, 4000, 6000), "a")
        reader.request_origin(source)
        wait_until(lambda: ears.done, 60)
        seconds = time.perf_counter() - begin
        wait_until(lambda: ears.origin_read, 60)
    print(f"\n24 MP JPEG read in {seconds:.2f} s; longest stall {max(gaps) * 1000:.0f} ms")
    assert ears.done[0].pixels.shape == (4000, 6000, 3)
    assert max(gaps) < 0.5  # 0.1 wanted; other programs run on the machine of the tests
