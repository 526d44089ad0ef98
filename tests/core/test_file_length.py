"""Files cut short that GDAL fills up with zeros, or takes for smaller ones."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin

from core.containers import is_whole
from core.errors import ImageError, TerrainError
from core.file_length import holds_all_cells
from core.image import read_image, read_mask_image
from core.terrain.sources import open_dem

ROWS, COLS = 50, 60
HEIGHTS = (1500 + np.random.default_rng(1).random((ROWS, COLS)) * 100).astype(np.float32)
KINDS = {
    "ENVI": ("ENVI", ".img", "float32", {}),
    "ENVI of bands": ("ENVI", ".bil", "rgb", {"INTERLEAVE": "BIL"}),
    "BIL": ("EHdr", ".bil", "float32", {}),
    "BSQ of bytes": ("EHdr", ".bsq", "uint8", {}),
    "Idrisi": ("RST", ".rst", "float32", {}),
    "ILWIS": ("ILWIS", ".mpr", "uint8", {}),
    "PCRaster": ("PCRaster", ".map", "float32", {}),
    "PNM": ("PNM", ".ppm", "rgb", {}),
    "Erdas LAN": ("LAN", ".lan", "uint8", {}),
    "PCIDSK": ("PCIDSK", ".pix", "rgb", {}),
    "PCIDSK of pixels": ("PCIDSK", ".pix", "rgb", {"INTERLEAVING": "PIXEL"}),
    "GeoPackage": ("GPKG", ".gpkg", "float32", {}),
    "GeoPackage of colours": ("GPKG", ".gpkg", "rgb", {}),
    "MBTiles": ("MBTiles", ".mbtiles", "rgb", {}),
}


def made(folder: Path, kind: str) -> tuple[Path, Path]:
    """A raster, and the file with its cells."""
    driver, suffix, dtype, options = KINDS[kind]
    bands = HEIGHTS[None]
    if dtype != "float32":
        bands = (bands % 256).astype(np.uint8).repeat(3 if dtype == "rgb" else 1, axis=0)
    profile = {"count": len(bands), "dtype": bands.dtype, "crs": "EPSG:2056"}
    place = from_origin(2_600_000, 1_200_000, 2, 2)
    source = folder.parent / f"{folder.name}.tif"
    with rasterio.open(
        source, "w", driver="GTiff", height=ROWS, width=COLS, transform=place, **profile
    ) as file:
        file.write(bands)
    path = folder / f"a{suffix}"
    rasterio.shutil.copy(source, path, driver=driver, **options)
    source.unlink()
    return path, max(folder.iterdir(), key=lambda file: file.stat().st_size)


@pytest.mark.parametrize("kind", KINDS)
def test_rasters_that_are_cut_short_are_refused(tmp_path, kind):
    path, cells = made(tmp_path, kind)
    content = cells.read_bytes()
    for length in (len(content) - 1, *(int(len(content) * share) for share in (0.97, 0.6, 0.3))):
        cells.write_bytes(content[:length])
        with pytest.raises(ImageError, match=r"cut short"):
            read_image(path)
        with pytest.raises(TerrainError):
            open_dem(path, 2056).sample([2_600_050], [1_199_990])
    cells.write_bytes(content)
    assert read_image(path).pixels.any()


def test_tiles_of_pcidsk_that_were_never_written_are_no_loss(tmp_path):
    rng = np.random.default_rng(0)
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=160, height=120, count=3, dtype="uint8"
    ) as file:
        file.write(rng.integers(1, 255, (3, 120, 160), dtype=np.uint8))
    path = tmp_path / "a.pix"
    rasterio.shutil.copy(tmp_path / "a.tif", path, driver="PCIDSK", INTERLEAVING="TILED")
    assert read_image(path).pixels.all()


def test_whole_lines_that_are_missing_are_noticed_however_wide_they_are(tmp_path):
    """GDAL reads parts of long lines straight from the file, and 0 where it ends."""
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        driver="GTiff",
        height=20,
        width=15000,
        count=1,
        dtype="float32",
        crs="EPSG:2056",
        transform=from_origin(2_600_000, 1_200_000, 2, 2),
    ) as file:
        file.write(np.full((1, 20, 15000), 1500, np.float32))
    path = tmp_path / "a.bil"
    rasterio.shutil.copy(tmp_path / "a.tif", path, driver="EHdr")
    assert open_dem(path, 2056).sample([2_600_050], [1_199_962])[0] == 1500
    path.write_bytes(path.read_bytes()[: 15000 * 4 * 15])
    with pytest.raises(TerrainError, match="cut short"):
        open_dem(path, 2056)


def test_cells_of_less_than_a_byte(tmp_path):
    path = tmp_path / "a.bil"
    for length, expected in ((7 * 5 // 8, False), (-(-7 * 5 // 8), True)):
        path.write_bytes(bytes(length))
        assert holds_all_cells("EHdr", path, [str(path)], (7, 5), 1) == expected


# --- JPEG 2000 and fax ------------------------------------------------------------------------

PHOTO = np.random.default_rng(2).integers(0, 255, (200, 300, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".jp2", {}),
        (".j2k", {}),
        (".jp2", {"tile_size": (64, 64)}),
        (".jp2", {"progression": "RPCL"}),
        (".jp2", {"irreversible": True, "quality_mode": "rates", "quality_layers": [40, 20]}),
    ],
)
def test_jpeg_2000_has_an_end(tmp_path, suffix, options):
    path = tmp_path / f"a{suffix}"
    PIL.Image.fromarray(PHOTO).save(path, **options)
    assert read_image(path).pixels.shape == PHOTO.shape
    content = path.read_bytes()
    half = len(content) // 2
    for cut in (content[:half], content[:half] + bytes(half), content[:-2], content[:-40]):
        path.write_bytes(cut)
        with pytest.raises(ImageError, match="cut short"):
            read_image(path)


def test_boxes_may_follow_the_pixels_of_a_jpeg_2000(tmp_path):
    path = tmp_path / "a.jp2"
    PIL.Image.fromarray(PHOTO).save(path)
    content = path.read_bytes()
    place = content.index(b"jp2c") - 4
    length = struct.pack(">I", len(content) - place)
    more = struct.pack(">I", 12) + b"xml <a/>"
    path.write_bytes(content[:place] + length + content[place + 4 :] + more)
    assert np.array_equal(read_image(path).pixels, PHOTO)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax_compression(tmp_path, compression):
    """A byte of the list of strips is missing, so that GDAL reads the wrong ones."""
    path = tmp_path / "a.tif"
    mask = np.random.default_rng(2).random((900, 1200)) > 0.5
    PIL.Image.fromarray(mask).save(path, compression=compression)
    assert np.array_equal(read_mask_image(path).whole, mask)
    content = path.read_bytes()
    for length in (len(content) - 1, int(0.97 * len(content)), len(content) // 2):
        path.write_bytes(content[:length])
        for read in (read_image, read_mask_image):
            with pytest.raises(ImageError, match="cut short"):
                read(path)


# --- netCDF -----------------------------------------------------------------------------------


def netcdf(version: int, *, records: int = 0, values: np.ndarray) -> bytes:
    """A classic netCDF file with one variable of (y, x), or (time, y, x) in two records."""
    count = ">Q" if version == 5 else ">I"

    def number(value: int) -> bytes:
        return struct.pack(count, value)

    def name(text: str) -> bytes:
        return number(len(text)) + text.encode() + bytes(-len(text) % 4)

    def entries(kind: int, items: list[bytes]) -> bytes:
        if not items:
            return struct.pack(">I", 0) + number(0)
        return struct.pack(">I", kind) + number(len(items)) + b"".join(items)

    rows, cols = values.shape
    sizes = {"y": rows, "x": cols} if not records else {"time": 0, "y": rows, "x": cols}
    dims = [name(key) + number(size) for key, size in sizes.items()]
    title = name("title") + struct.pack(">I", 2) + number(5) + b"alpes\0\0\0"

    def header(begin: int) -> bytes:
        variable = name("z") + number(len(dims)) + b"".join(map(number, range(len(dims))))
        variable += entries(12, []) + struct.pack(">I", 5) + number(4 * rows * cols)
        variable += struct.pack(">I" if version == 1 else ">Q", begin)
        start = b"CDF" + bytes([version]) + number(records)
        return start + entries(10, dims) + entries(12, [title]) + entries(11, [variable])

    content = values.astype(">f4").tobytes() * max(1, records)
    return header(len(header(0))) + content


@pytest.mark.parametrize("version", [1, 2, 5])
@pytest.mark.parametrize("records", [0, 1, 3])
def test_classic_netcdf(tmp_path, version, records):
    path = tmp_path / "a.nc"
    content = netcdf(version, records=records, values=HEIGHTS)
    path.write_bytes(content)
    assert is_whole(path)
    if version < 5 and records < 3:
        assert read_image(path).pixels.shape == (ROWS, COLS, 3)
    for length in (len(content) - 1, len(content) // 2, 60, 9):
        path.write_bytes(content[:length])
        assert not is_whole(path)
        with pytest.raises(ImageError, match="cut short"):
            read_image(path)


def test_numbers_that_no_netcdf_file_has_are_no_trouble(tmp_path):
    path = tmp_path / "a.nc"
    for start in (b"CDF\1", b"CDF\2", b"CDF\5"):
        for filler in (b"\xff", b"\0\0\0\x0b", b"\x7f", b"\0"):
            path.write_bytes(start + filler * 400)
            with pytest.raises(ImageError):
                read_image(path)


@pytest.mark.parametrize("size", ["9" * 5000, "999999999 999999999", "4 4 # a"])
def test_sizes_that_no_pnm_file_has_are_no_trouble(tmp_path, size):
    path = tmp_path / "a.ppm"
    path.write_text(f"P6\n{size} {size} 255\n")
    with pytest.raises(ImageError):
        read_image(path)


# --- SQLite -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [512, 4096, 65536])
def test_databases_have_whole_pages(tmp_path, page):
    path = tmp_path / "a.mbtiles"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA page_size = {page}")
    database.execute("CREATE TABLE a (b)")
    database.commit()
    database.close()
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_whole(path)


# --- text grids -------------------------------------------------------------------------------


def points(order: str, separator: str, heading: str = "") -> list[str]:
    """Lines of an XYZ file; the first letter of the order is the axis along which rows run."""
    places = [(row, col) for row in range(ROWS) for col in range(COLS)]
    if order == "yx":
        places.sort(key=lambda place: (place[1], -place[0]))
    lines = [
        separator.join((f"{2_600_001 + 2 * col}", f"{1_199_999 - 2 * row}", f"{height:.2f}"))
        for (row, col), height in ((place, HEIGHTS[place]) for place in places)
    ]
    return [heading, *lines] if heading else lines


@pytest.mark.parametrize("order", ["xy", "yx"])
@pytest.mark.parametrize(("separator", "heading"), [(" ", ""), (",", ""), (";", "X;Y;Z")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_grids_that_end_within_a_row(tmp_path, order, separator, heading, end):
    path = tmp_path / "a.xyz"
    lines = points(order, separator, heading)
    whole = end.join(lines)
    for text in (whole, whole + end, whole + 2 * end):
        path.write_bytes(text.encode())
        assert read_image(path).pixels.shape == (ROWS, COLS, 3)
    for length in (0.999, 0.97, 0.51, 0.255, 0.11):
        path.write_bytes(whole[: int(length * len(whole))].encode())
        with pytest.raises(ImageError, match=r"cut short|Cannot read"):
            read_image(path)
    path.write_text(end.join(lines[: -COLS // 2]))
    with pytest.raises(ImageError, match=r"cut short"):
        read_image(path)


def test_text_grids_may_leave_points_out(tmp_path):
    path = tmp_path / "a.xyz"
    corners = [
        line
        for place, line in enumerate(points("xy", " "))
        if abs(place // COLS - ROWS / 2) + abs(place % COLS - COLS / 2) < 40
    ]
    path.write_text("\n".join(corners))
    assert read_image(path).pixels.shape == (ROWS, COLS, 3)
