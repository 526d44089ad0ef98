"""Small images, masks and data sets on disk, for the tests of `core.image` and `core.datasets`.

Files are written by other means than the code under test: OpenCV, rasterio, scipy, plain bytes.
"""

from __future__ import annotations

import json
import pickle
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

VOC_COLOURS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 255: (224, 224, 192)}


def photo(height=12, width=16, seed=0):
    """(H, W, 3) uint8 RGB, smooth enough that JPEG keeps its corners apart."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 5, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def blob(height=12, width=16, rows=(2, 6), cols=(3, 9)):
    """(H, W) bool with one rectangle."""
    mask = np.zeros((height, width), bool)
    mask[rows[0] : rows[1], cols[0] : cols[1]] = True
    return mask


def write(path: Path, array) -> Path:
    """Write grey or RGB in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = array if array.ndim == 2 else np.ascontiguousarray(array[:, :, ::-1])
    path.write_bytes(cv2.imencode(path.suffix, bgr)[1].tobytes())
    return path


def write_palette(path: Path, indices, colours=None, driver="PNG") -> Path:
    """Write a one-band image with a colour table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bands(path, indices[None], driver=driver, colours=colours or VOC_COLOURS)
    return path


def write_bands(path: Path, bands, *, driver="GTiff", colours=None, **profile) -> Path:
    """Write (C, H, W) through rasterio."""
    import warnings

    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver=driver, count=count, height=height, width=width,
            dtype=bands.dtype, **profile,
        ) as target:  # fmt: skip
            target.write(bands)
            if colours:
                target.write_colormap(1, colours)
    return path


def exif(orientation: int, order="<") -> bytes:
    """TIFF header with two tags, the second of which is the orientation."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    other = struct.pack(order + "HHIHH", 0x0103, 3, 1, 6, 0)
    return (
        head
        + struct.pack(order + "H", 2)
        + other
        + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
        + bytes(4)
    )


def jpeg_with_exif(content: bytes, payload: bytes) -> bytes:
    """Put an EXIF segment in front of a JPEG's other segments."""
    segment = b"Exif\0\0" + payload
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def png_with_palette(indices, colours) -> bytes:
    """A PNG of palette indices, which may exceed the palette."""
    height, width = indices.shape
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0),
        b"PLTE": bytes(np.array(colours, np.uint8).ravel()),
        b"IDAT": zlib.compress(b"".join(b"\0" + row.tobytes() for row in indices)),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    )


def png_with_exif(content: bytes, payload: bytes) -> bytes:
    """Put an eXIf chunk behind a PNG's header chunk."""
    end = 8 + 25
    checksum = struct.pack(">I", zlib.crc32(b"eXIf" + payload))
    chunk = struct.pack(">I", len(payload)) + b"eXIf" + payload + checksum
    return content[:end] + chunk + content[end:]


def rotated_photo(path: Path, orientation: int, array=None, order="<") -> Path:
    """A photo whose EXIF asks for a turn; JPEG or PNG by suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = np.ascontiguousarray((photo() if array is None else array)[:, :, ::-1])
    content = cv2.imencode(path.suffix, bgr)[1].tobytes()
    insert = jpeg_with_exif if path.suffix == ".jpg" else png_with_exif
    path.write_bytes(insert(content, exif(orientation, order)))
    return path


def folder_set(root: Path, stems=("a", "b"), images="images", masks="masks") -> Path:
    """Images and 0/255 masks paired by stem."""
    for number, stem in enumerate(stems):
        write(root / images / f"{stem}.jpg", photo(seed=number))
        write(root / masks / f"{stem}.png", blob(rows=(2, 5 + number)).astype(np.uint8) * 255)
    return root


def sbd_set(root: Path) -> Path:
    """Two validation images with two and one instances, one training image."""
    from scipy.io import savemat

    labels = {"2008_2": (1, 2), "2008_1": (1,), "2008_9": (3,)}
    (root / "inst").mkdir(parents=True)
    for seed, (stem, ids) in enumerate(labels.items()):
        write(root / "img" / f"{stem}.jpg", photo(seed=seed))
        instances = np.zeros((12, 16), np.uint8)
        for i in ids:
            instances[3 * i - 2 : 3 * i, 2:9] = i
        content = np.empty((1, 1), [("Segmentation", "O"), ("Categories", "O")])
        content["Segmentation"][0, 0] = instances
        content["Categories"][0, 0] = np.array(ids, np.uint8)
        savemat(root / "inst" / f"{stem}.mat", {"GTinst": content})
    (root / "val.txt").write_text("2008_2\n2008_1\n")
    (root / "train.txt").write_text("2008_9\n")
    return root


def voc_set(root: Path) -> Path:
    """One image with objects 1 and 2 and a void border of 255 round the first."""
    indices = np.zeros((12, 16), np.uint8)
    indices[1:6, 1:8] = 255
    indices[2:5, 2:7] = 1
    indices[8:11, 8:12] = 2
    write(root / "JPEGImages" / "2007_01.jpg", photo())
    write_palette(root / "SegmentationObject" / "2007_01.png", indices)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("2007_01\n")
    (lists / "trainval.txt").write_text("2007_01\n")
    return root


def lvis_set(root: Path, protocol=4) -> Path:
    """One image: object 0 in layer 0, object 1 over it in layer 1, one stuff region behind."""
    first, second = np.zeros((2, 12, 16), np.uint8)
    first[2:8, 2:8] = 1
    first[10:, :] = 2
    second[4:9, 4:9] = 1
    layers = [cv2.imencode(".png", layer)[1] for layer in (first, second)]
    folder = root / "val"
    write(folder / "images" / "0007.jpg", photo())
    (folder / "masks").mkdir()
    content = (layers, [(0, 1), (1, 1), (0, 2)])
    (folder / "masks" / "0007.pickle").write_bytes(pickle.dumps(content, protocol))
    tree = {"0007": {"hierarchy": {0: None, 1: None}, "num_instance_masks": 2}}
    (folder / "hannotation.pickle").write_bytes(pickle.dumps(tree, protocol))
    return root


def coco_set(root: Path, annotations, name="annotations.json", **entry) -> Path:
    """Images ``b.jpg`` (id 4) and ``a.jpg`` (id 9) of 12 x 16 with the given annotations."""
    for stem in "ab":
        write(root / "images" / f"{stem}.jpg", photo())
    size = {"height": 12, "width": 16, **entry}
    images = [{"id": 4, "file_name": "b.jpg", **size}, {"id": 9, "file_name": "a.jpg", **size}]
    content = {"images": images, "annotations": annotations, "categories": []}
    (root / name).write_text(json.dumps(content))
    return root
