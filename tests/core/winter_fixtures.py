"""Photos of one camera over time, painted and turned by known angles; no terrain is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np

from core.camera import Camera, CameraRecord

SIZE = 720, 480
POSED = Camera(*SIZE, x=2_700_000, y=1_150_000, z=1500, yaw=30, pitch=2, roll=0.5, f=900)
START = datetime(2024, 1, 15, 8, tzinfo=timezone.utc)


def panorama(seed: int = 1, f: float = 900.0, degrees: float = 150.0) -> np.ndarray:
    """(H, W, 3) float32 cylinder of rocks and snow under a plain sky, about the azimuth 30."""
    width, height = round(np.radians(degrees) * f), 1000
    rng = np.random.default_rng(seed)
    grey = np.full((height, width), 40, np.float32)
    for cells, weight in ((12, 50), (40, 40), (120, 45), (360, 30)):
        noise = rng.random((cells * height // width + 2, cells)).astype(np.float32)
        grey += weight * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    photo = np.repeat(grey[:, :, None], 3, axis=2)
    skyline = 370 + 40 * np.sin(np.arange(width) / 130) + 15 * np.sin(np.arange(width) / 37)
    photo[np.arange(height)[:, None] < skyline] = (150, 180, 235)
    return photo


def take(world: np.ndarray, camera: Camera, light: float = 1.0, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 of what a camera sees of a panorama."""
    v, u = np.mgrid[: camera.height, : camera.width]
    azimuth, tangent = camera.line_of_sight_angles(np.stack([u.ravel(), v.ravel()], axis=1))
    turn = (azimuth - np.radians(30) + np.pi) % (2 * np.pi) - np.pi
    col = (turn * 900 + world.shape[1] / 2).reshape(u.shape).astype(np.float32)
    row = (world.shape[0] / 2 - tangent * 900).reshape(u.shape).astype(np.float32)
    shown = cv2.remap(world, col, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    noisy = shown * light + np.random.default_rng(seed).normal(0, 2, shown.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def fog(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) uint8 of nothing but grey with noise."""
    noise = np.random.default_rng(seed).normal(170, 9, (size[1], size[0], 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, **changes: float) -> Camera:
    """Return the posed camera after a turn by degrees, with other fields changed."""
    angles = {"yaw": POSED.yaw + yaw, "pitch": POSED.pitch + pitch, "roll": POSED.roll + roll}
    return replace(POSED, **angles, **changes)


def write_winter(
    folder: Path, shots: list[tuple[Camera, np.ndarray]], hours: float = 3.0, name: str = "cam"
) -> list[str]:
    """Write photos, some hours apart, and the camera of the first; return the photos' names."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    names = []
    for index, (_, photo) in enumerate(shots):
        time = START + timedelta(hours=hours * index)
        names.append(f"{name}_{time:%Y-%m-%d_%H%M}.jpg")
        quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
        cv2.imwrite(str(folder / "photos" / names[-1]), photo[:, :, ::-1], quality)
    record = CameraRecord(shots[0][0], 2056, name="cam", image=f"photos/{names[0]}")
    record.write(folder / "camera.json")
    return names


def error_deg(found: Camera, true: Camera) -> float:
    """Return the angle between two cameras."""
    turn = found.rotation_matrix() @ true.rotation_matrix().T
    return float(np.degrees(np.arccos(min(1.0, (np.trace(turn) - 1) / 2))))
