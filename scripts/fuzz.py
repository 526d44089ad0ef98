"""Mutated files for all loaders: taken, or refused with words, soon and in little memory.

    python scripts/fuzz.py --count 20000 [--seed 1] [--only camera frames]

Valid files are made here, mutated by a seeded generator and loaded in processes of their own. The
table says for each loader how many were accepted, refused (by an IsegError) and uncaught (any other
exception, a crash, or a hang), the longest time, and the largest growth of memory. The exit status
is 1 if anything was uncaught, took more than 10 s or more than 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz_loaders import LOADERS, mutate_frame
from fuzz_mutations import mutate_file

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS, MOST_MB = 10.0, 1000.0
ROOM = 4 << 30  # bytes of address space beyond what the loader needs from the start


@dataclass
class Tally:
    """Results of one loader."""

    accepted: int = 0
    refused: int = 0
    uncaught: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        return not self.uncaught and self.seconds <= MOST_SECONDS and self.megabytes <= MOST_MB


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000, help="inputs of all loaders together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--keep", type=Path, help="folder for inputs that were not caught")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        name, first, last = args.child
        run_child(name, range(int(first), int(last)), args.seed, args.keep)
        return 0
    share, rest = divmod(args.count, len(args.only))
    print(
        f"{'loader':<15}{'inputs':>7}{'accepted':>9}{'refused':>8}{'uncaught':>9}{'s':>7}{'MB':>7}"
    )
    good = True
    for place, name in enumerate(args.only):
        tally = fuzz(name, share + (place < rest), args.seed, args.keep)
        total = tally.accepted + tally.refused + tally.uncaught.total()
        print(
            f"{name:<15}{total:>7}{tally.accepted:>9}{tally.refused:>8}{tally.uncaught.total():>9}"
            f"{tally.seconds:>7.2f}{tally.megabytes:>7.0f}",
            flush=True,
        )
        for text, count in tally.uncaught.most_common():
            print(f"    {count} x {text}", flush=True)
        good &= tally.good
    return 0 if good else 1


def fuzz(name: str, count: int, seed: int, keep: Path | None) -> Tally:
    """Load ``count`` inputs; a process that crashes or hangs is started again behind its input."""
    tally = Tally()
    done = 0
    while done < count:
        part = ["--seed", str(seed), "--child", name, str(done), str(count)]
        command = [sys.executable, __file__, *part, *(["--keep", str(keep)] if keep else [])]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},  # for what is the plugin's
        ) as child:
            finished = _collect(child, tally)
        done += finished
        if child.returncode == 1:
            raise SystemExit(f"{name}: the run itself failed; see {' '.join(command)}")
        if done < count:
            tally.uncaught[f"the process ended ({child.returncode}) or hung at input {done}"] += 1
            done += 1
    return tally


def _collect(child: subprocess.Popen[bytes], tally: Tally) -> int:
    """Read the results of a process until it ends; return their number."""
    assert child.stdout
    finished, text = 0, b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(60 if not finished else 3 * MOST_SECONDS):
                child.kill()
                return finished
            data = os.read(child.stdout.fileno(), 1 << 16)
            if not data:
                return finished
            *lines, text = (text + data).split(b"\n")
            for line in lines:
                kind, what, seconds, megabytes = json.loads(line)
                tally.accepted += kind == "accepted"
                tally.refused += kind == "refused"
                if kind == "uncaught":
                    tally.uncaught[what] += 1
                tally.seconds = max(tally.seconds, seconds)
                tally.megabytes = max(tally.megabytes, megabytes)
                finished += 1


def run_child(name: str, numbers: range, seed: int, keep: Path | None) -> None:
    """Load mutated inputs; write a line of JSON about each."""
    loader = LOADERS[name]
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print, too
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "files")
        folder.mkdir()
        (folder / ".root").touch()
        loader.make(folder)
        found = {path for pattern in loader.targets for path in folder.glob(pattern)}
        files = sorted(path for path in found if path.is_file() and path.name != ".root")
        originals = {path: path.read_bytes() for path in files}
        for path in files:  # imports, caches; what is valid must be taken
            loader.load(path)
            path.write_bytes(originals[path])
        _limit_memory()
        for number in numbers:
            random_ = random.Random(f"{seed}:{name}:{number}")
            path = random_.choice(files)
            if name == "frames" and random_.random() < 0.6:
                path.write_bytes(mutate_frame(originals[path], random_))
            else:
                mutate_file(path, originals[path], random_)
            kept = path.read_bytes()
            kind, what, seconds, megabytes = _load(loader.load, path)
            if keep and (kind == "uncaught" or seconds > MOST_SECONDS or megabytes > MOST_MB):
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{name}-{number}{path.suffix}").write_bytes(kept)
            print(json.dumps([kind, what, seconds, megabytes]), file=results, flush=True)
            path.write_bytes(originals[path])
        shutil.rmtree(folder, ignore_errors=True)


def _load(load: object, path: Path) -> tuple[str, str, float, float]:
    from core.errors import IsegError

    before = _start_measuring()
    began = time.perf_counter()
    kind, what = "accepted", ""
    try:
        load(path)  # type: ignore[operator]
    except Exception as error:
        # The plugin's own copy of `core` has classes of its own.
        refused = any(kind.__name__ == IsegError.__name__ for kind in type(error).__mro__)
        kind = "refused" if refused else "uncaught"
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        what = f"{type(error).__name__} in {where}: {str(error)[:150]}"
    return kind, what, time.perf_counter() - began, max(0.0, _peak() - before)


def _limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))


def _start_measuring() -> float:
    """Begin a new peak of memory; return what is in use, MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
