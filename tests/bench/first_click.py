"""The first click on a large photo: cost beside a later zoomed click, memory, and quality.

    python -m tests.bench.first_click [MODEL.pth] [--quality DATASET=DIR --scale 3 --limit 50]

Without a model, an h18s of random weights: its cost is that of a trained one. With --quality, the
IoU after the first click on enlarged images is compared with the full-frame way of the family
(reference mode, whole image at full size into the network).
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import Sample, open_dataset
from core.engine import LoadedModel, load_model
from core.metrics import iou
from core.predictor import Predictor, PredictorOptions
from core.prompts import Click, Prompts
from core.robot_user import RobotUser

from .forward import converted, random_model
from .measure import one_thread

_SIZE = (4000, 6000)
_OBJECT = (slice(1600, 2600), slice(2400, 4100))
_FIRST = Click(2100, 3200)
_LATER = [Click(1700, 2500), Click(2500, 4000), Click(1650, 4050), Click(1500, 2300, False)]


def photo() -> NDArray[np.uint8]:
    """(4000, 6000, 3) uint8: rough ground with a bright object."""
    random = np.random.default_rng(0)
    coarse = random.integers(60, 120, (200, 300, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, _SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    pixels[_OBJECT] = np.minimum(pixels[_OBJECT], 155) + 100
    return np.asarray(pixels, np.uint8)


def cost(model: LoadedModel, rounds: int) -> None:
    """Print the CPU cost of the first and of later clicks, and the peak memory."""
    pixels = photo()
    options = PredictorOptions()
    mask = np.zeros(_SIZE, np.bool_)
    mask[_OBJECT] = True
    firsts, laters = [], []
    for _ in range(rounds):
        # A later click zooms on what is known of the object; a mask makes that the same for any
        # weights, trained or not.
        predictor = Predictor(model, options)
        predictor.set_image(pixels)
        start = time.process_time()
        predictor.predict(Prompts([_FIRST])).mask(model.threshold)
        firsts.append(time.process_time() - start)
        predictor.predict(Prompts([_FIRST], mask=mask))
        for count in range(1, len(_LATER) + 1):
            prompts = Prompts([_FIRST, *_LATER[:count]], mask=mask)
            start = time.process_time()
            predictor.predict(prompts).mask(model.threshold)
            laters.append(time.process_time() - start)
    first, later = statistics.median(firsts), statistics.median(laters)
    peak = peak_megabytes()
    print(f"\n{model.name}, 6000x4000, 1 thread, mask at full resolution included")
    print(f"  later zoomed click (reference) {1e3 * later:9.1f} ms   x 1.00")
    print(f"  first click                    {1e3 * first:9.1f} ms   x {first / later:.2f}")
    print(f"  peak memory of this process    {peak:9.0f} MB (image: {pixels.nbytes >> 20} MB)")


def peak_megabytes() -> float:
    """Largest memory that this process has held so far (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def quality(model: LoadedModel, name: str, folder: str, scale: float, limit: int) -> None:
    """Print the mean IoU after the first click on enlarged images, ours and full-frame."""
    data = open_dataset(name, folder)
    ways = {
        "full frame (reference)": PredictorOptions(reference=True),
        "ours": PredictorOptions(),
    }
    results: dict[str, list[float]] = {way: [] for way in ways}
    for index in range(min(limit, len(data))):
        pixels, mask = _enlarged(data[index], scale)
        click = RobotUser(mask).next_click(np.zeros(mask.shape, np.bool_))
        if click is None:
            continue
        for way, options in ways.items():
            predictor = Predictor(model, options)
            predictor.set_image(pixels)
            found = predictor.predict(Prompts([click])).mask(model.threshold)
            results[way].append(iou(found, mask))
    print(f"\n{model.name}: IoU after the first click, {name} enlarged {scale:g} times")
    for way, values in results.items():
        print(f"  {way:<28} {statistics.mean(values):.4f}   ({len(values)} objects)")


def _enlarged(sample: Sample, scale: float) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    height, width = sample.mask.shape
    size = round(width * scale), round(height * scale)
    pixels = cv2.resize(sample.image, size, interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(pixels, np.uint8), np.asarray(mask, np.int8)


def main() -> None:
    """Print cost and, if asked for, quality."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", help="model file or name; random h18s without")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=("openvino", "torch"), default="openvino")
    parser.add_argument("--quality", metavar="DATASET=DIR", action="append", default=[])
    parser.add_argument("--scale", type=float, default=3.0)
    parser.add_argument("--limit", type=int, default=50)
    arguments = parser.parse_args()
    one_thread()
    if arguments.model:
        model = load_model(arguments.model, engine=arguments.engine)
    else:
        engine = converted(random_model("h18s"))[arguments.engine]
        model = LoadedModel("random h18s", Path(), (engine,))
    if not arguments.quality:
        cost(model, arguments.rounds)
    for item in arguments.quality:
        name, folder = item.split("=", 1)
        quality(model, name, folder, arguments.scale, arguments.limit)


if __name__ == "__main__":
    main()
