"""JSON, tables, names, cameras, frames and archives that nobody vouches for."""

from __future__ import annotations

import ast
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.camera import Camera, CameraRecord, ControlPoint, read_gcps, write_gcps
from core.errors import CameraError, CheckpointError, IsegError, PromptError, WorkerError
from core.file_names import FileFinder
from core.ipc.envelope import Failure, from_frame, number_of
from core.ipc.frames import Frame, FrameDecoder, encode
from core.json_files import DEEPEST, is_true, parse_json, read_json
from core.model.archive import refuse_bomb
from core.prompts import Box, Click
from core.text_files import read_lines
from core.worker.protocol import SEGMENTATION_MESSAGES

ROOT = Path(__file__).resolve().parents[2]
HUGE = 10**400


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_json_is_read_with_any_mark(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_text('{"name": "Flüela [[[", "n": [1, NaN]}', encoding=encoding)
    content = read_json(path)
    assert content["name"] == "Flüela [[["
    assert np.isnan(content["n"][1])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no JSON"),
        (b'{"a": 1', "no JSON"),
        (b'{"a": "\xe9"}', "byte 8 is no UTF-8"),
        (b'{"a": {"b": 1, "b": 2}}', "the name 'b' twice"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b"[" * (2 * DEEPEST + 1) + b"]" * (2 * DEEPEST + 1), "nested deeper"),
        (b"9" * 5000, "digits"),
    ],
)
def test_json_that_cannot_be_read_says_why(content, text):
    with pytest.raises(ValueError, match=text):
        parse_json(content)


def test_json_may_be_as_deep_as_any_file_of_ours():
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)
    assert parse_json('["' + "[" * 1000 + '\\"[["]')


def test_files_have_a_limit(tmp_path):
    (tmp_path / "a.json").write_text("[" + " " * 100 + "]")
    assert read_json(tmp_path / "a.json") == []
    with pytest.raises(ValueError, match="more than"):
        read_json(tmp_path / "a.json", most=50)


def test_json_and_yaml_are_read_in_one_place_each():
    """In `core`, `eval`, `training` and the plugin; what is written is another matter."""
    readers = {"json": {"core/json_files.py"}, "yaml": {"training/yaml_files.py"}}
    for room in ("core", "eval", "training", "avalanche_iseg_qgis"):
        for path in (ROOT / room).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            if where.startswith("avalanche_iseg_qgis/core/"):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    name = node.value.id
                    if name in readers and node.attr in ("load", "loads", "safe_load"):
                        assert where in readers[name], where


@pytest.mark.parametrize("value", [1, True, "1", "true", "Yes", 1.0])
def test_what_is_true(value):
    assert is_true(value)


@pytest.mark.parametrize("value", [0, False, None, "0", "false", "No", "", 0.0])
def test_what_is_false(value):
    assert not is_true(value)


@pytest.mark.parametrize("value", ["maybe", 2, [], {}, float("nan"), HUGE])
def test_what_is_neither(value):
    with pytest.raises(ValueError):
        is_true(value)


# --- tables and lists -----------------------------------------------------------------------------

TABLE = "name;u_px;v_px;x;y\nFlüela;1,5;2;3;4\n"


@pytest.mark.parametrize("first", ["", "sep=;\n", "SEP=;\r\n", '"sep=;"\n', "sep=;;;;\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_tables_of_spreadsheets(tmp_path, first, encoding):
    (tmp_path / "a.csv").write_text(first + TABLE, encoding=encoding, newline="")
    (point,) = read_gcps(tmp_path / "a.csv")
    assert (point.name, point.u) == ("Flüela", 1.5)


@pytest.mark.parametrize(
    ("name", "first"), [("church", b"name,"), ("Flüela", b"\xef\xbb\xbfname,")]
)
def test_tables_for_spreadsheets_say_that_they_are_utf_8(tmp_path, name, first):
    write_gcps(tmp_path / "a.csv", [ControlPoint(name, 1, 2, 3, 4)])
    assert (tmp_path / "a.csv").read_bytes().startswith(first)
    assert read_gcps(tmp_path / "a.csv")[0].name == name


@pytest.mark.parametrize("separator", ["\t", "|", ";"])
def test_a_named_separator_counts(tmp_path, separator):
    (tmp_path / "a.csv").write_text(f"sep={separator}\n" + TABLE.replace(";", separator))
    assert read_gcps(tmp_path / "a.csv")[0].u == 1.5


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("name,u_px,v_px,x,y,X\na,1,2,3,4,5\n", "two columns x"),
        ("name,u_px,v_px,x,y,z,u_px,z\na,1,2,3,4,5,6,7\n", "two columns u_px and two columns z"),
        ('sep="\nname,u_px\n', "no column"),
        ("sep=;\nname;u_px;v_px;x;y\n\nb;1;2;3;q\n", "line 4"),
        ("", "no column"),
        ('name,u_px,v_px,x,y\n"' + "a" * 200_000 + '",1,2,3,4\n', "field larger"),
    ],
)
def test_tables_that_are_unclear_say_where(tmp_path, table, text):
    (tmp_path / "a.csv").write_text(table)
    with pytest.raises(CameraError, match=text):
        read_gcps(tmp_path / "a.csv")


def test_lists_have_one_name_a_line(tmp_path):
    (tmp_path / "a.txt").write_text("IMG 1\r\n\r\n Flüela \r\n", encoding="utf-16")
    assert read_lines(tmp_path / "a.txt") == ["IMG 1", "Flüela"]


# --- names ----------------------------------------------------------------------------------------


def test_names_are_words(tmp_path):
    (tmp_path / "images").mkdir()
    stored = "Flu\u0308ela.png"
    (tmp_path / "images" / stored).touch()
    finder = FileFinder(tmp_path)
    for name in ("images/Fl\u00fcela.png", "images\\Flu\u0308ela.png", "./images//Fl\u00fcela.png"):
        assert finder.find(name) == tmp_path / "images" / stored
    assert finder.find("images/other.png") is None
    assert finder.find("none/a.png") is None
    assert finder.find("a" * 5000) is None


@pytest.mark.parametrize(
    "name", ["../a.png", "images/../../a.png", "/etc/passwd", "..\\a.png", "", ".", "a\0b"]
)
def test_names_stay_in_their_folder(tmp_path, name):
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"outside|no name"):
        FileFinder(tmp_path / "set").find(name)


# --- cameras --------------------------------------------------------------------------------------


def camera(**changes) -> dict:
    record = CameraRecord(Camera(160, 100, 0, 0, 9, 0, 0, 0, 200), 2056, name="a")
    return {**record.to_json(), **changes}


EYE = np.eye(8).tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"width": float("inf")},
        {"width": HUGE},
        {"width": 10**9},
        {"width": "x"},
        {"width": [1]},
        {"width": 1.5},
        {"epsg": HUGE},
        {"epsg": None},
        {"x": HUGE},
        {"x": float("nan")},
        {"k1": {}},
        {"width": 10**6, "height": 10**6},
        {"covariance": "abc"},
        {"covariance": 5},
        {"covariance": []},
        {"covariance": [[1.0]]},
        {"covariance": EYE[:7]},
        {"covariance": [*EYE[:7], ["a"] * 8]},
        {"covariance": [*EYE[:7], [HUGE] * 8]},
        {"covariance": (-np.eye(8)).tolist()},
        {"covariance": np.full((8, 8), np.nan).tolist()},
        {"covariance": (np.eye(8) + np.eye(8, k=1)).tolist()},
        {"covariance": (np.eye(8) + 3 * np.eye(8, k=1) + 3 * np.eye(8, k=-1)).tolist()},
        {"covariance": EYE, "covariance_parameters": ["a"]},
        {"points": 5},
        {"points": [1]},
        {"points": [{}]},
        {"points": [{"name": "a", "u_px": HUGE, "v_px": 1, "x": 1, "y": 1}]},
        {"points": [{"name": "a", "u_px": float("nan"), "v_px": 1, "x": 1, "y": 1}]},
        {"points": [{"name": "a", "u_px": 1, "v_px": 1, "x": 1, "y": 1, "use": "perhaps"}]},
        {"warnings": 5},
        {"projection": []},
        {"refraction_k": HUGE},
        {"rms_px": "x"},
    ],
)
def test_cameras_that_cannot_be_are_refused_with_their_file(tmp_path, changes):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(camera(**changes)))
    with pytest.raises(CameraError, match=r"camera\.json"):
        CameraRecord.read(path)


def test_a_covariance_is_read_as_it_was_written(tmp_path):
    matrix = np.eye(8) + 0.5 * np.eye(8, k=1) + 0.5 * np.eye(8, k=-1)
    matrix[6] = matrix[:, 6] = 0  # exactly known
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(camera(covariance=matrix.tolist())), encoding="utf-8-sig")
    record = CameraRecord.read(path)
    assert record.covariance == matrix.tolist()
    record.write(path)
    assert CameraRecord.read(path) == record


# --- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [HUGE, -HUGE, "1", None, [1], float("inf"), float("nan")])
def test_prompts_need_numbers(value):
    with pytest.raises(PromptError, match="finite"):
        Click(value, 1)
    with pytest.raises(PromptError, match="finite"):
        Box(0, 9, 0, value)


# --- frames ---------------------------------------------------------------------------------------


def framed(header: str, body: bytes = b"") -> bytes:
    import struct

    return struct.pack("<8sIQ", b"\x89ISEG\r\n\n", len(header), len(body)) + header.encode() + body


@pytest.mark.parametrize(
    "header",
    [
        "[" * 100_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "[]",
        "5",
        '{"arrays": 5}',
        "{}",
        '{"arrays": [{"name": "a", "dtype": "uint8", "shape": [0, 1' + "0" * 30 + "]}]}",
        '{"arrays": [{"name": "a", "dtype": ["uint8"], "shape": [0]}]}',
        '{"arrays": [{"name": "a", "dtype": "uint8", "shape": [1e400]}]}',
        '{"arrays": [], "arrays": []}',
        "9" * 5000,
    ],
)
def test_frames_that_are_none_are_worker_errors(header):
    with pytest.raises(WorkerError, match="cannot be read"):
        FrameDecoder().feed(framed(header))


@pytest.mark.parametrize(
    "header",
    [
        {"type": [1]},
        {"type": {}},
        {"type": None},
        {"type": "failure", "error": [1], "text": "a"},
        {"type": "failure", "error": "a", "text": None},
        {"type": "failure"},
        {"type": "images", "a": 1},
        {"type": "set_image", "image": "a", "pixels": "no array"},
    ],
)
def test_messages_that_are_none_are_errors_of_ours(header):
    known = {**SEGMENTATION_MESSAGES.answers, **SEGMENTATION_MESSAGES.requests}
    (frame,) = FrameDecoder().feed(b"".join(map(bytes, encode(Frame({"number": 1, **header})))))
    with pytest.raises(IsegError):
        from_frame(frame, known)


@pytest.mark.parametrize("number", [None, "1", -1, True, 1.5, [1]])
def test_numbers_of_messages(number):
    with pytest.raises(WorkerError, match="number"):
        number_of(Frame({"number": number}))
    assert Failure("ImageError", "text").text == "text"


# --- archives -------------------------------------------------------------------------------------


def test_archives_that_would_fill_the_memory_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("000.CONV_2D.w.npy", bytes(20_000_000))
    with pytest.raises(CheckpointError, match="20000000 bytes"):
        refuse_bomb(path)
    np.savez_compressed(path, a=np.random.default_rng(0).random(1000))
    refuse_bomb(path)
    path.write_bytes(b"PK\3\4 damaged")
    refuse_bomb(path)
