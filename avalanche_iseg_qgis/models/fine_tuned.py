"""What a fine-tuned model's file says of it: its card, in the user's language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.files import open_file
from ..core.json_files import MALFORMED, parse_json
from ..i18n import tr

_LONGEST = 1 << 24  # bytes of a header
_SHOWN = 5  # cameras that are named


@dataclass(frozen=True)
class FineTuning:
    """How a model was fine-tuned.

    Attributes
    ----------
    parent
        Name of the model that it started from.
    outlines, days
        That it learnt from.
    cameras
        Their names.
    aside, days_aside
        Outlines and days that were kept aside.
    before, after
        Mean number of clicks to an IoU of 85 % on those.
    verdict
        ``better``, ``worse`` or ``chance``.
    """

    parent: str
    outlines: int
    days: int
    cameras: tuple[str, ...]
    aside: int
    days_aside: int
    before: float
    after: float
    verdict: str

    def purpose(self) -> str:
        """Return what it is for, and what it was made from."""
        more = len(self.cameras) - _SHOWN
        names = ", ".join(self.cameras[:_SHOWN])
        names = tr("{} and {} more").format(names, more) if more > 0 else names
        text = tr("Fine-tuned from {} on {} avalanches of {} days, cameras {}")
        return text.format(self.parent, self.outlines, self.days, names)

    def clicks(self) -> str:
        """Return the clicks before and after, and whether the difference is one."""
        verdicts = {
            "better": tr("better beyond chance"),
            "worse": tr("worse beyond chance"),
            "chance": tr("no difference beyond chance"),
        }
        text = tr(
            "{:.2f} before and {:.2f} after, to an IoU of 85 % on {} avalanches of {} other days "
            "({})"
        )
        verdict = verdicts.get(self.verdict, self.verdict)
        return text.format(self.before, self.after, self.aside, self.days_aside, verdict)


def read_fine_tuning(path: Path) -> FineTuning | None:
    """Read how a model was fine-tuned; None if it was not, or its file cannot be read."""
    try:
        with open_file(path) as file:
            size = int.from_bytes(file.read(8), "little")
            header = parse_json(file.read(size)) if size < _LONGEST else {}
        about = parse_json(header["__metadata__"]["avalanche_iseg"])["metadata"]["fine_tuned"]
        learnt = [about["sides"][side] for side in ("train", "choose")]
        aside, gain = about["sides"]["aside"], about["gains"]["NoC@85"]
        return FineTuning(
            parent=str(about["parent"]),
            outlines=sum(int(side["outlines"]) for side in learnt),
            days=sum(len(side["days"]) for side in learnt),
            cameras=tuple(sorted({str(name) for side in learnt for name in side["cameras"]})),
            aside=int(aside["outlines"]),
            days_aside=len(aside["days"]),
            before=float(gain["before"]),
            after=float(gain["after"]),
            verdict=str(about["verdict"]),
        )
    except (OSError, *MALFORMED):
        return None
