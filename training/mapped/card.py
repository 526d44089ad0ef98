"""What a fine-tuned model was made from and what it is worth, for people and for its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .dealing import ASIDE, CHOOSE, TRAIN, ImageDay
from .measuring import PRIMARY, Gain

_DAYS_SHOWN = 6


@dataclass(frozen=True)
class TuningReport:
    """Result of a fine-tuning.

    Attributes
    ----------
    name, parent
        Of the new model, and of the one that it started from.
    sides
        Days by side.
    seen
        Outlines kept aside of avalanches that are learnt from too, on other days.
    share
        Of the new weights; 0: none of them is a gain, and there is no new model.
    tried
        Mean IoU by share, on the days that it was chosen on.
    gains
        By measure; of all outlines kept aside, and of those not ``seen`` (None if too few).
    samples
        Drawn in training.
    with_clicks
        Outlines learnt from that have stored clicks.
    """

    name: str
    parent: str
    sides: Mapping[str, Sequence[ImageDay]]
    seen: int
    share: float
    tried: Mapping[float, float]
    gains: Mapping[str, Gain]
    unseen: Mapping[str, Gain] | None
    samples: int
    with_clicks: int

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``chance``; ``none`` without a new model."""
        return self.gains[PRIMARY].verdict if self.share else "none"

    def outlines(self, *sides: str) -> int:
        """Count the outlines of some sides."""
        return sum(day.outlines for side in sides for day in self.sides[side])

    def cameras(self, *sides: str) -> list[str]:
        """Return the cameras of some sides."""
        found = (image.camera for s in sides for day in self.sides[s] for image in day.images)
        return sorted(set(found))

    def to_json(self) -> dict[str, Any]:
        """Return the report as it is written and as the model's file carries it."""
        unseen = self.unseen
        return {
            "name": self.name,
            "parent": self.parent,
            "sides": {
                side: {
                    "outlines": self.outlines(side),
                    "days": [day.name for day in days],
                    "cameras": self.cameras(side),
                }
                for side, days in self.sides.items()
            },
            "with_clicks": self.with_clicks,
            "samples": self.samples,
            "share": self.share,
            "tried": {str(share): value for share, value in self.tried.items()},
            "verdict": self.verdict,
            "conclusion": self.conclusion(),
            "gains": {name: gain.to_json() for name, gain in self.gains.items()},
            "seen_elsewhere": self.seen,
            "gains_unseen": unseen and {name: gain.to_json() for name, gain in unseen.items()},
        }

    def table(self) -> str:
        """Return the measures before and after as text."""
        return "\n".join(self._rows()) + "\n"

    def conclusion(self) -> str:
        """Return in a sentence or two whether the new model is better."""
        gain = self.gains[PRIMARY]
        low, high = gain.interval
        amount = f"{PRIMARY} {gain.before:.2f} before, {gain.after:.2f} after"
        count = self.outlines(ASIDE)
        where = f"on {count} outlines of {len(self.sides[ASIDE])} other days"
        if self.verdict == "none":
            return (
                "There is no new model: on the days kept for choosing, no part of the new weights "
                "was a gain over the old ones. More outlines, of more days, may change that."
            )
        text = {
            "better": f"Better beyond chance: {amount}, {where}.",
            "worse": f"Worse beyond chance: {amount}, {where}. Go on with {self.parent}.",
            "chance": f"No difference beyond chance: {amount}, {where}; the gain may be anything "
            f"from {low:+.2f} to {high:+.2f} clicks.",
        }[self.verdict]
        if self.seen:
            text += f" {self.seen} of them show avalanches that were learnt from on other days" + (
                "." if self.unseen else ", and too few others to measure them alone."
            )
        return text

    def markdown(self, licence: str) -> str:
        """Return the model's card."""
        learnt = self.outlines(TRAIN, CHOOSE)
        days = [day.name for side in (TRAIN, CHOOSE) for day in self.sides[side]]
        chosen = f"chosen on {self.outlines(CHOOSE)} of them" if self.tried else "fixed"
        return "\n".join(
            [
                f"# Model card: `{self.name}`",
                "",
                f"Fine-tuned from `{self.parent}` on mapped avalanches.",
                "",
                "| | |",
                "| --- | --- |",
                f"| outlines | {learnt}; trained on {self.outlines(TRAIN)}, "
                f"{self.with_clicks} of them with the clicks that made them |",
                f"| days | {len(days)}: {_listed(days)} |",
                f"| cameras | {_listed(self.cameras(TRAIN, CHOOSE))} |",
                f"| samples | {self.samples}, a quarter or more of them painted avalanches |",
                f"| weights | {self.share:.0%} new, the rest the parent's; {chosen} |",
                f"| licence | {licence} |",
                "",
                f"Kept aside: {self.outlines(ASIDE)} outlines of {len(self.sides[ASIDE])} days "
                f"({_listed([day.name for day in self.sides[ASIDE]])}), "
                f"cameras {_listed(self.cameras(ASIDE))}. Robot user, 95 % intervals.",
                "",
                "```text",
                self.table().rstrip(),
                "```",
                "",
                self.conclusion(),
                "",
            ]
        )

    def _rows(self) -> Iterator[str]:
        yield f"{'':<22}{'before':>18}{'after':>18}{'gain':>24}"
        for title, gains in (("all kept aside", self.gains), ("of new avalanches", self.unseen)):
            if gains is None or (title != "all kept aside" and not self.seen):
                continue
            yield title
            for name, gain in gains.items():
                yield (
                    f"  {name:<20}{_with_interval(gain.before, gain.before_interval):>18}"
                    f"{_with_interval(gain.after, gain.after_interval):>18}"
                    f"{_signed(gain):>24}"
                )


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"


def _signed(gain: Gain) -> str:
    low, high = gain.interval
    mark = {"better": " *", "worse": " !", "chance": "  "}[gain.verdict]
    return f"{gain.by:+.2f} ({low:+.2f} to {high:+.2f}){mark}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_DAYS_SHOWN])
    return shown if len(names) <= _DAYS_SHOWN else f"{shown} and {len(names) - _DAYS_SHOWN} more"
