"""An object that is not finished, as it is kept over the end of QGIS."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..core.errors import PromptError
from ..i18n import tr
from .draft import FeatureRef, ObjectDraft
from .history import History
from .prompt_set import PromptSet
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from .mapped_image import MappedImage

KIND = "draft"


@dataclass(frozen=True, eq=False)
class StoredDraft:
    """Prompts, and the image that they are in.

    Attributes
    ----------
    key, image_name
        Of the image: provider and source, and what a person calls it.
    version, sha256
        Of the file in which the object was begun.
    size
        (height, width) of the image.
    pixel_size
        Chosen by the user for a layer without a resolution of its own; 0 for others.
    feature_ref, write_back, seconds, avalanche
        As of `ObjectDraft`.
    changed_at
        ISO 8601, UTC.
    """

    key: str
    image_name: str
    version: str
    sha256: str | None
    size: tuple[int, int]
    pixel_size: float
    prompts: PromptSet
    feature_ref: FeatureRef | None
    write_back: bool
    seconds: float
    changed_at: str
    avalanche: str = ""
    undone: int = 0

    @classmethod
    def of(cls, image: MappedImage, pixel_size: float, now: datetime) -> StoredDraft:
        """Return what is to be kept of an image's object."""
        draft, origin = image.draft, image.origin
        return cls(
            key=image.key,
            image_name=origin.image_name,
            version=image.version,
            sha256=origin.sha256 if origin.version == image.version else None,
            size=(image.grid.height, image.grid.width),
            pixel_size=pixel_size,
            prompts=draft.prompts,
            feature_ref=draft.feature_ref,
            write_back=draft.write_back,
            seconds=draft.stopwatch.seconds,
            changed_at=now.isoformat(timespec="seconds"),
            avalanche=draft.avalanche,
            undone=draft.stopwatch.undone,
        )

    def to_json(self) -> str:
        """Encode; the mask to start from is compressed."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        ref = self.feature_ref
        fields["prompts"] = self.prompts.to_json()
        fields["feature_ref"] = None if ref is None else asdict(ref)
        return json.dumps({"kind": KIND, **fields})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> StoredDraft:
        """Decode what `to_json` has made; raise `PromptError` if it is damaged."""
        try:
            ref = content["feature_ref"]
            height, width = content["size"]
            when = datetime.fromisoformat(content["changed_at"])
            sha256 = content["sha256"]
            return cls(
                key=_text(content["key"]),
                image_name=_text(content["image_name"]),
                version=_text(content["version"]),
                sha256=None if sha256 is None else _text(sha256),
                size=(int(height), int(width)),
                pixel_size=float(content["pixel_size"]),
                prompts=PromptSet.from_json(_text(content["prompts"])),
                feature_ref=None if ref is None else FeatureRef(**ref),
                write_back=bool(content["write_back"]),
                seconds=float(content["seconds"]),
                changed_at=when.isoformat(timespec="seconds"),
                avalanche=_text(content.get("avalanche", "")),
                undone=int(content.get("undone", 0)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            text = tr("An avalanche that was kept is damaged: {}.")
            raise PromptError(text.format(error)) from error

    def draft(self) -> ObjectDraft:
        """Return the object; its clicks and strokes can be undone one by one."""
        history = History(PromptSet())
        for prompts in self.prompts.steps():
            if not prompts.empty:
                history.change(prompts)
        return ObjectDraft(
            history,
            self.feature_ref,
            Stopwatch(self.seconds, self.undone),
            write_back=self.write_back,
            avalanche=self.avalanche,
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
