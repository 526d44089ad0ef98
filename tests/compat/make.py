"""Made ``made_at_0_1_0`` at commit 074b520; kept to show how. It names the code as it was then.

    python tests/compat/scene.py
    python3 tests/qgis/run.py --script tests/compat/make_in_qgis.py
    python tests/compat/make.py [STEP …]

All content is synthetic; places, names and folders of a machine are left out. Weights are coarse
on purpose (few different values), so that files are small when they are packed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import torch
from codec import PREFIX, kind_of, read_frame
from pyproj import Transformer
from running import MADE, ROOT, command, environment, lay_out, pack, run

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "training")]

TINY, PHOTO = "tiny.safetensors", "cam1_20240115_103000.jpg"
FAULTS = [  # arguments, exit status
    (["core", "--help"], 0),
    (["core", "unknown"], 2),
    (["core", "segment", "missing.jpg", "--click", "1,1", "--out", "a.png"], 2),
    (["core", "segment", "picture.jpg", "--click", "a", "--out", "a.png"], 2),
    (["core", "segment", "picture.jpg", "--out", "a.png"], 2),
    (["core", "segment", "picture.jpg", "--click", "1,1", "--out", "a.xyz"], 2),
    (["core", "camera", "check", "missing.json"], 2),
    (["core", "camera", "to-map", "picture.jpg", "--camera", "missing.json", "--dem", "d.tif"], 2),
    (["core", "camera", "solve", "gcps.csv", "--crs", "EPSG:2056", "-o", "c.json"], 2),
    (["core", "models"], 0),
    (["eval", "noc"], 2),
    (["eval", "noc", "--model", "missing.pth", "--dataset", "images=missing"], 2),
    (["eval", "plot", "missing.json", "-o", "plots"], 2),
    (["training", "missing.yaml"], 2),
    (["training", "data"], 2),
    (["training", "data", "check", "missing"], 2),
]


def commands() -> None:
    """``commands.json``: what every command takes; ``statuses.json``: how some end."""
    described = {}
    for words in (
        ["core"],
        ["eval"],
        ["training"],
        ["training", "synthetic"],
        ["training", "data"],
    ):
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/compat/describe.py"), *words],
            env=environment(Path(tempfile.gettempdir())),
            capture_output=True,
            check=True,
        )
        described[" ".join(words)] = json.loads(done.stdout)
    write_json(MADE / "commands.json", described)
    with tempfile.TemporaryDirectory() as temporary:
        folder = lay_out(Path(temporary), "project")
        for arguments, status in FAULTS:
            assert run(folder, *arguments, status=None).returncode == status, (arguments, status)
    write_json(MADE / "statuses.json", FAULTS)


# --- models ------------------------------------------------------------------------------------


def models() -> None:
    """``models/tiny.safetensors``: a narrow HRNet whose clicks matter, with all metadata."""
    from core.model import HRNetConfig, build_model, native

    torch.manual_seed(0)
    family = {"use_rgb_conv": False, "use_leaky_relu": True, "use_disks": True, "norm_radius": 5}
    inputs = {"with_prev_mask": True, "with_aux_output": True}
    model = build_model(HRNetConfig(width=2, ocr_width=2, small=True, **family, **inputs))
    with torch.no_grad():
        model.maps_transform[-1].scale.fill_(10.0)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(_coarse_noise(parameter))
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.copy_((torch.rand_like(module.weight) * 6).round() / 8 + 0.6)
                module.bias.copy_((torch.randn_like(module.bias) * 2.4).round() / 8)
        model.feature_extractor.cls_head.weight.mul_(8.0)
    metadata = {
        "threshold": 0.3,
        "knows_boxes": True,
        "view": [64, 64],
        "overview": [48, 48],
        "looks_twice": True,
        "looks_closer": True,
        "training_data": "none",
        "licence": "MIT",
        "citation": "none",
    }
    with tempfile.TemporaryDirectory() as temporary:
        native.write(Path(temporary, TINY), model.eval(), metadata)
        pack(Path(temporary, TINY), MADE / "models" / f"{TINY}.xz")


def _coarse_noise(like: torch.Tensor) -> torch.Tensor:
    spread = float(like.std()) if like.numel() > 1 else 0.5
    noise = torch.randn_like(like)
    kept = noise.div(0.8).round().clamp(-1, 1) if like.numel() > 4000 else noise.sign()
    return kept * (round(spread * 64 + 1) / 64)


# --- cameras -----------------------------------------------------------------------------------


def cameras() -> None:
    """``camera``: control points in both dialects, cameras, outlines, a range map on disk."""
    folder = MADE / "camera"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = lay_out(Path(temporary), "project", "models")
        _semicolons(place / "gcps.csv", folder / "gcps_semicolon.csv")
        solve = [
            "core",
            "camera",
            "solve",
            "gcps.csv",
            "--image",
            "picture.jpg",
            "--dem",
            "dem.tif",
        ]
        about = ["--name", "Hut", "--author", "A. Mapper", "--valid-from", "2024-01-01"]
        about += ["--valid-to", "2024-12-31T12:00:00+01:00", "--crs", "EPSG:2056"]
        known = ["--position", "2785611,1171326", "--height-above-ground", "8"]
        known += ["--position-sigma", "10,10,5"]
        run(place, *solve, *about, *known, "-o", "camera.json")
        picture = cv2.imread(str(place / "picture.jpg"))
        moved = np.roll(picture, (2, 3), (0, 1))
        cv2.imwrite(str(place / "moved.jpg"), moved, [cv2.IMWRITE_JPEG_QUALITY, 80])
        run(place, "core", "camera", "register", "moved.jpg", "--camera", "camera.json",
            "-o", "registered.json")  # fmt: skip
        foreground = np.zeros(picture.shape[:2], np.uint8)
        foreground[270:, :80] = 255
        cv2.imwrite(str(place / "foreground.png"), foreground)
        camera = json.loads((place / "camera.json").read_text())
        camera |= {"foreground": "foreground.png", "vertical_datum": "LN02"}
        write_json(place / "camera.json", camera)
        small = {name: camera[name] for name in ("epsg", "x", "y", "z", "k1", "refraction_k")}
        small |= {name: camera[name] for name in ("yaw_deg", "pitch_deg", "roll_deg")}
        small |= {"width": 96, "height": 60, "f_px": camera["f_px"] / 5, "cx": 47.5, "cy": 29.5}
        write_json(place / "small.json", small)
        segment = ["core", "segment", "picture.jpg", "--click", "144,245", "--engine", "torch"]
        run(place, *segment, "--out", "outline.geojson")
        to_map = ["core", "camera", "to-map", "outline.geojson", "--camera", "camera.json"]
        to_map += ["--dem", "dem.tif", "--no-cache", "--bridge", "5"]
        run(place, *to_map, "--vertices", "vertices.csv", "-o", "on_map.geojson")
        for name in ("camera.json", "registered.json", "small.json", "foreground.png", "moved.jpg",
                     "outline.geojson", "on_map.geojson", "vertices.csv"):  # fmt: skip
            shutil.copy(place / name, folder / name)
        mask = np.zeros((60, 96), np.uint8)
        mask[45:55, 24:34] = 255
        cv2.imwrite(str(folder / "small.png"), mask)
        shutil.copy(folder / "small.png", place)
        shutil.rmtree(place / "cache", ignore_errors=True)
        run(place, "core", "camera", "to-map", "small.png", "--camera", "small.json",
            "--dem", "dem.tif", "-o", "small.geojson")  # fmt: skip
        shutil.copy(place / "small.geojson", folder)
        (entry,) = (path.parent for path in (place / "cache").rglob("ranges.npy"))
        entry = entry if (entry.parent.name == "sights") else entry.parent
        with zipfile.ZipFile(folder / "cache.zip", "w", zipfile.ZIP_LZMA) as archive:
            for file in sorted(entry.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(entry))
        (folder / "cache_key.txt").write_text(_key(place, entry))


def _key(place: Path, entry: Path) -> str:
    """What names the range map on disk, but for where the DEM lies and when it was changed."""
    from core.camera import CameraRecord
    from core.projection.cache import key_of

    dem = (place / "dem.tif").resolve()
    stat = dem.stat()
    identity = hashlib.sha256(repr([(str(dem), stat.st_size, stat.st_mtime_ns)]).encode())
    camera = CameraRecord.read(place / "small.json").camera
    parts = (1, camera, 2056, identity.hexdigest(), 25.0)
    assert key_of(*parts) == entry.name, (parts, entry.name)
    return repr(parts).replace(identity.hexdigest(), "DEM") + "\n"


def _semicolons(source: Path, path: Path) -> None:
    """The same points with decimal commas, heights left out, names as some tools write them."""
    lines = source.read_text().splitlines()
    fields = [line.split(",") for line in lines[1:]]
    rows = [
        ";".join(value.replace(".", ",") for value in [*row[:5], "", *row[6:]]) for row in fields
    ]
    path.write_text("\n".join([lines[0].replace(",", ";"), *rows]) + "\n")


# --- conversations -----------------------------------------------------------------------------


def conversations() -> None:
    """``wire``: requests as bytes, what was answered, and of the worker the answers as bytes."""
    from core.prompts import Box, Click, Prompts
    from core.survey import protocol as survey
    from core.worker import protocol as worker

    with tempfile.TemporaryDirectory() as temporary:
        place = lay_out(Path(temporary), "project", "models", "camera")
        pixels = cv2.imread(str(place / "cam1_20240115_103000.jpg"))[::3, ::3, ::-1].copy()
        clicks = Prompts([Click(39, 53), Click(10, 13, False)])
        mask = np.zeros(pixels.shape[:2], np.bool_)
        mask[20:60, 40:70] = True
        shape = {"threshold": 0.3, "tolerance": 1.0, "smoothing": 0.5, "min_area": 4.0}
        start = [
            worker.Hello(),
            worker.Load(TINY, "cpu", "torch", 1),
            worker.SetImage("photo", pixels),
        ]
        turns = [
            *start,
            worker.Predict.of("photo", Prompts([Click(39, 53)])),
            worker.Predict.of("photo", clicks, zoom=False, target_size=64, limit=96),
            worker.Predict.of("photo", Prompts([Click(50, 55)], Box(12, 66, 30, 76))),
            worker.Predict.of("photo", Prompts([Click(30, 80)], mask=mask)),
            worker.Outline.of("photo", clicks, **shape, fill_holes=-1.0, largest_only=True),
            worker.SetImage("other", pixels[::-1].copy()),
            worker.Cancel(1),
            worker.Forget("photo"),
            worker.Predict.of("photo", clicks),  # is gone
            worker.Hello(99),
        ]
        record(place, "worker", "worker", turns, worker.to_frame)
        outline = worker.Outline.of("photo", clicks, threshold=0.3)
        burst = [*start, worker.Predict.of("photo", clicks), outline, outline]
        burst += [worker.Predict.of("photo", Prompts([Click(39, 53)])), worker.Cancel(99), outline]
        record(place, "worker", "burst", burst, worker.to_frame, at_once=True)

        camera = json.loads((place / "camera.json").read_text())
        view = {"record": camera, "dem": ["dem.tif"]}
        points = camera["points"]
        square = np.array([[130, 240], [160, 240], [160, 260], [130, 260]], np.float32)
        on_map = json.loads((place / "on_map.geojson").read_text())
        (ring, *_), *_ = on_map["features"][0]["geometry"]["coordinates"]
        to_camera = Transformer.from_crs(4326, 2056, always_xy=True)
        ring = np.column_stack(to_camera.transform(*np.array(ring).T[:2]))
        away = {**camera, "x": 2600000.0}
        known = {"position": [2785611.0, 1171326.0, None], "position_sigma": [10.0, 10.0, 5.0]}
        known |= {"height_above_ground": 8.0, "focal": 950.0, "focal_sigma": 0.05}
        names = ("name", "u_px", "v_px", "x", "y", "z", "use", "sigma_px")
        given = [{name: point[name] for name in names if name in point} for point in points]
        turns = [
            survey.Hello(),
            survey.SolvePose(given, 480, 300, 2056, ["dem.tif"]),
            survey.SolvePose(given[:4], 480, 300, 2056, ["dem.tif"], **known),
            survey.FitSkyline(camera, ["dem.tif"], "picture.jpg"),
            survey.Register(camera, ["dem.tif"], "picture.jpg", "moved.jpg"),
            survey.LookAt(camera, ["dem.tif"]),
            survey.ToMap(camera, ["dem.tif"], square, [[4]]),
            survey.ToMap(camera, ["dem.tif"], square, [[4]], 10.0, 5.0, True),
            survey.ToImage.of(ring[:-1], [[len(ring) - 1]], **view),
            survey.Overlay.of(ring, [[len(ring)]], **view),
            survey.Drape(camera, ["dem.tif"], "picture.jpg", "ortho.tif", 20.0),
            worker.Cancel(3),
            survey.ToMap(away, ["dem.tif"], square, [[4]]),
            survey.LookAt(camera, ["missing.tif"]),
            survey.Hello(99),
        ]
        record(place, "survey", "survey", turns, worker.to_frame)


# Of these the values differ between machines, or are words.
UNSURE = {
    "seconds",
    "versions",
    "devices",
    "engines",
    "models",
    "folder",
    "text",
    "path",
    "metadata",
}


def record(place: Path, part: str, name: str, turns, to_frame, *, at_once=False) -> None:
    """Ask a new worker, one after another or all at once; keep what was asked and answered."""
    from core.worker.frames import encode

    asked = [b"".join(encode(to_frame(number + 1, turn))) for number, turn in enumerate(turns)]
    process = subprocess.Popen(
        command(f"core.{part}"),
        cwd=place,
        env=environment(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    answers, arrays, raw = [], {}, []
    if at_once:
        process.stdin.write(b"".join(asked))
        process.stdin.flush()
    for turn, data in zip(turns, asked, strict=True):
        if not at_once:
            process.stdin.write(data)
            process.stdin.flush()
        if type(turn).__name__ == "Cancel":
            continue
        header, found, frame = read_frame(process.stdout)
        raw.append(_without_place(frame, place))
        kinds = {field: kind_of(value) for field, value in header.items()}
        values = {field: value for field, value in header.items() if field not in UNSURE}
        shapes = {field: str(array.dtype) for field, array in found.items()}
        answers.append({"values": values, "kinds": kinds, "arrays": shapes})
        arrays |= {f"{header['number']}.{field}": array for field, array in found.items()}
        print(part, header["number"], header["type"], header.get("text", ""))
    process.stdin.close()
    assert process.wait(30) == 0
    folder = MADE / "wire"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.requests").write_bytes(b"".join(asked))
    pack(folder / f"{name}.requests", folder / f"{name}.requests.xz")
    (folder / f"{name}.requests").unlink()
    write_json(folder / f"{name}.json", answers)
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    if name == "worker":
        (folder / "answers").write_bytes(b"".join(raw))
        pack(folder / "answers", folder / f"{name}.answers.xz")
        (folder / "answers").unlink()


def _without_place(frame: bytes, place: Path) -> bytes:
    """A frame whose header names no folder of this machine."""
    magic, size, body = PREFIX.unpack_from(frame)
    start = PREFIX.size
    header = frame[start : start + size].replace(str(place).encode(), b"/models")
    return PREFIX.pack(magic, len(header), body) + header + frame[start + size :]


# --- evaluation --------------------------------------------------------------------------------

NOC = ["eval", "noc", "--model", TINY, "--dataset", "images=set", "--threshold", "0.3"]
NOC += ["--max-clicks", "4", "--target-iou", "1.01", "--engine", "torch", "--json", "noc.json"]
NOC += ["--csv", "noc.csv"]


def evaluation() -> None:
    """``eval``: a data set, its results, and the journal of an evaluation that was killed."""
    folder = MADE / "eval"
    rng = np.random.default_rng(7)
    for name in ("images", "masks"):
        (folder / "set" / name).mkdir(parents=True, exist_ok=True)
    for number in range(5):
        mask = np.zeros((64, 80), np.uint8)
        centre = (int(rng.integers(25, 55)), int(rng.integers(20, 44)))
        axes = (int(rng.integers(8, 20)), int(rng.integers(6, 15)))
        cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 255, -1)
        noise = rng.integers(0, 9, (64, 80, 3)).astype(np.uint8) * 10
        picture = noise + np.where(mask, 150, 40).astype(np.uint8)[..., None]
        cv2.imwrite(str(folder / "set" / "images" / f"{number}.png"), picture)
        cv2.imwrite(str(folder / "set" / "masks" / f"{number}.png"), mask)
    with tempfile.TemporaryDirectory() as temporary:
        place = lay_out(Path(temporary), "models", "eval")
        run(place, *NOC)
        for name in ("noc.json", "noc.csv", "noc.txt"):
            shutil.move(place / name, folder / name)
        journal = place / "noc.json.journal" / "rank0.jsonl"
        process = subprocess.Popen(command(*NOC), cwd=place, env=environment(place))
        while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
            assert process.poll() is None, "too quick to be killed"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        lines = [json.loads(line) for line in journal.read_text().splitlines()[:2]]
        shutil.copy(MADE / "project" / PHOTO, place)
        segment = ["core", "segment", PHOTO, "--click", "160,118", "30,40,-", "--engine", "torch"]
        done = run(place, *segment, "--model", TINY, "--json", "--out", "mask.png")
        (folder / "segment.json").write_text(done.stdout)
        shutil.copy(place / "mask.png", folder)
    # It also tells where the data lay: filled in where they lie then.
    text = "".join(json.dumps({**line, "fingerprint": "FINGERPRINT"}) + "\n" for line in lines)
    (folder / "journal.jsonl").write_text(text)
    results = json.loads((folder / "noc.json").read_text())
    write_json(folder / "identity.json", [results["settings"], results["mode"], "images", "FOLDER"])


# --- training ----------------------------------------------------------------------------------


def training() -> None:
    """``training``: a run that was killed, its data, and what it comes to when it goes on."""
    from run_fixtures import HRNET, configuration
    from run_fixtures import pack as pack_pictures
    from run_fixtures import save as save_config

    folder = MADE / "training"
    shutil.rmtree(folder, ignore_errors=True)
    pack_pictures(folder / "pack", count=4)
    model = HRNET | {"width": 2, "ocr_width": 2}
    values = configuration(Path("pack"), model, run={"epoch_size": 8, "batch": 2, "ema": 0.9})
    values["train"] = [{"dataset": "shards", "path": "pack"}]
    save_config(folder / "run.yaml", values)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        shutil.copytree(folder, place, dirs_exist_ok=True)
        here = Path.cwd()
        os.chdir(place)
        log = place / "out" / "logs" / "train.log"
        process = subprocess.Popen(
            command("training", "run.yaml", "--out", "out"), env=environment(place)
        )
        while not log.is_file() or "step 5:" not in log.read_text():
            assert process.poll() is None, "too quick to be killed"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.chdir(here)
        last = place / "out" / "checkpoints" / "last_checkpoint.pt"
        state = torch.load(last, weights_only=True)
        assert state["step"] < 8, state["step"]
        _coarsen(state)
        torch.save(state, last)
        pack(last, folder / "out" / "checkpoints" / "last_checkpoint.pt.xz")
        shutil.copy(place / "out" / "config.yaml", folder / "out" / "config.yaml")
        resumed = lay_out(place / "resumed", "training")
        run(resumed, "training", "run.yaml", "--out", "out", "--resume")
        write_json(folder / "expected.json", came_to(resumed / "out"))


def _coarsen(state: dict) -> None:
    """Few different values in what is not small; no moments of Adam there, and no own average."""
    for name, tensor in state["model"].items():
        if tensor.is_floating_point() and tensor.numel() > 8:
            step = tensor.std() / (1 if tensor.numel() > 1000 else 2) + 1e-3
            tensor.copy_((tensor / step).round().clamp(-4, 4) * step)
            state["average"][name].copy_(tensor)
    for moments in state["optimiser"]["state"].values():
        for tensor in moments.values():
            if tensor.numel() > 16:
                tensor.zero_()


def came_to(out: Path) -> dict:
    """What a run has come to: the losses of its log, and sums over its last model."""
    from safetensors import safe_open

    with safe_open(str(out / "checkpoints" / "last.safetensors"), "pt") as file:
        tensors = {name: file.get_tensor(name).double() for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()["avalanche_iseg"])
    large = {name: t for name, t in tensors.items() if t.numel() > 1000}
    large["all"] = torch.cat([tensor.flatten() for tensor in tensors.values()])
    numbers = {
        name: [round(float(x), 4) for x in (t.sum(), t.abs().sum())] for name, t in large.items()
    }
    log = (out / "logs" / "train.log").read_text()
    losses = re.findall(r"step (\d+): .*?loss[ =]*([0-9.]+)", log)
    return {"header": header, "sums": numbers, "losses": dict(losses)}


# --- examples ----------------------------------------------------------------------------------


def examples() -> None:
    """``examples``: the Python of README and docs/worker-protocol.md, as it was."""
    folder = MADE / "examples"
    folder.mkdir(exist_ok=True)
    for name in ("README.md", "docs/worker-protocol.md"):
        (code,) = re.findall("```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
        (folder / f"{Path(name).stem.lower().replace('-', '_')}.txt").write_text(code)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


STEPS = (commands, models, cameras, conversations, evaluation, training, examples)

if __name__ == "__main__":
    for step in STEPS:
        if step.__name__ in sys.argv[1:] or not sys.argv[1:]:
            print(step.__name__, flush=True)
            step()
