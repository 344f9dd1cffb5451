"""How people's folders are laid out: recognized and said, told by patterns, or one sentence that says how to tell."""

import unicodedata

import numpy as np
import pytest
from layouts import APPLE_DOUBLE, noise, opened, pair_folder, write

from kseg.cli.main import main
from kseg.conventions import SPLITS
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.errors import Failure, UsageError


def draw(folder, name, value=None):
    """An image, or a mask with one object of `value` in the row that its number tells."""
    number = int("".join(filter(str.isdigit, name)) or 0)
    if value is None:
        return write(folder / name, noise(number, 8, 6))
    mask = np.zeros((8, 6), dtype=np.uint8)
    mask[number % 8] = value
    return write(folder / name, mask)


def make(folder, images, masks, count=6):
    """Images and masks by patterns with {i}."""
    for i in range(1, count + 1):
        draw(folder, images.format(i=i))
        draw(folder, masks.format(i=i), 1)
    return folder


def pairs(dataset):
    root = dataset.folder
    return {
        tuple(path.relative_to(root).as_posix() for path in (record.image, record.annotation[0])): record.id
        for record in dataset.every_record()
    }


RECOGNIZED = {
    "the default": ("images/p{i:03d}.png", "masks/p{i:03d}.png"),
    "imgs and labels": ("imgs/p{i}.png", "labels/p{i}.png"),
    "VOC's": ("JPEGImages/p{i}.jpg", "SegmentationClass/p{i}.png"),
    "frames and groundtruth": ("frames/{i:04d}.jpg", "groundtruth/{i:04d}.png"),
    "Images and Ground Truth": ("My Images/p {i}.JPG", "Ground Truth/p {i}.png"),
    "suffix": ("images/p{i}.jpg", "masks/p{i}_mask.png"),
    "an unknown suffix": ("images/p{i}.jpg", "masks/p{i}-LL.gif"),
    "prefixes": ("images/image_{i:03d}.jpeg", "masks/label_{i:03d}.png"),
    "prefix and other zeros": ("images/img_{i}.png", "masks/seg_{i:03d}.png"),
    "capitals": ("images/P{i}.PNG", "masks/p{i}.png"),
    "accents": (
        "images/" + unicodedata.normalize("NFD", "caf\xe9 {i}.png"),
        "masks/" + unicodedata.normalize("NFC", "caf\xe9 {i}.png"),
    ),
    "subfolders": ("images/day{i}/p1.png", "masks/day{i}/p1.png"),
    "subfolders of images alone": ("images/day{i}/p{i}.png", "masks/p{i}.png"),
    "a folder each": ("{i}/image.png", "{i}/mask.png"),
    "a folder of images and one of masks each": ("case{i}/images/a.png", "case{i}/masks/a.png"),
    "one folder with suffix": ("p{i}.png", "p{i}_mask.png"),
    "one folder with prefixes": ("img_{i}.png", "gt_{i}.png"),
    "one folder with JPEG and PNG": ("p{i}.jpg", "p{i}.png"),
    "one folder inside": ("data/p{i}.JPEG", "data/p{i}-gt.png"),
    "Carvana's": ("train/p{i}_{i}.jpg", "train_masks/p{i}_{i}_mask.gif"),
    "a folder around all": ("download/images/p{i}.png", "download/masks/p{i}.png"),
    "DRIVE's": ("images/{i:02d}_test.tif", "1st_manual/{i:02d}_manual1.gif"),
    "nnU-Net's": ("imagesTr/case_{i:03d}_0000.png", "labelsTr/case_{i:03d}.png"),
    "VOC tools'": ("JPEGImages/a{i}.jpg", "SegmentationClassPNG/a{i}.jpg.png"),
    "masks inside the images": ("images/{i}.jpg", "images/masks/{i}.png"),
    "images beside a folder of masks": ("{i}.jpg", "masks/{i}.png"),
    "names of folders that mislead": ("images/frames_day1/{i}.png", "masks/frames_day1/{i}.png"),
    "a name around all that misleads": ("segmentation_data/images/{i}.png", "segmentation_data/masks/{i}.png"),
    "pets'": ("images/a{i}.jpg", "annotations/trimaps/a{i}.png"),
    "ISIC's": ("Part1_Training_Data/ISIC_{i:07d}.jpg", "Part1_Training_GroundTruth/ISIC_{i:07d}_Segmentation.png"),
    "names with dots": ("images/scan.{i}.png", "masks/scan.{i}.seg.png"),
    "a train folder alone": ("train/image/{i}.png", "train/label/{i}.png"),
}


@pytest.mark.parametrize("name", RECOGNIZED)
def test_recognized(tmp_path, name):
    images, masks = RECOGNIZED[name]
    dataset = opened(make(tmp_path, images, masks))
    assert set(pairs(dataset)) == {(images.format(i=i), masks.format(i=i)) for i in range(1, 7)}
    assert dataset.layout[0].startswith("6 pairs of image and mask: ") and len(dataset.layout) == 2
    assert "; " not in dataset.layout[0]  # one way for all
    assert len(set(pairs(dataset).values())) == 6
    assert sum(len(dataset.records(split)) for split in SPLITS) == 6
    for record in dataset.every_record():
        assert dataset.labels(record).shape == (8, 6)
        assert "/" not in record.id and record.id == unicodedata.normalize("NFC", record.id)


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("{split}/images/p{i}.png", "{split}/masks/p{i}.png"),
        ("images/{split}/p{i}.png", "masks/{split}/p{i}.png"),
        ("{split}_images/p{i}.png", "{split}_masks/p{i}_mask.png"),
        ("{split}/p{i}.png", "{split}annot/p{i}.png"),
        ("data/{split}/img/p{i}.png", "data/{split}/gt/p{i}.png"),
        ("{split}2017/p{i}.png", "labels/{split}2017/p{i}.png"),
        ("{split}/p{i}.jpg", "{split}/p{i}.png"),
        ("{split} set/p{i}_image.png", "{split} set/p{i}_mask.png"),
    ],
)
def test_folders_that_name_the_splits(tmp_path, images, masks):
    for folder, count in (("train", 5), ("val", 2), ("test", 2)):
        make(tmp_path, images.replace("{split}", folder), masks.replace("{split}", folder), count)
    dataset = opened(tmp_path)
    assert {split: len(dataset.records(split)) for split in SPLITS} == {"train": 5, "validation": 2, "test": 2}
    assert dataset.layout[1] == "splits: as the folders are named" and not dataset.draws_splits


def test_images_and_masks_in_subfolders_and_not(tmp_path):
    make(tmp_path, "images/p{i}.png", "masks/p{i}.png")
    make(tmp_path, "images/more/p{i}.png", "masks/more/p{i}.png")
    assert len(pairs(opened(tmp_path))) == 12


def test_what_two_splits_lack(tmp_path):
    for folder, first in (("train", 1), ("val", 2)):
        make(tmp_path, f"{folder}/images/{first}{{i}}.png", f"{folder}/masks/{first}{{i}}.png")
    dataset = opened(tmp_path)
    assert "no test split: the final figures are measured on the validation images" in dataset.layout[2]
    report = check(dataset, progress=False)
    assert report.problems == [] and "there is no test split" in report.notes
    make(tmp_path / "other", "train/images/{i}.png", "train/masks/{i}.png", 20)
    make(tmp_path / "other", "test/images/9{i}.png", "test/masks/9{i}.png", 3)
    dataset = opened(tmp_path / "other")
    drawn = len(dataset.records("validation"))
    assert len(dataset.records("train")) + drawn == 20 and len(dataset.records("test")) == 3 and dataset.draws_splits
    assert f"no validation split is named: {drawn} of the 20 training images are drawn for it" in dataset.layout[2]


def test_kaggles_test_images_without_masks_are_set_aside(tmp_path):
    make(tmp_path, "train/images/{i}.png", "train/masks/{i}.png", 12)
    for number in range(30, 34):
        draw(tmp_path, f"test/images/{number}.png")
    dataset = opened(tmp_path)
    assert len(pairs(dataset)) == 12
    assert dataset.layout[1].startswith("set aside, without a mask: 4 images (")


class TestSeveralMasks:
    """A folder of objects for each image is one mask; several masks by name are a question."""

    @pytest.mark.parametrize(
        ("image", "mask"),
        [("{i}/images/{i}.png", "{i}/masks/x{j}.png"), ("images/{i}.png", "masks/{i}/{i}_{j}.png")],
    )
    def test_a_folder_of_objects(self, tmp_path, image, mask):
        for i in range(1, 7):
            draw(tmp_path, image.format(i=i))
            for j in range(i):
                write(tmp_path / mask.format(i=i, j=j), 255 * (np.arange(48).reshape(8, 6) // 6 == j).astype(np.uint8))
        dataset = opened(tmp_path)
        assert "a folder of masks for each image (5 images with several): joined into one mask each" in dataset.layout
        rows = {record.image.stem: dataset.labels(record)[:, 0].tolist() for record in dataset.every_record()}
        assert rows["1"] == [1, 0, 0, 0, 0, 0, 0, 0] and rows["6"] == [1, 1, 1, 1, 1, 1, 0, 0]
        assert dataset.classes == ("background", "foreground")
        record = dataset.records("train")[0]
        assert len(dataset.files_of(record)) == 1 + len(record.annotation)

    def test_a_folder_of_classes_is_a_question(self, tmp_path):
        for i in range(1, 7):
            draw(tmp_path, f"images/{i}.png")
            for name in ("iris", "pupil"):
                draw(tmp_path, f"masks/{i}/{name}.png", 1)
        with pytest.raises(Failure, match="several masks may be meant for 6 images .*--merge-masks"):
            opened(tmp_path)
        assert len(pairs(opened(tmp_path, images="images/*.png", masks="masks/{stem}/iris.png"))) == 6

    @pytest.mark.parametrize("masks", [("a{i}_mask1.png", "a{i}_mask2.png"), ("a{i}.png", "a{i}.tif")])
    def test_several_by_name(self, tmp_path, masks):
        for name in masks:
            make(tmp_path, "images/a{i}.jpg", f"masks/{name}")
        with pytest.raises(Failure, match=r"several masks may be meant for 6 images \(.*a1.* pass --merge-masks"):
            opened(tmp_path)
        assert len(pairs(opened(tmp_path, merge_masks=True))) == 6
        assert (
            len(
                pairs(
                    opened(
                        tmp_path, images="images/*", masks=f"masks/{masks[0].format(i='').replace('a', '{stem}', 1)}"
                    )
                )
            )
            == 6
        )

    def test_one_image_with_two_masks_does_not_stop_the_check(self, tmp_path):
        folder = pair_folder(tmp_path)
        write(folder / "masks" / "a3.tif", np.zeros((12, 10), np.uint8))
        with pytest.raises(Failure, match="several masks may be meant for 1 image \\(.*a3.png: a3.png, a3.tif"):
            opened(folder)
        report = check(open_dataset(data_options("folder", folder), with_problems=True), progress=False)
        assert len(report.problems) == 1 and sum(report.counts.values()) == 9


class TestLeftOut:
    def test_unpaired_files_are_set_aside_and_named(self, tmp_path, capsys):
        folder = pair_folder(tmp_path, 20)
        for name in ("a3", "a4"):
            (folder / "masks" / f"{name}.png").unlink()
        (folder / "images" / "a5.png").unlink()
        dataset = opened(folder)
        assert len(pairs(dataset)) == 17
        assert any(line.startswith("set aside, without a mask: 2 images (") for line in dataset.layout)
        assert any(line.startswith("set aside, without an image: 1 mask (") for line in dataset.layout)
        assert main(["data", "check", "folder", "--data-dir", str(folder)]) == 1  # a mask alone is a mistake
        text = capsys.readouterr().out
        for told in ("a3.png has no mask and is set aside", "a4.png has no mask", "a5.png has no image", "1 problem"):
            assert told in text

    def test_images_without_masks_alone_are_no_problem(self, tmp_path):
        folder = pair_folder(tmp_path, 20)
        (folder / "masks" / "a3.png").unlink()
        assert main(["data", "check", "folder", "--data-dir", str(folder)]) == 0

    def test_what_is_no_picture(self, tmp_path):
        folder = pair_folder(tmp_path)
        for name in ("._a1.png", ".DS_Store", "Thumbs.db", "notes.txt", "readme.md", "desktop.ini"):
            for kind in ("images", "masks"):
                (folder / kind / name).write_bytes(APPLE_DOUBLE)
        (folder / "__MACOSX" / "images").mkdir(parents=True)
        assert len(pairs(opened(folder))) == 10 and len(opened(folder).layout) == 2

    def test_other_folders_are_left_out_and_said(self, tmp_path):
        make(tmp_path, "imgs/p{i}.png", "labels/p{i}.png")
        draw(tmp_path, "results/p1.png")
        assert "left out, neither image nor mask: 1 file (results/p1.png)" in opened(tmp_path).layout

    def test_links_are_followed_and_circles_are_not(self, tmp_path):
        make(tmp_path / "there", "images/p{i}.png", "masks/p{i}.png")
        here = tmp_path / "here"
        here.mkdir()
        for kind in ("images", "masks"):
            (here / kind).symlink_to(tmp_path / "there" / kind)
        (tmp_path / "there" / "images" / "again").symlink_to(tmp_path / "there" / "images")
        assert len(pairs(opened(here))) == 6


class TestPatterns:
    def test_stem(self, tmp_path):
        make(tmp_path, "a/img_{i}.jpg", "b/{i}/seg.png")
        dataset = opened(tmp_path, images="a/img_{stem}.jpg", masks="b/{stem}/seg.png")
        assert len(pairs(dataset)) == 6
        assert dataset.layout[0] == "6 pairs of image and mask: --images 'a/img_{stem}.jpg' --masks 'b/{stem}/seg.png'"

    def test_folders_and_splits(self, tmp_path):
        for split in ("train", "val"):
            make(tmp_path, f"x/{split}/c{{i}}/a.png", f"y/{split}/c{{i}}/b.png")
        with pytest.raises(UsageError, match="the images are named a, the masks b; put"):
            opened(tmp_path, images="x/{split}/{dir}/a.png", masks="y/{split}/{dir}/{stem}.png")
        dataset = opened(tmp_path, images="x/{split}/{stem}/a.png", masks="y/{split}/{stem}/b.png")
        assert len(dataset.records("train")) == len(dataset.records("validation")) == 6

    def test_other_places(self, tmp_path, monkeypatch):
        make(tmp_path, "a/{i}.jpg", "b/{i}.png")
        absolute = {"images": f"{tmp_path}/a/*.jpg", "masks": f"{tmp_path}/b/{{stem}}.png"}
        assert len(open_dataset(data_options("folder", **absolute)).every_record()) == 6
        monkeypatch.chdir(tmp_path)
        assert len(open_dataset(data_options("folder", images="**/*.jpg", masks="b/{stem}.*")).every_record()) == 6

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ({"images": "a/*.jpg"}, "--images needs --masks"),
            ({"masks": "b/{stem}.png"}, "--masks needs --images"),
            ({"images": "a/*.jpg", "masks": "b/*.png"}, r"lacks \{stem\}"),
            ({"images": "a/*.jpg", "masks": "b/{name}.png"}, r"lacks \{stem\}"),
            ({"images": "a/{x}.jpg", "masks": "b/{stem}.png"}, r"has \{x\}; it may hold"),
            ({"images": "a/*.tif", "masks": "b/{stem}.png"}, "--images 'a/\\*.tif' names no file under"),
            ({"images": "c/*.jpg", "masks": "b/{stem}.png"}, "there is no folder .*c"),
            ({"images": "a/*.jpg", "masks": "b/x{stem}.png"}, "--masks .* names no file"),
            ({"images": "*/*.jpg", "masks": "b/{stem}.png"}, "the same name; use {dir}"),
            ({"images": "{split}/*.jpg", "masks": "b/{stem}.png"}, "{split} stands for 'a'"),
        ],
    )
    def test_that_cannot_be(self, tmp_path, options, complaint):
        make(tmp_path, "a/{i}.jpg", "b/{i}.png")
        make(tmp_path, "d/{i}.jpg", "b/{i}.png")
        with pytest.raises(UsageError, match=complaint):
            opened(tmp_path, **options)


class TestQuestions:
    """What cannot be told ends in one sentence with options to paste."""

    def test_nothing_there(self, tmp_path):
        with pytest.raises(UsageError, match=r"holds no image; put images .*--images 'imgs/\*\.jpg' --masks"):
            opened(tmp_path)
        (tmp_path / "images").mkdir()
        (tmp_path / "masks").mkdir()
        with pytest.raises(UsageError, match="holds no image"):
            opened(tmp_path)

    def test_no_masks(self, tmp_path):
        for number in range(4):
            draw(tmp_path, f"images/{number}.png")
        with pytest.raises(UsageError, match="which of its 4 files is the mask of which"):
            opened(tmp_path)

    def test_two_suffixes_in_one_folder(self, tmp_path):
        make(tmp_path, "x/a{i}.bmp", "x/a{i}.png")
        with pytest.raises(UsageError) as error:
            opened(tmp_path)
        advised = str(error.value).split("masks/, or say where they lie: ")[1].split("  or  ")
        assert advised[0] == "--images 'x/*.bmp' --masks 'x/{stem}.png'"
        assert len(pairs(opened(tmp_path, images="x/*.bmp", masks="x/{stem}.png"))) == 6

    @pytest.mark.parametrize(
        ("images", "masks"),
        [
            ("{i:03d}.jpg", "{i:03d}_L.png"),
            ("c{i}/c{i}_dermoscopic/c{i}.bmp", "c{i}/c{i}_lesion/c{i}_lesion.bmp"),
            ("x/{i}.png", "y/{i}.png"),
            ("{i}_in.png", "{i}_out.png"),
        ],
    )
    def test_the_advice_is_made_of_the_files_there_are(self, tmp_path, images, masks):
        make(tmp_path, images, masks)
        with pytest.raises(UsageError) as error:
            opened(tmp_path)
        advised = str(error.value).split("say where they lie: ")[1].split("  or  ")[0]
        _, image_pattern, _, mask_pattern = advised.replace("'", "").split()
        found = pairs(opened(tmp_path, images=image_pattern, masks=mask_pattern))
        assert set(found) == {(images.format(i=i), masks.format(i=i)) for i in range(1, 7)}

    def test_names_that_have_nothing_in_common(self, tmp_path):
        for first, second in zip("abcdef", "uvwxyz", strict=True):
            draw(tmp_path, f"images/{first}.png")
            draw(tmp_path, f"masks/{second}.png", 1)
        with pytest.raises(
            UsageError, match=r"no image has a mask .*named images/a\.png.*--images 'images/\*\.\*' --masks"
        ):
            opened(tmp_path)

    def test_two_kinds_of_masks(self, tmp_path):
        make(tmp_path, "imgs/p{i}.png", "labels/p{i}.png")
        make(tmp_path, "imgs/p{i}.png", "gt/p{i}.png")
        with pytest.raises(UsageError, match=r"say which with --images 'imgs/\*\.\*' --masks '(gt|labels)/{stem}"):
            opened(tmp_path)

    def test_the_options_that_are_advised_work(self, tmp_path):
        make(tmp_path, "imgs/p{i}.png", "labels/p{i}_L.png")
        make(tmp_path, "imgs/p{i}.png", "gt/p{i}.png")
        with pytest.raises(UsageError) as error:
            opened(tmp_path)
        advised = str(error.value).split("say which with ")[1].split("  or  ")
        assert len(advised) == 2
        for options in advised:
            _, images, _, masks = options.replace("'", "").split()
            assert len(pairs(opened(tmp_path, images=images, masks=masks))) == 6

    def test_ids_that_collide(self, tmp_path):
        make(tmp_path, "images/a/p{i}.png", "masks/a/p{i}.png", 1)
        make(tmp_path, "images/a__p{i}.png", "masks/a__p{i}.png", 1)
        with pytest.raises(Failure, match="share the name 'a__p1'; rename or remove one"):
            opened(tmp_path)
