"""Measures of interactive segmentation: overlap of masks, and effort in clicks."""

from .clicks import (
    DROP,
    Failures,
    NoC,
    bootstrap_interval,
    failures,
    harm,
    iou_at,
    noc,
    seconds_per_click,
)
from .overlap import boundary_iou, iou
from .summary import IOU_AT_CLICKS, NOC_PERCENTS, Curve, Summary, summarise

__all__ = [
    "DROP",
    "IOU_AT_CLICKS",
    "NOC_PERCENTS",
    "Curve",
    "Failures",
    "NoC",
    "Summary",
    "bootstrap_interval",
    "boundary_iou",
    "failures",
    "harm",
    "iou",
    "iou_at",
    "noc",
    "seconds_per_click",
    "summarise",
]
