"""Options and messages shared by the subcommands of `series`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ... import arguments
from ...errors import IsegError, write_errors
from ...files import write_text
from ...series import Listing, SeriesPhoto, SeriesStore, list_photos

Run = Callable[[argparse.Namespace], None]


def new_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Run,
    summary: str,
) -> argparse.ArgumentParser:
    """Add a subcommand that works on a series."""
    parser = subparsers.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("series", metavar="NAME.series", type=Path, help="folder of the series")
    parser.set_defaults(run=run)
    return parser


def add_workers_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument(
        "--workers", metavar="N", type=arguments.natural, default=1,
        help="processes that share the work (default: %(default)s)",
    )  # fmt: skip


def add_share_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--share`` of commands that do what others have left undone."""
    parser.add_argument(
        "--share",
        metavar="I/N",
        type=share,
        default=(1, 1),
        help="begin with every N-th photo, from the I-th on: one machine of N that share the "
        "folder; what the others leave undone is done, too",
    )


def add_days_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--days``."""
    parser.add_argument(
        "--days",
        metavar="D",
        type=arguments.positive,
        default=3.0,
        help="carry no longer than this after an outline (default: %(default)g)",
    )


def add_table_option(parser: argparse.ArgumentParser, summary: str) -> None:
    """Add ``-o``."""
    parser.add_argument(
        "-o", "--out", metavar="FILE.csv", type=Path, help=f"{summary} (default: stdout)"
    )


def open_series(path: Path) -> tuple[SeriesStore, Listing]:
    """Open a series and list its photos."""
    store = SeriesStore.open(path)
    return store, list_photos(store.folders, store.rule)


def find_photo(listing: Listing, name: str) -> SeriesPhoto:
    """Return the photo of a key, of a path, or of the end of either; it must be the only one."""
    wanted = Path(name).as_posix()
    every = [*listing.photos, *listing.undated]
    found = [photo for photo in every if wanted in (photo.key, photo.path.as_posix())]
    found = found or [photo for photo in every if f"/{photo.key}".endswith(f"/{wanted}")]
    if not found:
        absolute = Path(name).absolute()
        found = [photo for photo in every if photo.path.absolute() == absolute]
    if len(found) != 1:
        many = f"{len(found)} photos have that name" if found else "no photo has that name"
        raise IsegError(f"{name} is not clear in the series: {many}. Give more of its path.")
    return found[0]


def share(text: str) -> tuple[int, int]:
    """Read ``I/N``: part I of N."""
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text, re.ASCII)
    if match is None or int(match[1]) > int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, such as 2/4")
    return int(match[1]), int(match[2])


def write_table(out: Path | None, text: str) -> None:
    """Write a table to a file, or to stdout."""
    if out is None:
        print(text, end="")
        return
    with write_errors(out):
        write_text(out, text)
    print(f"wrote {out}")


def count_lines(values: Iterable[str]) -> str:
    """Return how often each value occurs, the most frequent first, on one line."""
    listed: Sequence[str] = list(values)
    counts = sorted({value: listed.count(value) for value in listed}.items(), key=lambda i: -i[1])
    return ", ".join(f"{count} {value}" for value, count in counts)
