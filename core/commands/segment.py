"""`python -m core segment`: from an image and prompts to masks, outlines and overlays.

The command line is a contract: options keep their names and meanings.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..errors import PromptError
from ..image import Image, read_binary_mask, read_image, write_png
from ..outline import (
    OUTLINE_DRIVERS,
    TOLERANCE,
    check_output_path,
    draw_overlay,
    ground_area,
    mask_to_polygons,
    pixel_to_map,
    write_mask,
    write_outline,
)
from ..prompts import Prompts
from ..stored_prompts import StoredPrompts
from ..text_files import read_text

if TYPE_CHECKING:
    from shapely import MultiPolygon

    from ..engine import LoadedModel
    from ..predictor import PredictorOptions

OUTPUTS = """\
The name of an --out file says what is written:
  *.geojson       outline in longitude and latitude (or pixels x, -y of a plain image)
  *.gpkg          outline in the image's CRS, layer "avalanches"; an existing file is replaced
  *overlay*.png   the image with mask, clicks and box drawn on it
  other *.png     mask, 0 and 255
  *.tif           mask, 0 and 255, with the image's georeference

Clicks act one after the other, as in interactive use. COL counts pixels to the right, ROW
downwards, both from 0 at the centre of the upper left pixel.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `core.commands`."""
    parser = subparsers.add_parser(
        "segment",
        help="segment one object of an image",
        description="Segment one object of an image from clicks, a box or a mask.",
        epilog=OUTPUTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("image", metavar="IMAGE", type=Path, help="photo or georeferenced raster")
    _add_prompt_options(parser)
    _add_model_options(parser)
    _add_output_options(parser)
    parser.set_defaults(run=run)


def _add_prompt_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("prompts (at least one)")
    group.add_argument(
        "--click",
        metavar="COL,ROW[,+|-]",
        type=arguments.click,
        nargs="+",
        action="extend",
        default=[],
        help="on the object (+, default) or the background (-); repeatable",
    )
    group.add_argument(
        "--box", metavar="COL,ROW,COL,ROW", type=arguments.box, help="two opposite corners"
    )
    group.add_argument(
        "--mask",
        metavar="FILE",
        type=Path,
        help="mask to start from, of the image's size; non-zero pixels are the object",
    )
    group.add_argument(
        "--prompts",
        metavar="FILE",
        type=Path,
        help="instead of all of these: the field `prompts` of an outline that was made in QGIS, as "
        "a JSON file, brush strokes included; gives the mask that QGIS showed",
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        metavar="NAME|FILE",
        default="default",
        help="see `python -m core models` (default: %(default)s)",
    )
    group.add_argument(
        "--engine",
        choices=("auto", "torch", "openvino", "openvino-bf16"),
        default="auto",
        help="what computes; only openvino-bf16, or auto on a processor made for it, round to "
        "bfloat16, which is faster and moves edges by a pixel here and there",
    )
    group.add_argument(
        "--device", default="auto", help="cpu, cuda, ..., auto: a GPU if there is one (default)"
    )
    group.add_argument(
        "--threshold",
        metavar="P",
        type=arguments.probability,
        help="probability above which a pixel is the object (default: the model's own)",
    )


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        help="files to write (kinds below); repeatable",
    )
    group.add_argument(
        "--tolerance",
        metavar="PIXELS",
        type=arguments.not_negative,
        default=TOLERANCE,
        help="farthest an outline may leave the pixel edges (default: %(default)s; 0: follow them)",
    )
    group.add_argument(
        "--min-area",
        metavar="PIXELS",
        type=arguments.not_negative,
        default=0.0,
        help="leave smaller parts out of outlines, square pixels (default: %(default)s)",
    )
    group.add_argument(
        "--json", action="store_true", help="print the summary as one JSON object on stdout"
    )


def run(args: argparse.Namespace) -> None:
    """Segment the image and write the files."""
    _check_before_work(args)
    # Imported late: faults above need no engine.
    from ..engine import load_model
    from ..predictor import PredictorOptions

    image = read_image(args.image)
    for text in image.warnings:
        print(f"warning: {args.image} {text}", file=sys.stderr)
    prompts = _prompts(args, image)
    model = load_model(args.model, device=args.device, engine=args.engine)
    start = time.perf_counter()
    options = PredictorOptions(correct_mask=args.prompts is not None)  # as QGIS's worker does
    mask = _segment(model, image.pixels, prompts, args.threshold, options)
    seconds = time.perf_counter() - start
    result = SegmentResult(image, prompts, mask, args.tolerance, args.min_area, seconds)
    summary = {"image": str(args.image), "model": model.name, **result.summary()}
    for path in args.out:
        result.write(path, summary)
    _report(summary, args.out, as_json=args.json)


def _check_before_work(args: argparse.Namespace) -> None:
    """Raise errors that would otherwise come after the model has been loaded and run."""
    single = bool(args.click or args.box or args.mask)
    if not (single or args.prompts):
        raise PromptError(
            "Nothing to segment from: give at least one --click, --box or --mask, or --prompts."
        )
    if single and args.prompts:
        raise PromptError("--prompts holds all prompts: leave --click, --box and --mask out.")
    for path in args.out:
        check_output_path(path)
        arguments.refuse_overwriting(path, (args.image, args.mask, args.prompts))


def _prompts(args: argparse.Namespace, image: Image) -> Prompts:
    """Return the prompts that were given, for an image."""
    if args.prompts is None:
        guidance = None if args.mask is None else read_binary_mask(args.mask, args.image)
        return Prompts(args.click, args.box, guidance)
    height, width = image.pixels.shape[:2]
    try:
        stored = StoredPrompts.from_json(read_text(args.prompts))
    except OSError as error:
        raise PromptError(f"{args.prompts} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise PromptError(
            f"{args.prompts} holds no prompts of an outline ({error}). Give the value of the field "
            '"prompts" of an outline, as it is.'
        ) from error
    prompts = stored.within(height, width)
    if prompts.empty:
        raise PromptError(
            f"{args.prompts} holds no prompts: neither clicks, box, mask nor strokes."
        )
    return prompts


def _segment(
    model: LoadedModel,
    pixels: NDArray[np.uint8],
    prompts: Prompts,
    threshold: float | None,
    options: PredictorOptions,
) -> NDArray[np.bool_]:
    """Predict the mask at ``threshold``, by default the model's own."""
    from ..predictor import Predictor

    predictor = Predictor(model, options)
    predictor.set_image(pixels)
    prediction = predictor.predict(prompts)
    return prediction.mask(model.threshold if threshold is None else threshold)


@dataclass(frozen=True)
class SegmentResult:
    """Mask with all that is needed to write it in any form."""

    image: Image
    prompts: Prompts
    mask: NDArray[np.bool_]
    tolerance: float
    min_area: float
    seconds: float

    @property
    def crs(self) -> str | None:
        """CRS of the outline; None for pixels, whatever the file says."""
        return None if self.image.transform is None else self.image.crs_wkt

    @cached_property
    def outline(self) -> MultiPolygon:
        """Outline in map coordinates."""
        polygons = mask_to_polygons(self.mask, tolerance=self.tolerance, min_area=self.min_area)
        return pixel_to_map(polygons, self.image.qgis_transform)

    @property
    def attributes(self) -> dict[str, int]:
        """What the outline's attributes tell beyond the summary: how QGIS turns its photo."""
        turned = self.image.orientation
        return {} if turned == 1 else {"orientation": turned}

    def summary(self) -> dict[str, Any]:
        """Return the measures of the segmentation, which are the outline's attributes, too.

        ``area_px`` counts the mask's pixels; ``area_m2`` is the area on the ellipsoid that the
        outline encloses, None without a CRS.
        """
        return {
            "area_px": int(self.mask.sum()),
            "area_m2": ground_area(self.outline, self.crs) if self.crs else None,
            "clicks": len(self.prompts.clicks),
            "seconds": round(self.seconds, 3),
        }

    def write(self, path: Path, properties: dict[str, Any]) -> None:
        """Write the form given by the file's name (see `OUTPUTS`)."""
        suffix = path.suffix.lower()
        if suffix in OUTLINE_DRIVERS:
            write_outline(
                path, self.outline, crs_wkt=self.crs, properties={**properties, **self.attributes}
            )
        elif suffix == ".png" and "overlay" in path.stem.lower():
            prompts = self.prompts
            write_png(path, draw_overlay(self.image.pixels, self.mask, prompts.clicks, prompts.box))
        else:
            write_mask(path, self.mask, transform=self.image.transform, crs_wkt=self.crs)


def _report(summary: dict[str, Any], written: list[Path], *, as_json: bool) -> None:
    """Print the result; with ``as_json``, stdout holds JSON only."""
    if summary["area_px"] == 0:
        print("warning: the mask is empty; click on the object itself.", file=sys.stderr)
    if as_json:
        print(json.dumps({**summary, "out": [str(path) for path in written]}))
        return
    ground = "" if summary["area_m2"] is None else f", {summary['area_m2']:.1f} m² on the ground"
    print(f"{summary['image']}: {summary['area_px']} px{ground}, {summary['seconds']:.2f} s")
    for path in written:
        print(f"wrote {path}")
