"""Which raster files are opened, how large they may be, and where they lie."""

from __future__ import annotations

import http.server
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from dataset_fixtures import photo, write, write_bands
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC
from rasterio.transform import Affine, from_origin
from test_containers import chunk

from core.commands import main
from core.errors import ImageError, TerrainError
from core.image import read_image, read_mask_image, read_mask_values
from core.raster_files import check_announced_size, is_placed
from core.terrain.sources import open_dem

PLACE = from_origin(2_600_000, 1_200_000, 2, 2)


# --- formats ------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A server that counts what is asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()


def vrt(source: str, kind: str = "SimpleSource", tag: str = "SourceFilename") -> str:
    return (
        '<VRTDataset rasterXSize="16" rasterYSize="12"><SRS>EPSG:2056</SRS><GeoTransform>2600000, '
        '2, 0, 1200000, 0, -2</GeoTransform><VRTRasterBand dataType="Byte" band="1">'
        f'<{kind}><{tag} relativeToVRT="1">{source}</{tag}><SourceBand>1</SourceBand></{kind}>'
        "</VRTRasterBand></VRTDataset>"
    )


def wms(address: str) -> str:
    return (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{address}/${{z}}/${{x}}/${{y}}.png</ServerUrl>'
        "</Service><DataWindow><UpperLeftX>-20037508</UpperLeftX><UpperLeftY>20037508</UpperLeftY>"
        "<LowerRightX>20037508</LowerRightX><LowerRightY>-20037508</LowerRightY><TileLevel>1"
        "</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY></DataWindow>"
        "<Projection>EPSG:3857</Projection><BlockSizeX>8</BlockSizeX><BlockSizeY>8</BlockSizeY>"
        "<BandsCount>1</BandsCount></GDAL_WMS>"
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".xml", ".asc", ""])
def test_what_only_names_other_files_or_servers_is_no_picture(tmp_path, server, suffix):
    address, asked = server
    write(tmp_path / "local.png", photo()[:, :, 0])
    for text in (vrt("local.png"), vrt(f"/vsicurl/{address}/a.tif"), wms(address)):
        path = tmp_path / f"a{suffix}"
        path.write_text(text)
        for read in (read_image, read_mask_values, read_mask_image):
            with pytest.raises(ImageError, match=r"Cannot read .* as an image"):
                read(path)
        with pytest.raises(TerrainError, match="cannot be read as a DEM"):
            open_dem(path, 2056)
    assert not asked


def test_a_vrt_may_name_files(tmp_path):
    write(tmp_path / "local.png", photo()[:, :, 0])
    (tmp_path / "a.vrt").write_text(vrt("local.png"))
    (tmp_path / "b.VRT").write_text(vrt("a.vrt"))
    for name in ("a.vrt", "b.VRT"):
        assert np.array_equal(read_image(tmp_path / name).pixels[:, :, 0], photo()[:, :, 0])


@pytest.mark.parametrize("kind", ["SimpleSource", "ComplexSource", "KernelFilteredSource"])
def test_a_vrt_names_no_server(tmp_path, server, kind):
    address, asked = server
    (tmp_path / "wms.tif").write_text(wms(address))
    (tmp_path / "inner.vrt").write_text(vrt(f"/vsicurl/{address}/a.tif"))
    for source in (
        f"/vsicurl/{address}/a.tif",
        " /vsis3/bucket/a.tif",
        f"{address}/a.tif",
        f"WMS:{address}?LAYERS=a",
        wms(address).replace("<", "&lt;"),
        "wms.tif",
        "inner.vrt",
        "a.vrt",  # itself
    ):
        (tmp_path / "a.vrt").write_text(vrt(source, kind))
        with pytest.raises(ImageError, match=r"holds pixels|too large or deep"):
            read_image(tmp_path / "a.vrt")
        with pytest.raises(TerrainError, match=r"holds pixels|too large or deep"):
            open_dem(tmp_path / "a.vrt", 2056)
    assert not asked


@pytest.mark.parametrize("name", ["a!b.tif", "zip:a.tif", "2024?.tif", "http:a.tif"])
def test_names_are_names(tmp_path, name):
    write_bands(tmp_path / "a.tif", np.moveaxis(photo(), -1, 0))
    path = (tmp_path / "a.tif").rename(tmp_path / name)
    assert np.array_equal(read_image(path).pixels, photo())


@pytest.mark.parametrize(
    ("driver", "suffix"),
    [("ENVI", ".dat"), ("HFA", ".img"), ("AAIGrid", ".asc"), ("JP2OpenJPEG", ".jp2"),
     ("GPKG", ".gpkg"), ("MBTiles", ".mbtiles"), ("GIF", ".gif"), ("WEBP", ".webp")],
)  # fmt: skip
def test_formats_that_people_have(tmp_path, driver, suffix):
    bands = np.moveaxis(photo(256, 256), -1, 0)
    bands = bands[:1] if driver in ("AAIGrid", "GIF") else bands
    plain = write_bands(
        tmp_path / "plain.tif", bands, crs="EPSG:3857",
        transform=from_origin(0, 0, 156543.03392804097 / 2**10, 156543.03392804097 / 2**10),
    )  # fmt: skip
    from rasterio.shutil import copy

    copy(plain, tmp_path / f"a{suffix}", driver=driver)
    assert read_image(tmp_path / f"a{suffix}").pixels.shape[2] == 3


# --- sizes --------------------------------------------------------------------------------------


def empty_png(path: Path, side: int, kind: int = 0, bits: int = 8, *, filled: bool = False) -> Path:
    """A PNG of a kilobyte that announces side x side pixels, and may even hold them."""
    data = b""
    if filled:
        packer = zlib.compressobj(9)
        rows = bytes(1 + side * bits // 8) * 100
        data = b"".join(packer.compress(rows) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", data or zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    return path


def sparse_tiff(path: Path, side: int, dtype: str) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype=dtype, tiled=True,
        blockxsize=2048, blockysize=2048, SPARSE_OK=True, transform=PLACE,
    ):  # fmt: skip
        return path


def jpeg_header(path: Path, width: int, height: int) -> Path:
    content = bytearray(write(path, photo()).read_bytes())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    path.write_bytes(bytes(content))
    return path


def test_more_pixels_than_can_be_meant_are_refused_at_once(tmp_path):
    bombs = [
        empty_png(tmp_path / "a.png", 60_000),
        empty_png(tmp_path / "colours.png", 25_000, kind=2),
        empty_png(tmp_path / "deep.png", 25_000, kind=2, bits=16),
        sparse_tiff(tmp_path / "sparse.tif", 60_000, "uint8"),
        sparse_tiff(tmp_path / "float.tif", 20_000, "float32"),
        jpeg_header(tmp_path / "a.jpg", 65_000, 65_000),
        jpeg_header(tmp_path / "b.jpg", 20_000, 20_000),
    ]
    code = (
        "import resource, sys, pathlib\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from core.image import read_image, read_mask_image\n"
        "from core.errors import ImageError\n"
        "import rasterio\n"
        "start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n"
        "    for read in (read_image, read_mask_image):\n"
        "        try:\n"
        "            read(pathlib.Path(path))\n"
        "        except ImageError as error:\n"
        "            assert pathlib.Path(path).name in str(error) and 'announces' in str(error)\n"
        "        else:\n"
        "            raise AssertionError(path)\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start\n"
        "    assert used < 1_000_000, (path, used)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, bombs)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(ImageError, match=r"grey\.png announces 30000 x 30000 pixels"):
        read_image(empty_png(tmp_path / "grey.png", 30_000, filled=True))


@pytest.mark.parametrize(
    ("side", "pixel_bytes", "file_bytes", "is_read"),
    [
        (5_000, 3, 100_000, True),  # 25 megapixels, however small the file
        (10_000, 3, 1_000, True),  # 100
        (20_000, 3, 20_000_000, True),  # an orthophoto
        (20_000, 1, 400_000, True),  # its mask
        (20_000, 3, 400_000, False),
        (30_000, 3, 900_000, False),
        (40_000, 1, 10**9, False),  # beyond what is read at all
    ],
)
def test_sizes_that_are_read(side, pixel_bytes, file_bytes, is_read):
    if is_read:
        check_announced_size("a.tif", side, side, pixel_bytes, file_bytes)
        return
    with pytest.raises(ImageError, match=r"a\.tif announces .*cut the part you need"):
        check_announced_size("a.tif", side, side, pixel_bytes, file_bytes)


# --- where it lies ------------------------------------------------------------------------------


def corner_points(shift: float = 0.0) -> list[GroundControlPoint]:
    """Control points at corners of pixels, one of them shifted."""
    places = [(0, 0), (0, 16), (12, 0), (12, 16), (6, 8)]
    points = [GroundControlPoint(row, col, *(PLACE * (col, row))) for row, col in places]
    points[-1].x += shift
    return points


def write_scan(path: Path, points, crs: str | None = "EPSG:2056") -> Path:
    bands = np.moveaxis(photo(), -1, 0)
    return write_bands(path, bands, gcps=points, crs=CRS.from_string(crs) if crs else CRS())


def test_control_points_in_a_file_place_it(tmp_path):
    image = read_image(write_scan(tmp_path / "a.tif", corner_points()))
    assert np.allclose(image.transform, tuple(PLACE)[:6])
    assert CRS.from_wkt(image.crs_wkt).to_epsg() == 2056
    assert image.warnings == ()


def test_control_points_may_turn_it(tmp_path):
    place = PLACE * Affine.rotation(30)
    points = [GroundControlPoint(r, c, *(place * (c, r))) for r, c in [(0, 0), (0, 9), (9, 0)]]
    image = read_image(write_scan(tmp_path / "a.tif", points))
    assert np.allclose(image.transform, tuple(place)[:6])


@pytest.mark.parametrize("points", [corner_points(shift=40), corner_points()[:2]])
def test_control_points_that_do_not_place_it_are_said(tmp_path, points):
    image = read_image(write_scan(tmp_path / "a.tif", points))
    assert image.transform is None
    assert "control points" in image.warnings[0]
    assert "outlines are in its pixels" in image.warnings[0]


def test_rpcs_are_said(tmp_path):
    ones = [1.0] * 20
    rpcs = RPC(0, 1000, 46, 1, ones, ones, 6, 10, 7, 1, ones, ones, 8, 8)
    image = read_image(write_bands(tmp_path / "a.tif", np.moveaxis(photo(), -1, 0), rpcs=rpcs))
    assert image.transform is None
    assert "RPCs" in image.warnings[0]


def test_a_world_file_without_crs_is_said(tmp_path):
    path = write(tmp_path / "a.png", photo())
    (tmp_path / "a.pgw").write_text("2\n0\n0\n-2\n2600001\n1199999\n")
    image = read_image(path)
    assert image.transform == (2, 0, 2_600_000, 0, -2, 1_200_000)
    assert image.crs_wkt is None
    assert "CRS is not known" in image.warnings[0]


PROJECTIONS = {
    "Esri": CRS.from_epsg(2056).to_wkt("WKT1_ESRI"),
    "WKT": CRS.from_epsg(2056).to_wkt(),
    "WKT 2, with a mark": "\ufeff" + CRS.from_epsg(2056).to_wkt("WKT2_2019") + "\r\n",
    "code": "EPSG:2056",
}


@pytest.mark.parametrize("kind", PROJECTIONS)
@pytest.mark.parametrize("names", [("a.jpg", "a.jgw", "a.prj"), ("a.tif", "a.TFW", "A.PRJ")])
def test_a_prj_file_gives_the_crs_of_a_world_file(tmp_path, kind, names):
    name, world, projection = names
    path = write(tmp_path / name, photo())
    (tmp_path / projection).write_text(PROJECTIONS[kind], encoding="utf-8")
    assert (read_image(path).crs_wkt, read_image(path).warnings) == (None, ())  # of a shapefile
    (tmp_path / world).write_text("2\n0\n0\n-2\n2600001\n1199999\n")
    image = read_image(path)
    assert image.transform == (2, 0, 2_600_000, 0, -2, 1_200_000)
    assert CRS.from_wkt(image.crs_wkt).to_epsg() == 2056
    assert image.warnings == ()


@pytest.mark.parametrize("content", ["", "Lambert", 'LOCAL_CS["plan"]'])
def test_a_prj_file_that_names_no_crs_is_told(tmp_path, content):
    path = write(tmp_path / "a.png", photo())
    (tmp_path / "a.pgw").write_text("2\n0\n0\n-2\n2600001\n1199999\n")
    (tmp_path / "a.prj").write_text(content)
    image = read_image(path)
    assert image.crs_wkt is None
    assert "a.prj beside it names none" in image.warnings[0]


def test_a_prj_file_gives_the_crs_of_a_dem(tmp_path):
    path = write_bands(tmp_path / "a.tif", np.full((1, 9, 9), 1500, np.float32), transform=PLACE)
    with pytest.raises(TerrainError, match="which CRS"):
        open_dem(path, 2056)
    (tmp_path / "a.prj").write_text(PROJECTIONS["Esri"])
    assert open_dem(path, 2056).sample([2_600_009], [1_199_991])[0] == 1500


def test_heights_are_left_out_of_the_crs(tmp_path):
    bands = np.moveaxis(photo(), -1, 0)
    path = write_bands(tmp_path / "a.tif", bands, crs="EPSG:2056+5728", transform=PLACE)
    assert CRS.from_wkt(read_image(path).crs_wkt).to_epsg() == 2056


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ((1, 0, 0, 0, 1, 0), False),
        ((1, 0, 0, 0, -1, 0), False),
        ((0, 0, 0, 0, 0, 0), False),
        ((np.nan, 0, 0, 0, 1, 0), False),
        ((np.inf, 0, 0, 0, -1, 0), False),
        ((6.9e-310, 0, 4.6e-310, 0, 6.9e-310, 0), False),  # what memory held
        ((1, 0, 3e200, 0, -1, 0), False),
        ((2, 1, 0, 4, 2, 0), False),  # all pixels on a line
        ((1, 0, 0, 0, -1, 12), True),
        ((1e-5, 0, 9.8, 0, -1e-5, 46.8), True),
        ((0.5, 0, 2_600_000, 0, -0.5, 1_200_000), True),
    ],
)
def test_transforms_that_place_an_image(transform, expected):
    assert is_placed(transform) == expected


def test_rows_that_count_upwards_from_nowhere_are_no_georeference(tmp_path):
    """As PCRaster and R write images without georeference."""
    (tmp_path / "a.vrt").write_text(
        vrt("local.png")
        .replace("2600000, 2, 0, 1200000, 0, -2", "0, 1, 0, 0, 0, -1")
        .replace("<SRS>EPSG:2056</SRS>", "")
    )
    write(tmp_path / "local.png", photo()[:, :, 0])
    assert read_image(tmp_path / "a.vrt").transform is None


# --- what is no file ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif", "photo.vrt"])
def test_pipes_are_not_waited_for(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    for read in (read_image, read_mask_image, read_mask_values):
        with pytest.raises(ImageError, match=r"photo\.\w+: it is a pipe"):
            read(path)
    with pytest.raises(TerrainError, match="it is a pipe"):
        open_dem(path, 2056)


def test_links_to_themselves_are_named(tmp_path, capsys):
    path = tmp_path / "loop.png"
    path.symlink_to("loop.png")
    out = str(tmp_path / "a.gpkg")
    segment = ["segment", str(path), "--click", "1,1", "--out", out]
    to_map = ["camera", "to-map", str(path), "--camera", str(path), "--dem", str(path), "-o", out]
    for command in (segment, to_map):
        assert main(command) == 2
        assert "loop.png" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["GTIFF_DIR:1", "NETCDF:x", "vrt:", "http:"])
def test_a_folder_is_no_driver(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    Path(folder).mkdir()
    write(Path(folder, "a.tif"), photo())
    assert read_image(f"{folder}/a.tif").pixels.shape == photo().shape


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        *(("a.jpg", "a.jgw"), ("a.png", "a.pgw"), ("a.jpg", "A.WLD"), ("a.tif", "a.tifw")),
        *(("a.jpg", "a.jpegw"), ("a.jpeg", "a.JPGW"), ("a.tiff", "a.tifw"), ("a.ppm", "a.ppmw")),
    ],
)
@pytest.mark.parametrize("content", ["\ufeff0.5\n0\n0\n-0.5\n26\n12", "0 " * 6, "nan\n" * 6])
def test_a_world_file_that_is_not_read_is_told(tmp_path, name, beside, content):
    path = write(tmp_path / name, photo())
    assert read_image(path).warnings == ()
    (tmp_path / beside).write_text(content, encoding="utf-8")
    (warning,) = read_image(path).warnings
    assert beside in warning
    assert read_image(path).transform is None


def test_other_files_beside_a_photo_are_no_world_files(tmp_path):
    path = write(tmp_path / "a.jpg", photo())
    for name in ("a.raw", "a.jpg.w", "b.jgw", "ajgw", "a.jw", "a.kml"):
        (tmp_path / name).write_text("2\n")
    assert read_image(path).warnings == ()


def test_a_crs_without_a_place_is_told(tmp_path):
    for number, place in enumerate([Affine.identity(), Affine(0, 0, 5, 0, 0, 5)]):
        path = tmp_path / f"{number}.tif"
        write_bands(path, np.zeros((3, 12, 16), np.uint8), crs="EPSG:2056", transform=place)
        image = read_image(path)
        assert image.transform is None
        assert "no place in it" in image.warnings[0]


def test_a_local_crs_is_that_of_no_map(tmp_path):
    path = tmp_path / "a.tif"
    local = 'LOCAL_CS["plan",UNIT["metre",1]]'
    write_bands(path, np.zeros((3, 12, 16), np.uint8), crs=local, transform=PLACE)
    image = read_image(path)
    assert (image.transform, image.crs_wkt) == (tuple(PLACE)[:6], None)
    assert "its CRS is not known" in image.warnings[0]


def test_a_dem_in_a_local_crs_is_asked_for_its_crs(tmp_path):
    path = tmp_path / "a.tif"
    local = 'LOCAL_CS["plan",UNIT["metre",1]]'
    write_bands(path, np.full((1, 9, 9), 1500, np.float32), crs=local, transform=PLACE)
    with pytest.raises(TerrainError, match="does not say which CRS"):
        open_dem(path, 2056)
    (tmp_path / "a.prj").write_text("EPSG:2056")
    assert open_dem(path, 2056).sample([2_600_009], [1_199_991])[0] == 1500
    assert CRS.from_wkt(read_image(path).crs_wkt).to_epsg() == 2056
