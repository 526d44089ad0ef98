"""Names of the algorithms and what the toolbox says about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..i18n import tr

GROUPS: Mapping[str, Callable[[], str]] = {
    "segmentation": lambda: tr("Segmentation"),
    "camera": lambda: tr("Photos on the map"),
    "series": lambda: tr("Series of photos"),
    "exchange": lambda: tr("Exchange"),
    "learning": lambda: tr("Learning"),
}


def title_of(key: str) -> str:
    """Return the name of an algorithm."""
    return _texts()[key][0]


def help_of(key: str) -> str:
    """Return the short help of an algorithm."""
    return _texts()[key][1]


def _texts() -> dict[str, tuple[str, str]]:
    return {
        "segment": (
            tr("Segment an image"),
            tr(
                "Outlines avalanches in a photo or raster from points on and beside them, from "
                "boxes, or both. Without a field that names the object, each box is one avalanche "
                "with the points in it, and without boxes all points belong to one. The output has "
                "the fields of the plugin's layers, with the prompts to continue from."
            ),
        ),
        "solvecamera": (
            tr("Pose a camera from control points"),
            tr(
                "Computes where a camera stands and looks from a table name,u_px,v_px,x,y,z "
                "(optionally use, sigma_px), with pixels of the photo as QGIS shows it. z may be "
                "empty where a terrain model is given. Four points or more."
            ),
        ),
        "screenphotos": (
            tr("Screen a folder of photos"),
            tr(
                "Tells photos in which terrain can be seen from those with night, fog, snow on the "
                "lens, wrong exposure, or the same picture again, each against the usual look of "
                "its camera. Of a series the results are noted there, where the panel Series shows "
                "them; the same series goes on where it was stopped."
            ),
        ),
        "registerphotos": (
            tr("Register a folder of photos"),
            tr(
                "Poses all photos of a camera in a folder and the folders below, over days or "
                "years, from one photo that was posed or several: each is compared with posed "
                "photos that are alike, and all are adjusted together. A camera is written for "
                "each photo that can be trusted; the tables have the drift, the views where the "
                "camera was aimed anew, and why other photos have none. The same folder of "
                "cameras goes on where it was stopped."
            ),
        ),
        "phototomap": (
            tr("Outlines of a photo to the map"),
            tr(
                "Brings outlines in pixels of a posed photo (x to the right, y down and negative, "
                "as in avalanches_pixels) to the map, with area, size, aspect, slope and accuracy. "
                "Ground that the camera does not see is not invented."
            ),
        ),
        "maptophoto": (
            tr("Polygons of the map into a photo"),
            tr(
                "Draws what a posed camera sees of polygons on the map, in pixels of its photo (x "
                "to the right, y down and negative)."
            ),
        ),
        "drape": (
            tr("Drape a photo on the map"),
            tr(
                "Makes an orthophoto of a posed photo, transparent where the camera sees no ground."
            ),
        ),
        "compare": (
            tr("Compare outlines with a reference"),
            tr(
                "Pairs mapped outlines with reference outlines and computes the IoU of each pair. "
                "With an image, the clicks stored with the mapped outlines are repeated in it, and "
                "the number of clicks to an IoU of 85 % and 90 % is told; outlines that do not "
                "reach it count with all clicks and one more."
            ),
        ),
        "finetune": (
            tr("Fine-tune a model on mapped avalanches"),
            tr(
                "Trains a model on the outlines of the layers, which a second person has accepted, "
                "with the images and the clicks that they were mapped with. A third of them, in "
                "whole days, is kept aside and clicked with the old and the new model: the table "
                "says whether the gain is beyond chance. Fewer than 20 outlines or 4 days say "
                "nothing, and are refused. It takes minutes to half an hour; a run that was "
                "cancelled goes on with the same parameters and folder. The new model appears in "
                "the list of models. The environment needs PyTorch."
            ),
        ),
        "maskstopolygons": (
            tr("Masks to polygons"),
            tr(
                "Makes a polygon of each object of a mask or label image, along the edges of its "
                "pixels, with parts and holes. Black and transparent pixels are no object."
            ),
        ),
        "polygonstomask": (
            tr("Polygons to mask"),
            tr(
                "Draws polygons on the grid of an image: 255 on the objects and 0 elsewhere, or "
                "one value for each polygon. A pixel counts where its centre lies in a polygon. "
                "Polygons without CRS are in pixels of a photo, x to the right, y down and "
                "negative."
            ),
        ),
        "exportcoco": (
            tr("Export as COCO"),
            tr(
                "Writes the avalanches of a layer as annotations of the images that they were "
                "mapped in. An avalanche stays one annotation, with its parts and holes, and keeps "
                "its attributes. Images that are away, or were replaced, are named and left out."
            ),
        ),
        "exportgeojson": (
            tr("Export as GeoJSON with prompts"),
            tr(
                "Writes a layer in longitude and latitude, or in pixels of photos, with all "
                "attributes and the prompts as JSON."
            ),
        ),
        "exportavaframe": (
            tr("Export release areas for AvaFrame"),
            tr(
                "Writes the outlines of release areas in the coordinate system of the terrain "
                "model of a simulation: one polygon for each part, without holes, with name and "
                "thickness (the fracture depth, in metres). Save it as a shapefile in Inputs/REL."
            ),
        ),
        "exportawsome": (
            tr("Export observations for AWSOME"),
            tr(
                "Writes an observation for each avalanche on the map, as AWSOME, the platform of "
                "avalanche warning services, reads them: place, time, elevation, aspect and text."
            ),
        ),
        "mergegeopackages": (
            tr("Merge two GeoPackages of avalanches"),
            tr(
                "Unites two copies of a GeoPackage that two people have edited, avalanche by "
                "avalanche (uuid), without losing anything. What one of them changed is taken. Of "
                "what both changed the later holds, and the other stays in the history; what one "
                "deleted and the other changed is kept. Both are named. The result is a new file."
            ),
        ),
        "exporttable": (
            tr("Export a table by day and camera"),
            tr(
                "Writes how many avalanches of which size, type and moisture were observed on each "
                "day (UTC) by each camera. Outlines of one avalanche count once. With a series, "
                "days on which nothing had released have zeros, and days of which nothing is known "
                "are empty."
            ),
        ),
        "report": (
            tr("Picture report (PDF)"),
            tr(
                "Writes a page for each avalanche, or for each day and camera: the photo and the "
                "map with outlines, and what is known. With outlines in pixels the photo shows "
                "them; with a terrain model the map has shades and contours."
            ),
        ),
    }
