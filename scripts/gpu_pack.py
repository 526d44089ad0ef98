"""Pack what `scripts/gpu_train.sh` needs on a bare machine with a GPU, in build/gpu (under 60 MB).

Usage: python scripts/gpu_pack.py TRAIN SCENES

TRAIN is a folder of shards; so many of its images are taken, of all sets alike, as fit. SCENES is a
folder that `avalanche-iseg synthetic` wrote. The one package that such machines lack comes along.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import affine

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "build" / "gpu"
TRAIN_BYTES = 42_000_000
SCENES_LONGEST = "448"


def main() -> None:
    """Pack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path, help="folder of shards")
    parser.add_argument("scenes", type=Path, help="folder of synthetic scenes")
    args = parser.parse_args()
    shutil.rmtree(TARGET, ignore_errors=True)
    (TARGET / "train").mkdir(parents=True)
    copy_shards(args.train, TARGET / "train", TRAIN_BYTES)
    pack = [sys.executable, "-m", "training", "data", "pack", f"iseg={args.scenes}"]
    size = ["--longest", SCENES_LONGEST, "--quality", "88"]
    subprocess.run([*pack, str(TARGET / "scenes"), *size], cwd=ROOT, check=True)
    shutil.copytree(Path(affine.__file__).parent, TARGET / "packages" / "affine")
    total = sum(file.stat().st_size for file in TARGET.rglob("*") if file.is_file())
    print(f"{TARGET}: {total / 1e6:.1f} MB")


def copy_shards(source: Path, target: Path, most: int) -> None:
    """Copy the first images of every shard with their masks, about ``most`` bytes in all."""
    share = most / sum(shard.stat().st_size for shard in source.glob("*.tar"))
    kept = set()
    for shard in sorted(source.glob("*.tar")):
        with tarfile.open(shard) as old, tarfile.open(target / shard.name, "w") as new:
            limit = share * shard.stat().st_size
            for member in old:
                if member.name.endswith(".jpg") and new.offset > limit:
                    break
                new.addfile(member, old.extractfile(member))
                kept.add(member.name)
    with (source / "manifest.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["mask"] in kept]
    with (target / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, reader.fieldnames)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
