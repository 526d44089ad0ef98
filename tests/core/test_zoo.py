"""Models by name: registry, integrity, cache, and downloads from a real server on loopback."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from model_server import BLOB, CONTENT, HALF, Server, serving

from core.errors import DownloadError, ModelNotFoundError
from core.zoo import MODELS, cache, cache_dir, describe_models, find_model, registry, resolve_model
from core.zoo import download as download_module
from core.zoo.download import download
from core.zoo.integrity import integrity_error
from core.zoo.lock import exclusive_lock

ROOT = Path(__file__).resolve().parents[2]
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download_module, "WAITS", (0.0, 0.0, 0.0))
    with serving() as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "model.pth"


@pytest.fixture
def closed_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/model.pth"


@pytest.fixture
def zoo(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> registry.ZooModel:
    """The model ``slf``, but published by the local server; cache and bundle in tmp_path."""
    model = replace(MODELS["slf"], url=server.url, file_name="model.pth", git_blob=BLOB)
    models = MappingProxyType({**MODELS, "slf": model})
    monkeypatch.setattr(registry, "MODELS", models)
    monkeypatch.setattr(cache, "MODELS", models)
    monkeypatch.setattr(cache, "BUNDLED_DIR", tmp_path / "bundle")
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(target.parent))
    return model


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def leave_part(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(content)


# --- integrity ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "blob"),
    [
        (b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),  # known to everybody who uses git
        (b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
        (CONTENT, BLOB),
    ],
)
def test_git_blob_ids_are_those_of_git(tmp_path: Path, content: bytes, blob: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert integrity_error(path, git_blob=blob) is None
    assert integrity_error(path, git_blob=blob.upper()) is None
    path.write_bytes(content + b"!")
    assert f"instead of {blob}" in (integrity_error(path, git_blob=blob) or "")


def test_sha256_and_size_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert integrity_error(path) is None
    assert integrity_error(path, git_blob=BLOB, sha256=SHA256, size=len(CONTENT)) is None
    assert integrity_error(path, size=7) == "it has 1048576 bytes instead of 7"
    wrong = integrity_error(path, git_blob=BLOB, sha256="0" * 64) or ""
    assert wrong.startswith(f"its SHA-256 is {SHA256} instead of 000")


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    assert "cannot be read" in (integrity_error(tmp_path / "none", git_blob=BLOB) or "")


# --- download -------------------------------------------------------------------------------


def test_download_makes_folders_checks_and_leaves_no_part(server: Server, target: Path) -> None:
    got = download(server.url, target, git_blob=BLOB, sha256=SHA256, size=len(CONTENT))
    assert got == target
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()
    assert server.ranges == [None]


def test_download_leaves_a_good_file_alone_and_replaces_a_bad_one(
    server: Server, target: Path
) -> None:
    download(server.url, target, git_blob=BLOB)
    download(server.url, target, git_blob=BLOB)
    assert len(server.ranges) == 1
    target.write_bytes(b"spoilt")
    download(server.url, target, git_blob=BLOB)
    assert target.read_bytes() == CONTENT


def test_progress_grows_to_the_whole_and_knows_the_total(server: Server, target: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    download(server.url, target, progress=lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done[0] == 0
    assert done[-1] == len(CONTENT)
    assert done == sorted(done)
    assert len(done) > 4
    assert {call[1] for call in calls} == {len(CONTENT)}


def test_without_content_length_the_known_size_is_the_total(server: Server, target: Path) -> None:
    server.plan = ["no length", "no length"]
    totals: set[int | None] = set()
    download(server.url, target, size=len(CONTENT), progress=lambda _, total: totals.add(total))
    assert totals == {len(CONTENT)}
    totals.clear()
    other = target.with_name("other.pth")
    download(server.url, other, git_blob=BLOB, progress=lambda _, total: totals.add(total))
    assert totals == {None}
    assert other.read_bytes() == CONTENT


def test_redirects_are_followed_with_the_range(server: Server, target: Path) -> None:
    leave_part(target, CONTENT[:1000])
    server.plan = ["redirect"]
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == ["bytes=1000-", "bytes=1000-"]
    assert target.read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_at_once(server: Server, target: Path) -> None:
    server.plan = ["cut", "cut"]
    done: list[int] = []
    download(server.url, target, git_blob=BLOB, progress=lambda count, _: done.append(count))
    assert server.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + HALF // 2}-"]
    assert done == sorted(done)
    assert target.read_bytes() == CONTENT


def test_after_too_many_cuts_the_part_waits_for_a_later_call(server: Server, target: Path) -> None:
    server.plan = ["cut"] * 4
    with pytest.raises(DownloadError, match=r"broke off after .* of 1048576 bytes") as error:
        download(server.url, target, git_blob=BLOB)
    kept = part_of(target).stat().st_size
    assert kept == len(CONTENT) * 15 // 16
    assert f"The {kept} bytes that arrived are kept" in str(error.value)
    assert not target.exists()
    download(server.url, target, git_blob=BLOB)
    assert server.ranges[4:] == [f"bytes={kept}-"]
    assert target.read_bytes() == CONTENT


def test_a_silent_server_counts_as_interrupted(server: Server, target: Path) -> None:
    server.plan = ["stall"]
    download(server.url, target, git_blob=BLOB, timeout=0.3)
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert target.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_everything_again(server: Server, target: Path) -> None:
    leave_part(target, CONTENT[:1000])
    server.plan = ["ignore range"]
    done: list[int] = []
    download(server.url, target, git_blob=BLOB, progress=lambda count, _: done.append(count))
    assert server.ranges == ["bytes=1000-"]
    assert done[0] == 0
    assert target.read_bytes() == CONTENT


def test_an_answer_with_another_range_is_not_appended(server: Server, target: Path) -> None:
    leave_part(target, CONTENT[:1000])
    server.plan = ["wrong range"]
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == ["bytes=1000-", None]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("surplus", [b"", b"more than there should be"])
def test_a_part_as_long_as_the_file_starts_again(
    server: Server, target: Path, surplus: bytes
) -> None:
    leave_part(target, CONTENT + surplus)
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == [f"bytes={len(CONTENT + surplus)}-", None]
    assert target.read_bytes() == CONTENT


def test_wrong_content_is_refused_and_removed(server: Server, target: Path) -> None:
    server.content = b"<html>Please log in to this network</html>"
    with pytest.raises(DownloadError, match="not the published file, its git blob id is") as error:
        download(server.url, target, git_blob=BLOB)
    assert not target.exists()
    assert not part_of(target).exists()
    assert str(target) in str(error.value)
    assert "are kept" not in str(error.value)


def test_a_part_of_something_else_is_found_out_and_not_kept(server: Server, target: Path) -> None:
    leave_part(target, b"x" * 1000)
    with pytest.raises(DownloadError, match="not the published file"):
        download(server.url, target, git_blob=BLOB)
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == ["bytes=1000-", None]
    assert target.read_bytes() == CONTENT


def test_wrong_content_leaves_an_older_file_in_place(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"an older version")
    server.content = b"nonsense"
    with pytest.raises(DownloadError):
        download(server.url, target, sha256=SHA256)
    assert target.read_bytes() == b"an older version"


def test_not_found_fails_at_once_and_says_what_to_do(server: Server, target: Path) -> None:
    server.plan = ["404"]
    with pytest.raises(DownloadError, match="the server answers 404 Not Found") as error:
        download(server.url, target)
    assert len(server.ranges) == 1
    for hint in (server.url, f"put the file at {target}", "--model FILE"):
        assert hint in str(error.value)


def test_a_busy_server_is_asked_again(server: Server, target: Path) -> None:
    server.plan = ["503", "429"]
    download(server.url, target, git_blob=BLOB)
    assert len(server.ranges) == 3
    server.plan = ["503"] * 4
    with pytest.raises(DownloadError, match="503"):
        download(server.url, target.with_name("other.pth"))
    assert len(server.ranges) == 7


def test_offline_names_address_place_and_remedy(
    server: Server, target: Path, closed_url: str
) -> None:
    leave_part(target, CONTENT[:1000])
    with pytest.raises(DownloadError, match="no connection to the server") as error:
        download(closed_url, target)
    for hint in (closed_url, f"put the file at {target}", "--model FILE", "1000 bytes"):
        assert hint in str(error.value)
    assert part_of(target).read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://host/x", "model.pth", "", "http://[::1", "http:///x"]
)
def test_only_web_addresses_are_fetched(url: str, target: Path) -> None:
    with pytest.raises(DownloadError, match="must start with https or http"):
        download(url, target)
    assert not target.parent.exists()


def test_a_file_where_the_folder_should_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(DownloadError, match=r"Could not store .* AVALANCHE_ISEG_CACHE"):
        download(server.url, tmp_path / "models" / "model.pth")
    assert server.ranges == []


def test_a_full_disk_is_not_tried_again(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(target.parents[1])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=len(CONTENT) - 1))
    with pytest.raises(DownloadError, match=r"No space left on device.*Make room"):
        download(server.url, target)
    assert server.ranges == [None]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("act", ["endless", "announces-10**15", "more"])
def test_an_answer_that_cannot_be_the_file_is_dropped_at_once(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, act: str, known: bool
) -> None:
    if not known:
        monkeypatch.setattr(download_module, "MOST_BYTES", len(CONTENT))
    server.plan = [act]
    with pytest.raises(DownloadError, match=r"longer than the|the server announces"):
        download(server.url, target, size=len(CONTENT) if known else None)
    assert server.ranges == [None]
    assert not part_of(target).exists()
    assert download(server.url, target).read_bytes() == CONTENT


def test_a_server_that_drips_is_given_up(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "SLOW_SECONDS", 0.3)
    server.plan = ["drip"]
    with pytest.raises(DownloadError, match="too slow to end"):
        download(server.url, target)
    assert 0 < part_of(target).stat().st_size < len(CONTENT)
    monkeypatch.setattr(download_module, "SLOW_SECONDS", 60.0)
    assert download(server.url, target).read_bytes() == CONTENT


def test_a_part_that_is_too_long_or_a_link_is_not_continued(
    server: Server, target: Path, tmp_path: Path
) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT + b"more")
    assert download(server.url, target, size=len(CONTENT)).read_bytes() == CONTENT
    target.unlink()
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    part_of(target).symlink_to(other)
    assert download(server.url, target).read_bytes() == CONTENT
    assert other.read_bytes() == b"mine"
    assert server.ranges == [None, None]


def test_progress_may_cancel_and_the_part_is_kept(server: Server, target: Path) -> None:
    class CancelledError(Exception):
        pass

    def cancel(done: int, _: int | None) -> None:
        if done > 200_000:
            raise CancelledError

    with pytest.raises(CancelledError):
        download(server.url, target, progress=cancel)
    kept = part_of(target).stat().st_size
    assert kept > 200_000
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == [None, f"bytes={kept}-"]


# --- several at once ------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from core.zoo.download import download
download(sys.argv[1], Path(sys.argv[2]), git_blob=sys.argv[3])
"""


def start_child(url: str, target: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, url, str(target), BLOB]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "no_proxy": "*"})


def test_threads_that_want_the_same_file_share_one_download(server: Server, target: Path) -> None:
    server.plan = ["slow"]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(download, server.url, target, git_blob=BLOB) for _ in range(4)]
        assert [job.result() for job in jobs] == [target] * 4
    assert server.ranges == [None]
    assert target.read_bytes() == CONTENT


def test_processes_that_want_the_same_file_share_one_download(server: Server, target: Path) -> None:
    server.plan = ["slow"]
    children = [start_child(server.url, target) for _ in range(2)]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert server.ranges == [None]
    assert target.read_bytes() == CONTENT


def test_a_killed_process_leaves_no_lock_and_a_part_to_resume(server: Server, target: Path) -> None:
    server.plan = ["stall"]
    child = start_child(server.url, target)
    while not (part_of(target).exists() and part_of(target).stat().st_size == HALF):
        assert child.poll() is None
        time.sleep(0.02)
    child.kill()
    child.wait(timeout=60)
    download(server.url, target, git_blob=BLOB)
    assert server.ranges == [None, f"bytes={HALF}-"]
    assert target.read_bytes() == CONTENT


def test_who_waits_for_the_lock_is_told_and_may_give_up(tmp_path: Path) -> None:
    class GivenUpError(Exception):
        pass

    def give_up() -> None:
        raise GivenUpError

    lock = tmp_path / "lock"
    with exclusive_lock(lock, give_up), pytest.raises(GivenUpError), exclusive_lock(lock, give_up):
        pass
    with exclusive_lock(lock, give_up):
        pass


# --- registry -------------------------------------------------------------------------------


def test_the_zoo_has_the_published_models_in_order() -> None:
    assert list(MODELS) == [
        "default",
        "sbd_h18_itermask",
        "coco_lvis_h18_baseline",
        "coco_lvis_h18s_itermask",
        "coco_lvis_h18_itermask",
        "coco_lvis_h32_itermask",
        "slf",
        "uibk",
        "slf_uibk",
    ]
    assert all(name == model.name for name, model in MODELS.items())


@pytest.mark.parametrize(
    ("name", "path", "blob"),
    [
        ("slf", "checkpoints/082_epo090.pth", "78575c45a4306f701dcc0a3966dbcfc6fb5851f1"),
        ("uibk", "checkpoints/116_epo090.pth", "fcd482a95ff1d992f829938a80782b8e374e1277"),
        ("slf_uibk", "checkpoints/115_epo095.pth", "9507871d965949df19f0afa56c303a5abecc312c"),
        (
            "coco_lvis_h18_baseline",
            "weights/coco_lvis_h18_baseline.pth",
            "35124d030931747dc1e421f523c53ec75f6f4a50",
        ),
        (
            "coco_lvis_h18_itermask",
            "weights/coco_lvis_h18_itermask.pth",
            "644200a8cac6cd2d9cae887221291ea5864d9d33",
        ),
        (
            "coco_lvis_h18s_itermask",
            "weights/coco_lvis_h18s_itermask.pth",
            "4ce03fbea3bb2ea9656d3395762c3c2044524002",
        ),
        (
            "sbd_h18_itermask",
            "weights/sbd_h18_itermask.pth",
            "affba1b47461b3ae0d2a905c8c2d0ba628c1dc90",
        ),
    ],
)
def test_models_with_a_blob_id_come_from_the_pinned_commit(name: str, path: str, blob: str) -> None:
    model = MODELS[name]
    commit = "5e3f3659c2269401f1d49b42e5c2dd1977f09f97"
    assert model.url is not None
    assert model.url.endswith(f"/aval-e/InteractiveAvalancheSegmentation/{commit}/{path}")
    assert model.git_blob == blob
    assert model.file_name == path.split("/")[1]


def test_every_model_states_its_origin() -> None:
    for model in MODELS.values():
        assert model.title
        assert model.trained_on
        assert model.licence.startswith("MIT")
        assert model.citation
        assert model.url is None or model.url.startswith("https://")
    assert len({model.file_name for model in MODELS.values()}) == len(MODELS)
    unchecked = [m.name for m in MODELS.values() if m.git_blob is None and m.sha256 is None]
    assert unchecked == ["coco_lvis_h32_itermask"]
    assert "10.5194/tc-18-3807-2024" in MODELS["slf"].citation
    assert "h07f4-qzd17" in MODELS["slf_uibk"].citation
    assert "2102.06583" in MODELS["coco_lvis_h32_itermask"].citation


def test_the_registry_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        MODELS["mine"] = MODELS["slf"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        MODELS["slf"].name = "mine"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("SLF", "slf"),
        ("SLF+UIBK", "slf_uibk"),
        (" slf + uibk ", "slf_uibk"),
        ("slf-uibk", "slf_uibk"),
        ("Default", "default"),
        ("COCO_LVIS_h18s_itermask", "coco_lvis_h18s_itermask"),
    ],
)
def test_names_may_be_typed_loosely(typed: str, name: str) -> None:
    assert find_model(typed) is MODELS[name]


def test_an_unknown_name_lists_the_names_and_close_ones() -> None:
    with pytest.raises(ModelNotFoundError) as error:
        find_model("coco_lvis_h18_itermsk")
    assert "called 'coco_lvis_h18_itermsk'" in str(error.value)
    assert "Did you mean coco_lvis_h18_itermask" in str(error.value)
    assert ", ".join(MODELS) in str(error.value)
    with pytest.raises(ModelNotFoundError) as error:
        find_model("/no/such/zzz.bin")
    assert "Did you mean" not in str(error.value)


# --- cache ----------------------------------------------------------------------------------


def test_the_environment_names_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", "~/here")
    assert cache_dir() == Path.home() / "here"


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("Linux", {}, "{home}/.cache"),
        ("Linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg"),
        ("Darwin", {"XDG_CACHE_HOME": "/xdg"}, "{home}/Library/Caches"),
        ("Windows", {}, "{home}/AppData/Local"),
        ("Windows", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_else_the_cache_is_where_the_platform_wants_it(
    monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("AVALANCHE_ISEG_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platform, "system", lambda: system)
    folder = Path(expected.format(home=Path.home()))
    assert cache_dir() == folder / "avalanche_iseg" / "models"


def test_an_existing_file_wins_over_a_name(
    zoo: registry.ZooModel, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slf").write_bytes(b"mine")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("slf") == Path("slf")
    assert resolve_model(tmp_path / "slf") == tmp_path / "slf"
    assert server.ranges == []


def test_a_name_is_downloaded_once(zoo: registry.ZooModel, server: Server, target: Path) -> None:
    done: list[int] = []
    assert resolve_model("SLF", progress=lambda count, _: done.append(count)) == target
    assert done[-1] == len(CONTENT)
    assert resolve_model("slf") == target
    assert resolve_model("slf", download=False) == target
    assert len(server.ranges) == 1


def test_a_file_put_into_the_cache_by_hand_is_taken(
    zoo: registry.ZooModel, server: Server, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    assert resolve_model("slf") == target
    assert server.ranges == []


def test_a_damaged_file_of_the_same_length_is_fetched_again(
    zoo: registry.ZooModel, server: Server, target: Path
) -> None:
    resolve_model("slf")
    target.write_bytes(b"!" + CONTENT[1:])
    assert resolve_model("slf") == target
    assert target.read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_offline_a_damaged_file_is_not_used_silently(
    zoo: registry.ZooModel, server: Server, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(b"spoilt")
    server.plan = ["503"] * 4
    with pytest.raises(DownloadError) as error:
        resolve_model("slf")
    assert f"'slf': {target} is damaged: its git blob id is" in str(error.value)
    assert f"put the file at {target}" in str(error.value)
    with pytest.raises(ModelNotFoundError, match="is damaged"):
        resolve_model("slf", download=False)


def test_without_leave_to_download_the_error_tells_where_to_put_the_file(
    zoo: registry.ZooModel, server: Server, target: Path
) -> None:
    with pytest.raises(ModelNotFoundError) as error:
        resolve_model("slf", download=False)
    for hint in (f"{target} is not there", server.url, "in a browser"):
        assert hint in str(error.value)
    assert server.ranges == []


def test_without_a_published_checksum_a_complete_download_is_taken(
    zoo: registry.ZooModel, server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(zoo, git_blob=None)
    monkeypatch.setattr(registry, "MODELS", {"slf": model})
    server.plan = ["cut"] * 4
    with pytest.raises(DownloadError):
        resolve_model("slf")
    assert not target.exists()
    assert resolve_model("slf").read_bytes() == CONTENT


def test_the_default_model_is_taken_from_the_bundle(zoo: registry.ZooModel) -> None:
    with pytest.raises(ModelNotFoundError) as error:
        resolve_model("default")
    path = cache.BUNDLED_DIR / MODELS["default"].file_name
    for hint in ("not with this copy", f"{path} is not there", "--model coco_lvis_h18_itermask"):
        assert hint in str(error.value)
    path.parent.mkdir()
    path.write_bytes(b"weights")
    with pytest.raises(ModelNotFoundError, match="is damaged"):
        resolve_model("default")
    path.write_bytes((ROOT / "resources" / "models" / path.name).read_bytes())
    assert resolve_model("default") == path


def test_the_bundle_is_in_the_repository_with_its_card() -> None:
    assert cache.BUNDLED_DIR == ROOT / "resources" / "models"
    assert resolve_model("default") == ROOT / "resources" / "models" / "default.safetensors"
    assert (ROOT / "resources" / "models" / "default.md").is_file()
    assert sum(path.stat().st_size for path in cache.BUNDLED_DIR.iterdir()) < 20e6


@pytest.mark.parametrize("name", ["slff", "weights/absent.pth", ""])
def test_neither_file_nor_name(zoo: registry.ZooModel, name: str, server: Server) -> None:
    with pytest.raises(ModelNotFoundError, match=re.escape(f"no file called {name!r}")):
        resolve_model(name)
    assert server.ranges == []


def test_the_list_tells_origin_and_state(zoo: registry.ZooModel, target: Path) -> None:
    text = describe_models()
    assert str(target.parent) in text
    for model in MODELS.values():
        assert f"{model.name}: {model.title}" in text
        assert model.licence in text
        assert model.citation in text
    assert MODELS["uibk"].url in text
    assert f"{target} is not there" in text
    resolve_model("slf")
    assert f"{target} is ready" in describe_models()
    target.write_bytes(b"spoilt")
    assert f"{target} is damaged" in describe_models()


def test_importing_the_zoo_loads_no_torch() -> None:
    code = "import sys, core.zoo; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
