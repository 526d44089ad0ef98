"""What reads files, layers and pipes that nobody vouches for, with valid files for each."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np


class Loader(NamedTuple):
    """A loader: what makes its valid files in a folder, and what loads that folder.

    ``targets`` are patterns of the files to be mutated, one at a time.
    """

    make: Callable[[Path], None]
    load: Callable[[Path], object]
    targets: tuple[str, ...]


def _pixels(height: int = 24, width: int = 32) -> Any:
    rows, cols = np.mgrid[0:height, 0:width]
    return np.stack([rows * 9, cols * 7, rows * 3 + cols], axis=2).astype(np.uint8)


def _blob(value: int = 255) -> Any:
    mask = np.zeros((24, 32), np.uint8)
    mask[4:12, 6:20] = value
    return mask


def _write(path: Path, array: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, array)[1].tobytes())


# --- images --------------------------------------------------------------------------------------

_IMAGES = (".jpg", ".png", ".tif", ".webp", ".bmp")


def make_images(folder: Path) -> None:
    for suffix in _IMAGES:
        _write(folder / f"a{suffix}", _pixels())


def load_image(path: Path) -> object:
    from core.image import read_image

    return read_image(path)


def make_masks(folder: Path) -> None:
    for suffix in (".png", ".tif", ".bmp"):
        _write(folder / f"a{suffix}", _blob())
    _write(folder / "b.png", _blob().astype(np.uint16) * 200)


def load_mask(path: Path) -> object:
    from core.image import read_mask_values

    return read_mask_values(path)


# --- cameras and maps ---------------------------------------------------------------------------


def _record() -> Any:
    from core.camera import Camera, CameraRecord, ControlPoint
    from core.camera.record import PointFit

    camera = Camera(320, 240, 2_700_000, 1_150_000, 1500, yaw=90, pitch=5, roll=0, f=400, k1=-0.1)
    point = ControlPoint("church", 100.5, 80.0, 2_700_900.0, 1_150_010.0, 1490.0)
    covariance = np.diag([1.0, 1, 1, 0.1, 0.1, 0.1, 4, 0.01]).tolist()
    return CameraRecord(
        camera,
        2056,
        name="Davos",
        covariance=covariance,
        points=(PointFit(point, 0.5, -0.5, 1.0, 2.0),),
        warnings=("few points",),
    )


def make_camera(folder: Path) -> None:
    _record().write(folder / "camera.json")


def load_camera(path: Path) -> object:
    from core.camera import CameraRecord

    record = CameraRecord.read(path)
    record.write(path.with_name("again.json"))
    return record


def make_gcps(folder: Path) -> None:
    from core.camera import ControlPoint, write_gcps

    points = [ControlPoint(f"P{n}", n, n, 2_725_293 + n, 1_124_990, 1500) for n in range(4)]
    write_gcps(folder / "gcps.csv", points)
    text = (folder / "gcps.csv").read_text().replace(",", ";").replace(".", ",")
    (folder / "excel.csv").write_text("sep=;\n" + text, encoding="utf-16")


def load_gcps(path: Path) -> object:
    from core.camera import read_gcps

    return read_gcps(path)


def make_outlines(folder: Path) -> None:
    import shapely
    from pyogrio.raw import write

    from core.outline import write_outlines

    square = shapely.MultiPolygon([shapely.box(2_700_000, 1_150_000, 2_700_100, 1_150_050)])
    for suffix in (".gpkg", ".geojson"):
        features = [(square, {"name": "é", "size": 2.5, "n": 3})] * 2
        write_outlines(folder / f"a{suffix}", features, crs_wkt="EPSG:2056")
    (folder / "a.geojson").rename(folder / "b.geojson")
    write(
        folder / "c.shp",
        np.array([shapely.to_wkb(square)], object),
        [np.array(["x"], object)],
        ["name"],
        geometry_type="MultiPolygon",
        crs="EPSG:2056",
    )


def load_outlines(path: Path) -> object:
    from core.commands.camera.features import read_polygons, reproject

    features, crs = read_polygons(path.with_suffix(".shp") if path.stem == "c" else path)
    return [reproject(feature.polygon, crs, 2056) for feature in features if crs]


def make_dem(folder: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin

    heights = np.add.outer(np.arange(30.0), np.arange(40.0)).astype(np.float32) + 1500
    profile = {"count": 1, "dtype": "float32", "height": 30, "width": 40, "crs": "EPSG:2056"}
    profile["transform"] = from_origin(2_700_000, 1_150_000, 10, 10)
    with rasterio.open(folder / "a.tif", "w", driver="GTiff", compress="deflate", **profile) as out:
        out.write(heights, 1)
    with rasterio.open(folder / "b.asc", "w", driver="AAIGrid", **profile) as out:
        out.write(heights, 1)


def load_dem(path: Path) -> object:
    from core.terrain.sources import open_dem

    dem = open_dem(path.with_suffix(".asc") if path.stem == "b" else path, 2056)
    return dem.sample([2_700_100.0, 2_700_205.0], [1_149_900.0, 1_149_880.0])


def make_caches(folder: Path) -> None:
    from core.projection.range_map import RangeMap

    camera = _record().camera
    RangeMap(camera, np.ones((240, 320), np.float32)).save(folder)


def load_caches(path: Path) -> object:
    from core.projection.range_map import RangeMap

    return RangeMap.open(path.parent)


# --- data sets ----------------------------------------------------------------------------------


def make_coco(folder: Path) -> None:
    _write(folder / "images" / "a.png", _pixels())
    content = {
        "images": [{"id": 1, "file_name": "images/a.png", "width": 32, "height": 24}],
        "categories": [{"id": 1, "name": "avalanche"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0,
             "segmentation": [[2, 2, 20, 2, 20, 15, 2, 15]]},
            {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 0,
             "segmentation": {"size": [24, 32], "counts": [100, 50, 618]}},
            {"id": 3, "image_id": 1, "category_id": 1, "iscrowd": 1,
             "segmentation": {"size": [24, 32], "counts": "T3b1ZC"}},
        ],
    }  # fmt: skip
    (folder / "annotations.json").write_text(json.dumps(content))


def load_set(family: str, split: str | None, path: Path) -> object:
    from core.datasets import open_dataset

    root = next(parent for parent in path.parents if (parent / ".root").exists())
    dataset = open_dataset(family, root, split)
    faults = dataset.check()
    if faults:
        from core.errors import DatasetError

        raise DatasetError(faults[0])
    return len(dataset)


def load_annotations(path: Path) -> object:
    from training.data.annotations import read_annotations

    faults: list[str] = []
    images = read_annotations(path, None, faults)
    return [image.masks(path, faults) for image in images]


def make_folders(folder: Path) -> None:
    _write(folder / "images" / "a.jpg", _pixels())
    _write(folder / "masks" / "a_1.png", _blob())


def make_lvis(folder: Path) -> None:
    part = folder / "train"
    _write(part / "images" / "a.jpg", _pixels())
    (part / "masks").mkdir(parents=True)
    layer = cv2.imencode(".png", _blob(1))[1]
    (part / "masks" / "a.pickle").write_bytes(pickle.dumps([[layer.tobytes()], [[0, 1]]]))
    hierarchy = {"a": {"num_instance_masks": 1, "hierarchy": {}}}
    (part / "hannotation.pickle").write_bytes(pickle.dumps(hierarchy))


def make_sbd(folder: Path) -> None:
    from scipy.io import savemat

    _write(folder / "img" / "a.jpg", _pixels())
    (folder / "inst").mkdir()
    truth = {"Segmentation": _blob(1), "Boundaries": _blob(0)}
    savemat(folder / "inst" / "a.mat", {"GTinst": truth}, do_compression=True)
    (folder / "val.txt").write_text("a\n")


def make_shards(folder: Path) -> None:
    _write(folder / "a.png", _blob(1))
    _write(folder / "a.jpg", _pixels())
    with tarfile.open(folder / "s-000.tar", "w") as archive:
        for name in ("a.jpg", "a.png"):
            archive.add(folder / name, name)
            (folder / name).unlink()
    row = "a.jpg,a.png,s-000.tar,s,instances\n"
    (folder / "manifest.csv").write_text("image,mask,shard,set,mask_kind\n" + row)


def make_iseg(folder: Path) -> None:
    from core.datasets import ExportImage, ExportObject, export_dataset

    source = folder.parent / "source.jpg"
    _write(source, _pixels())
    objects = [ExportObject(_blob() > 0, {"size": 2})]
    export_dataset(folder / "set", [ExportImage(source, objects, "train")])
    for path in (folder / "set").iterdir():
        path.rename(folder / path.name)
    (folder / "set").rmdir()


# --- models and training ------------------------------------------------------------------------


def _model() -> Any:
    from core.model import HRNetConfig, build_model

    config = HRNetConfig(
        width=2,
        ocr_width=2,
        small=True,
        use_rgb_conv=False,
        use_leaky_relu=True,
        use_disks=True,
        norm_radius=5,
        with_prev_mask=True,
    )
    return build_model(config).eval()


def make_native(folder: Path) -> None:
    from core.model.native import write

    write(folder / "a.safetensors", _model(), {"threshold": 0.5, "training_data": "none"})


def make_ritm(folder: Path) -> None:
    import torch

    model = _model()
    params = {
        name: {"type": "builtin", "value": value, "specified": True}
        for name, value in dataclasses.asdict(model.config).items()
        if name not in ("norm_mean", "norm_std", "fbrs_rgb_conv")
    }
    config = {"class": "isegm.model.is_hrnet_model.HRNetModel", "params": params}
    content = {"state_dict": dict(model.state_dict()), "config": config}
    torch.save(content, folder / "a.pth")
    torch.save(content, folder / "b.pth", _use_new_zipfile_serialization=False)


def load_model(path: Path) -> object:
    from core.model.checkpoint import load_checkpoint

    return load_checkpoint(path)


def make_arrays(folder: Path) -> None:
    arrays = {"000.CONV_2D.w": np.ones((4, 3, 3, 3), np.float32), "000.CONV_2D.b": np.ones(4)}
    np.savez_compressed(folder / "a.npz", **arrays)


def load_arrays(path: Path) -> object:
    from training.initial_weights import _read_arrays

    return _read_arrays(path)


def make_config(folder: Path) -> None:
    for path in (Path(__file__).parents[1] / "training" / "configs").glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())


def load_config(path: Path) -> object:
    from training.config import read_config

    return read_config(path, ["run.batch=2"])


def make_snapshot(folder: Path) -> None:
    import torch

    from training.experiment import ENTRIES, save_snapshot

    state = {name: {"a": torch.ones(3)} for name in ENTRIES} | {"step": 5, "best": 3.5}
    save_snapshot(folder / "last.pt", state)


def load_snapshot(path: Path) -> object:
    from training.experiment import ENTRIES
    from training.experiment import load_snapshot as load

    return load(path, ENTRIES)


def make_results(folder: Path) -> None:
    settings = {"max_clicks": 20, "target_iou": 0.9}
    found = {"image": "a.jpg", "object": "1", "clicks": [[1, 2, True]], "ious": [0.5, 0.9]}
    document = {"model": "m", "mode": "x", "dataset": "d", "settings": settings, "objects": [found]}
    (folder / "a.json").write_text(json.dumps(document))
    line = json.dumps({"fingerprint": "f", **found, "seconds": 1.0})
    (folder / "rank0.jsonl").write_text(f"{line}\n{line}\n")


def load_results(path: Path) -> object:
    if path.suffix == ".json":
        from eval.plots import read_results

        return [result.mean_ious() for result in read_results(path)]
    from eval.shards import _parse

    return [_parse(line, "f") for line in path.read_text("utf-8", errors="replace").splitlines()]


_MODEL_FILE = bytes(range(256)) * 20


def make_zoo(folder: Path) -> None:
    (folder / "slf.bin").write_bytes(_MODEL_FILE)


def load_zoo(path: Path) -> object:
    from core.errors import DownloadError
    from core.zoo.integrity import integrity_error

    sha256 = hashlib.sha256(_MODEL_FILE).hexdigest()
    fault = integrity_error(path, sha256=sha256, size=len(_MODEL_FILE))
    if fault:
        raise DownloadError(fault)
    return path


# --- lenses and series --------------------------------------------------------------------------


def make_calibrations(folder: Path) -> None:
    (folder / "opencv.yml").write_text(
        "%YAML:1.0\n---\nimage_width: 640\nimage_height: 480\n"
        "camera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n"
        "   data: [ 700., 0., 320., 0., 700.5, 240., 0., 0., 1. ]\n"
        "distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 5\n   dt: d\n"
        "   data: [ -1.e-1, 2.e-2, 1.e-4, -2.e-4, 0. ]\n"
    )
    terms = "<f>700</f><cx>1.5</cx><cy>-2</cy><k1>-0.1</k1><p1>0.0001</p1>"
    size = "<width>640</width><height>480</height>"
    (folder / "agisoft.xml").write_text(
        f"<?xml version='1.0'?><calibration><projection>frame</projection>{size}{terms}"
        "</calibration>"
    )
    matrix = [[700, 0, 320], [0, 700, 240], [0, 0, 1]]
    lens = {"camera_matrix": matrix, "dist_coeff": [[-0.1, 0.02, 0, 0, 0]]}
    (folder / "a.json").write_text(json.dumps({**lens, "image_size": [640, 480]}))


def load_calibration(path: Path) -> object:
    from core.camera.calibration import read_calibration

    return read_calibration(path).fitted((1280, 960))


def make_series(folder: Path) -> None:
    from core.series import Look, Observation, PhotoState, Review, Screening, SeriesStore

    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    for hour in (8, 9):
        _write(photos / f"cam_2024-01-15_{hour:02}-00.jpg", _pixels())
    _write(photos / "cam.jpg", _pixels())  # its time would be in EXIF
    store = SeriesStore.create(folder / "a.series", [photos])
    key = "photos/cam_2024-01-15_08-00.jpg"
    ring = (((1.0, 2.0), (9.0, 2.0), (9.0, 8.0)),)
    store.append(
        [
            Review(key, by="zoe", state=PhotoState.AVALANCHES, count=1),
            Screening(key, by="program", look=Look.FOG, reason="white", blocks="01-9"),
            Observation(key, by="zoe", avalanche="a", rings=ring, parts=(1,), size=(32, 24)),
        ]
    )


def load_series(path: Path) -> object:
    from core.series import SeriesStore, day_activity, list_photos, release_intervals

    folder = next(parent for parent in path.parents if (parent / "a.series").is_dir())
    store = SeriesStore.open(folder / "a.series")
    photos, state = list_photos([folder / "photos"], store.rule).photos, store.read()
    return day_activity(photos, state, release_intervals(photos, state))


# --- the plugin's values, and pipes --------------------------------------------------------------


def make_prompts(folder: Path) -> None:
    from avalanche_iseg_qgis.core.prompts import Box, Click
    from avalanche_iseg_qgis.session.prompt_set import PromptSet
    from avalanche_iseg_qgis.session.start_mask import StartMask

    clicks = (Click(10, 12.5), Click(3, 4, positive=False))
    prompts = PromptSet(clicks, Box(0, 20, 0, 30), StartMask.of(_blob()))
    (folder / "prompts.json").write_text(prompts.to_json())


def load_prompts(path: Path) -> object:
    from avalanche_iseg_qgis.session.prompt_set import PromptSet

    prompts = PromptSet.from_json(path.read_text("utf-8", errors="replace"))
    return None if prompts.empty else (prompts.bounds(), prompts.to_json())


class _Entries:
    """Texts of a project, from a file."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def read(self, key: str, default: str) -> str:
        """Return an entry."""
        return str(self._content.get(key, default))

    def to_absolute_path(self, path: str) -> str:
        """Return the path itself."""
        return path


def make_project(folder: Path) -> None:
    from avalanche_iseg_qgis.camera.points import PosePoint
    from avalanche_iseg_qgis.camera.pose_draft import PoseDraft

    point = PosePoint("1", 10.0, 20.0, 2_700_000.0, 1_150_000.0)
    draft = PoseDraft("/a.jpg", 320, 240, ("/dem.tif",), 2056, (1.0, 2.0), points=(point,))
    (folder / "photos.json").write_text(json.dumps(["/a.jpg"]))
    (folder / "draft.json").write_text(json.dumps(draft.to_json()))


def load_project(path: Path) -> object:
    from avalanche_iseg_qgis.camera.pose_store import PoseStore

    texts = {name: (path.parent / f"{name}.json").read_text("utf-8", errors="replace")
             for name in ("photos", "draft")}  # fmt: skip
    entries = _Entries({"/camera/pictures": texts["photos"], "/camera/sheet0": texts["draft"]})
    return PoseStore(entries).read("/a.jpg")  # type: ignore[arg-type]


def make_frames(folder: Path) -> None:
    from core.ipc.frames import encode
    from core.survey import protocol as camera
    from core.worker import protocol as worker

    points = np.array([[0, 0], [9, 0], [9, 9]], np.float32)
    messages: dict[str, list[Any]] = {
        "worker-requests": [
            worker.Hello(2),
            worker.Load("slf"),
            worker.SetImage("a", _pixels()),
            worker.Predict("a", [(1.0, 2.0, True)], [0, 5, 0, 5], _blob(), (1, 2), (60, 60)),
            worker.Outline("a", [(1.0, 2.0, True)], threshold=0.4),
            worker.Cancel(1),
        ],
        "worker-answers": [
            worker.SegmentationWelcome(2, {"core": "1"}, ["cpu"], ["pytorch"], {"slf": "SLF"}),
            worker.Images(["a"]),
            worker.Predicted(_blob(), [0, 23, 0, 31], [24, 32], 0.1),
            worker.Outlined(points, [[3]], 40.5, 0.1),
            worker.Failure("ImageError", "no"),
        ],
        "camera-requests": [
            camera.SolvePose([{"name": "a", "u_px": 1, "v_px": 2, "x": 3, "y": 4}], 9, 9, 2056),
            camera.ToMap(_record().to_json(), ["/dem.tif"], points, [[3]]),
            camera.ToImage.of(points, [[3]], record=_record().to_json(), dem=["/dem.tif"]),
        ],
        "camera-answers": [
            camera.Posed(_record().to_json(), 0.1),
            camera.Drawn(_blob() > 0, (0, 0), (24, 32), 0.5, 0.1),
            camera.Mapped.of(points, [[3]], visible_fraction=1.0, lost=0.0, bridged=False,
                             seconds=0.1),
        ],
    }  # fmt: skip
    for name, sent in messages.items():
        known = (
            camera.CAMERA_MESSAGES if name.startswith("camera") else worker.SEGMENTATION_MESSAGES
        )
        for number, message in enumerate(sent, 1):
            parts = encode(known.to_frame(number, message))
            (folder / f"{name}.{number}").write_bytes(b"".join(map(bytes, parts)))


def load_frames(path: Path) -> object:
    """Read as the worker and the plugin do; headers are values, too."""
    from core.ipc.envelope import from_frame, number_of
    from core.ipc.frames import FrameDecoder
    from core.survey.protocol import CAMERA_MESSAGES
    from core.worker.protocol import SEGMENTATION_MESSAGES

    known = CAMERA_MESSAGES if path.name.startswith("camera") else SEGMENTATION_MESSAGES
    table = known.requests if "requests" in path.name else known.answers
    frames = FrameDecoder(skip_foreign="answers" in path.name).feed(path.read_bytes())
    return [(number_of(frame), from_frame(frame, table)) for frame in frames]


def mutate_frame(content: bytes, random_: Any) -> bytes:
    """Mutate the values of a frame's header, under a size that fits."""
    import struct

    from fuzz_mutations import mutate_value

    prefix = struct.Struct("<8sIQ")
    magic, size, body = prefix.unpack_from(content)
    header = mutate_value(json.loads(content[prefix.size : prefix.size + size]), random_)
    encoded = json.dumps(header).encode()
    return prefix.pack(magic, len(encoded), body) + encoded + content[prefix.size + size :]


LOADERS: dict[str, Loader] = {
    "image": Loader(make_images, load_image, ("a.*",)),
    "mask": Loader(make_masks, load_mask, ("*.*",)),
    "camera": Loader(make_camera, load_camera, ("camera.json",)),
    "gcps": Loader(make_gcps, load_gcps, ("*.csv",)),
    "outlines": Loader(make_outlines, load_outlines, ("a.gpkg", "b.geojson", "c.*")),
    "dem": Loader(make_dem, load_dem, ("*.*",)),
    "range map": Loader(make_caches, load_caches, ("*.*",)),
    "coco_json": Loader(make_coco, partial(load_set, "coco_json", None), ("*.json",)),
    "annotations": Loader(make_coco, load_annotations, ("*.json",)),
    "images": Loader(make_folders, partial(load_set, "images", None), ("*/*.*",)),
    "coco_lvis": Loader(make_lvis, partial(load_set, "coco_lvis", "train"), ("train/**/*.pickle",)),
    "sbd": Loader(make_sbd, partial(load_set, "sbd", "val"), ("inst/*.mat", "val.txt")),
    "shards": Loader(make_shards, partial(load_set, "shards", None), ("*.*",)),
    "iseg": Loader(make_iseg, partial(load_set, "iseg", None), ("*.json", "*/*.*")),
    "native model": Loader(make_native, load_model, ("*.safetensors",)),
    "RITM model": Loader(make_ritm, load_model, ("*.pth",)),
    "start arrays": Loader(make_arrays, load_arrays, ("*.npz",)),
    "configuration": Loader(make_config, load_config, ("*.yaml",)),
    "snapshot": Loader(make_snapshot, load_snapshot, ("*.pt",)),
    "results": Loader(make_results, load_results, ("*.*",)),
    "model cache": Loader(make_zoo, load_zoo, ("slf.bin",)),
    "calibration": Loader(make_calibrations, load_calibration, ("*.*",)),
    "series": Loader(make_series, load_series, ("a.series/*.*", "photos/*.*")),
    "prompts": Loader(make_prompts, load_prompts, ("*.json",)),
    "project": Loader(make_project, load_project, ("*.json",)),
    "frames": Loader(make_frames, load_frames, ("*.[0-9]",)),
}
