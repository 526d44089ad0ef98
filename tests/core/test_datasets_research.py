"""SBD, Pascal VOC and COCO+LVIS in their published layouts."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_fixtures import blob, lvis_set, photo, sbd_set, voc_set, write

from core.datasets import ObjectRef, open_dataset
from core.datasets.coco_lvis import load_plain_pickle
from core.errors import DatasetError

# ------------------------------------------------------------------------------ SBD


def test_sbd_validation_in_order(tmp_path):
    dataset = open_dataset("sbd", sbd_set(tmp_path))
    assert dataset.refs == (
        ObjectRef("2008_1.jpg", "1"),
        ObjectRef("2008_2.jpg", "1"),
        ObjectRef("2008_2.jpg", "2"),
    )
    expected = blob(rows=(4, 6), cols=(2, 9))
    assert np.array_equal(dataset[2].mask, expected)
    assert dataset.check() == []


def test_sbd_splits(tmp_path):
    sbd_set(tmp_path)
    assert open_dataset("sbd_train", tmp_path).refs == (ObjectRef("2008_9.jpg", "3"),)
    assert open_dataset("sbd", tmp_path, split="train").refs[0].image == "2008_9.jpg"
    with pytest.raises(DatasetError, match=r"test\.txt.*Lists in its folder: train, val"):
        open_dataset("sbd", tmp_path, split="test")


def test_sbd_image_has_all_objects_in_one_layer(tmp_path):
    image = open_dataset("sbd", sbd_set(tmp_path)).images()[1]
    assert image.objects == ((1, 0), (2, 0))
    assert np.unique(image.layers).tolist() == [0, 1, 2]


def test_sbd_missing_instances(tmp_path):
    sbd_set(tmp_path)
    (tmp_path / "inst" / "2008_2.mat").unlink()
    dataset = open_dataset("sbd", tmp_path)
    with pytest.raises(DatasetError, match=r"Cannot read .*2008_2\.mat"):
        len(dataset)
    assert len(dataset.check()) == 1


@pytest.mark.parametrize("content", [b"", b"not a mat file", b"MATLAB 5.0" + bytes(300)])
def test_sbd_damaged_instances(tmp_path, content):
    sbd_set(tmp_path)
    (tmp_path / "inst" / "2008_1.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"2008_1\.mat"):
        len(open_dataset("sbd", tmp_path))


def test_sbd_file_cut_short(tmp_path):
    path = sbd_set(tmp_path) / "inst" / "2008_1.mat"
    content = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DatasetError, match=r"2008_1\.mat"):
            len(open_dataset("sbd", tmp_path))


@pytest.mark.parametrize("value", [{"other": 1}, {"GTinst": np.ones((2, 2))}])
def test_sbd_of_another_structure(tmp_path, value):
    from scipy.io import savemat

    sbd_set(tmp_path)
    savemat(tmp_path / "inst" / "2008_1.mat", value)
    with pytest.raises(DatasetError, match=r"2008_1\.mat"):
        len(open_dataset("sbd", tmp_path))


# ------------------------------------------------------------------------------ Pascal VOC


def test_voc_objects_and_void(tmp_path):
    dataset = open_dataset("Pascal-VOC", voc_set(tmp_path))
    assert dataset.refs == (ObjectRef("2007_01.jpg", "1"), ObjectRef("2007_01.jpg", "2"))
    first, second = dataset
    assert np.array_equal(first.mask == 1, blob(rows=(2, 5), cols=(2, 7)))
    assert np.array_equal(second.mask == 1, blob(rows=(8, 11), cols=(8, 12)))
    assert np.array_equal(first.mask == -1, second.mask == -1)
    assert (first.mask == -1).sum() == 5 * 7 - 3 * 5


def test_voc_splits(tmp_path):
    voc_set(tmp_path)
    assert len(open_dataset("pascal_voc", tmp_path, split="trainval")) == 2
    with pytest.raises(DatasetError, match=r"train\.txt.*trainval, val"):
        open_dataset("pascal_voc", tmp_path, split="train")


def test_voc_mask_that_lost_its_palette(tmp_path):
    voc_set(tmp_path)
    write(tmp_path / "SegmentationObject" / "2007_01.png", photo())
    with pytest.raises(DatasetError, match=r"2007_01\.png holds colours"):
        len(open_dataset("pascal_voc", tmp_path))


def test_voc_missing_mask(tmp_path):
    voc_set(tmp_path)
    (tmp_path / "SegmentationObject" / "2007_01.png").unlink()
    with pytest.raises(DatasetError, match=r"SegmentationObject/2007_01\.png"):
        len(open_dataset("pascal_voc", tmp_path))


# ------------------------------------------------------------------------------ COCO+LVIS


@pytest.mark.parametrize("protocol", range(2, 6))
def test_lvis_objects_by_layer_and_value(tmp_path, protocol):
    dataset = open_dataset("coco_lvis", lvis_set(tmp_path, protocol), split="val")
    assert dataset.refs == (ObjectRef("0007.jpg", "1"), ObjectRef("0007.jpg", "2"))
    assert np.array_equal(dataset[0].mask, blob(rows=(2, 8), cols=(2, 8)))
    assert np.array_equal(dataset[1].mask, blob(rows=(4, 9), cols=(4, 9)))


def test_lvis_ids_are_unique_across_layers_and_stuff_is_gone(tmp_path):
    image = open_dataset("coco_lvis", lvis_set(tmp_path), split="val").images()[0]
    assert image.objects == ((1, 0), (2, 1))
    assert [np.unique(layer).tolist() for layer in image.layers] == [[0, 1], [0, 2]]


def test_lvis_stuff_where_it_is_asked_for(tmp_path):
    dataset = open_dataset("coco_lvis_stuff", lvis_set(tmp_path), split="val")
    assert [ref.object for ref in dataset.refs] == ["1", "2", "3"]
    image = dataset.images()[0]
    assert [object_id for object_id, _ in image.objects] == [1, 2, 3]
    assert (image.mask(3) == 1).any()


def test_lvis_objects_are_counted_without_reading_masks(tmp_path):
    lvis_set(tmp_path)
    (tmp_path / "val" / "masks" / "0007.pickle").unlink()
    dataset = open_dataset("coco_lvis", tmp_path, split="val")
    assert len(dataset) == 2
    with pytest.raises(DatasetError, match=r"Cannot read .*0007\.pickle: No such file"):
        dataset[0]


def test_lvis_default_split_is_train(tmp_path):
    with pytest.raises(DatasetError, match=r"train/hannotation\.pickle"):
        open_dataset("coco_lvis", lvis_set(tmp_path))


@pytest.mark.parametrize("entries", [[1, 2], {"0007": {}}, {"0007": {"num_instance_masks": "x"}}])
def test_lvis_index_of_another_form(tmp_path, entries):
    lvis_set(tmp_path)
    (tmp_path / "val" / "hannotation.pickle").write_bytes(pickle.dumps(entries))
    with pytest.raises(DatasetError, match=r"hannotation\.pickle is not the expected dictionary"):
        open_dataset("coco_lvis", tmp_path, split="val")


LAYER = cv2.imencode(".png", blob().astype(np.uint8))[1]


@pytest.mark.parametrize(
    "content",
    [
        7,
        ([], []),
        ([LAYER], [(0, 1)]),
        ([LAYER], [(0, 1), (1, 1)]),
        ([LAYER], [(0, 1), (-1, 1)]),
        ([LAYER], [(0, 1), (0, 0)]),
        ([LAYER], [(0, 1), (0, 999)]),
        ([b"no png"], [(0, 1), (0, 1)]),
        ([b""], [(0, 1), (0, 1)]),
        ([cv2.imencode(".png", photo())[1]], [(0, 1), (0, 2)]),
    ],
)
def test_lvis_masks_of_another_form(tmp_path, content):
    lvis_set(tmp_path)
    (tmp_path / "val" / "masks" / "0007.pickle").write_bytes(pickle.dumps(content))
    dataset = open_dataset("coco_lvis", tmp_path, split="val")
    with pytest.raises(DatasetError, match=r"0007\.pickle does not hold PNG layers"):
        dataset[0]


# ------------------------------------------------------------------------------ restricted pickles


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True], "b": ("x", b"bytes", {3})},
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.asfortranarray(np.eye(3)),
        np.float32(2.5),
        collections.OrderedDict([("z", 1), ("a", 2)]),
    ],
)
def test_plain_pickles(tmp_path, value, protocol):
    path = tmp_path / "plain.pickle"
    path.write_bytes(pickle.dumps(value, protocol))
    loaded = load_plain_pickle(path)
    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value) if isinstance(value, np.ndarray) else loaded == value


def test_pickles_of_numpy_1_and_2(tmp_path):
    path = tmp_path / "array.pickle"
    content = pickle.dumps(np.arange(3), 2)
    old, new = b"numpy.core.multiarray", b"numpy._core.multiarray"
    for module in (old, new):
        path.write_bytes(content.replace(new, old).replace(old, module))
        assert load_plain_pickle(path).tolist() == [0, 1, 2]


class Touch:
    """Would create a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


class Evaluate:
    """Would call ``eval`` when unpickled."""

    def __reduce__(self):
        return eval, ("1 + 1",)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_that_run_code_are_refused(tmp_path, protocol):
    path = tmp_path / "evil.pickle"
    path.write_bytes(pickle.dumps({"num": Touch(tmp_path / "touched")}, protocol))
    with pytest.raises(DatasetError, match=r"evil\.pickle is damaged or unsafe \(it asks for"):
        load_plain_pickle(path)
    assert not (tmp_path / "touched").exists()
    path.write_bytes(pickle.dumps([Evaluate()], protocol))
    with pytest.raises(DatasetError, match=r"it asks for (builtins|__builtin__)\.eval"):
        load_plain_pickle(path)


def test_code_hidden_in_an_object_array_is_refused(tmp_path):
    path = tmp_path / "evil.pickle"
    array = np.empty(1, object)
    array[0] = Evaluate()
    path.write_bytes(pickle.dumps(array))
    with pytest.raises(DatasetError, match=r"builtins\.eval"):
        load_plain_pickle(path)


@pytest.mark.parametrize("content", [b"", b"\x80", b"junk", b"\x80\x04\x95\xff\xff\xff\xff"])
def test_damaged_pickles(tmp_path, content):
    path = tmp_path / "damaged.pickle"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged\.pickle is damaged or unsafe"):
        load_plain_pickle(path)


def test_cut_pickles(tmp_path):
    path = tmp_path / "cut.pickle"
    content = pickle.dumps({"a": [np.arange(50)], "b": "text" * 9})
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(DatasetError, match=r"cut\.pickle"):
            load_plain_pickle(path)
