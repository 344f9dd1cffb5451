"""`kseg data info | prepare | check | preview`, from the command line down."""

import numpy as np
import pytest
from layouts import devkit, lfw_mask, noise, pair_folder, write

from kseg.cli.main import main
from kseg.datasets import data_options, open_dataset
from kseg.datasets.check import check
from kseg.datasets.images import read_image
from kseg.datasets.preview import contact_sheet, spread


@pytest.fixture
def folder(tmp_path):
    return pair_folder(tmp_path / "mine", 12)


def problems(folder, **options):
    return check(open_dataset(data_options("folder", folder, **options)), progress=False).problems


def test_info_of_every_data_set(capsys):
    for name in ("synthetic", "lfw", "helen", "folder", "camvid", "voc"):
        assert main(["data", "info", name]) == 0
        text = capsys.readouterr().out
        assert text.startswith(f"{name}: ") and "expected tree" in text
    assert main(["data", "info", "lfw"]) == 0
    text = capsys.readouterr().out
    assert "figshare" in text and "sha256 b47c8422" in text and "not usable yet: no folder" in text


def test_info_shows_the_classes_it_found(folder, capsys):
    assert main(["data", "info", "folder", "--data-dir", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "0 background, 1 class 1" in text and "train          10" in text


def test_prepare_of_what_is_there(folder, capsys):
    assert main(["data", "prepare", "folder", "--data-dir", str(folder)]) == 0
    assert "folder is ready: train 10, validation 1, test 1; classes: background, class 1" in capsys.readouterr().out


def test_prepare_downloads_what_is_missing(tmp_path, capsys, monkeypatch):
    from kseg.datasets import prepare

    monkeypatch.setattr(prepare, "download", lambda file, folder, **_: asked.append(file.name))
    asked: list[str] = []
    (tmp_path / "lfw_funneled").mkdir()  # makes one archive unnecessary
    assert main(["data", "prepare", "lfw", "--data-dir", str(tmp_path)]) == 2  # nothing came
    assert asked == ["parts_lfw_funneled_gt_images.tgz", "parts_train.txt", "parts_validation.txt", "parts_test.txt"]
    assert "holds neither" in capsys.readouterr().err


def test_check_of_a_sound_folder(folder, capsys):
    assert main(["data", "check", "folder", "--data-dir", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "folder: 12 pairs read (train 10, validation 1, test 1)" in text and "no problems" in text
    assert "1 class 1" in text and "50.0% of the pixels, in 12 images" in text


def test_check_counts_what_it_has_said_five_times(folder, capsys):
    """Of each kind, whatever the names; all of it with a flag, and the number of problems is the same."""
    for number, name in enumerate(("one", "two", "three", "four", "five", "six", "seven")):
        write(folder / "images" / f"{name}.png", noise(50 + number))
        write(folder / "masks" / f"{name}.png", np.zeros((5, 5), dtype=np.uint8))
    (folder / "images" / "a0.png").write_bytes(b"")
    arguments = ["data", "check", "folder", "--data-dir", str(folder), "--classes", "wall", "cat"]
    assert main(arguments) == 1
    short = capsys.readouterr().out
    assert main([*arguments, "--all"]) == 1
    whole = capsys.readouterr().out
    assert short.count("is 5×5 but image") == 5 and "… and 2 more of this kind" in short and "--all shows" in short
    assert whole.count("is 5×5 but image") == 7 and "of this kind" not in whole and "--all shows" not in whole
    for text in (short, whole):
        assert text.count("a0.png is empty") == 1 and "8 problems" in text


def test_check_finds_everything_and_fails(folder, capsys):
    (folder / "images" / "a0.png").write_bytes(b"")
    whole = (folder / "masks" / "a1.png").read_bytes()
    (folder / "masks" / "a1.png").write_bytes(whole[: len(whole) // 2])
    write(folder / "masks" / "a2.png", np.zeros((5, 5), dtype=np.uint8))
    write(folder / "masks" / "a3.png", np.full((12, 10), 7, dtype=np.uint8))
    write(folder / "images" / "a5.png", noise(4))  # the same pixels as a4
    (folder / "train.txt").write_text("\n".join(f"a{index}" for index in range(9)))
    (folder / "val.txt").write_text("a9\n")
    (folder / "test.txt").write_text("a10\n")
    arguments = ["--data-dir", str(folder), "--classes", "wall", "cat"]
    assert main(["data", "check", "folder", *arguments]) == 1
    text = capsys.readouterr().out
    for told in ("a0.png is empty", "a1.png is", "is 5×5 but image", "values {7} outside 0..1", "5 problems"):
        assert told in text
    assert "duplicate: the same picture under 2 names: a4 (train), a5 (train)" in text
    assert "unused 1" in text  # a11 is in no list


def soft_folder(folder, count=6):
    """Bars whose edges are blended."""
    bar = np.tile(np.array([0, 0, 30, 120, 255, 255, 255, 200, 90, 0], dtype=np.uint8), (12, 1))
    for index in range(count):
        write(folder / "images" / f"a{index}.png", noise(index))
        write(folder / "masks" / f"a{index}.png", np.roll(bar, index, axis=1))
    return folder


def test_what_was_recognized_is_said(tmp_path, capsys):
    folder = str(soft_folder(tmp_path))
    recognized = "6 masks of gray 0…255 with soft edges, read as binary at 128 (another threshold: --binary N)"
    out = str(tmp_path / "sheet.png")
    for command in (["check", "folder"], ["preview", "folder", "--out", out], ["info", "folder"]):
        assert main(["data", *command, "--data-dir", folder]) == 0
        assert recognized in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--binary"], "values from 128 are foreground"),
        (["--binary", "100"], "values from 100 are foreground"),
        (["--binary=100"], "values from 100 are foreground"),
        (["--binary", "auto"], "values from 128 are foreground"),
        (["--colors", "a=0,0,0", "b=255,255,255", "--color-tolerance", "221"], "the nearest within 221"),
    ],
)
def test_flags_of_masks(tmp_path, capsys, flags, told):
    folder = str(soft_folder(tmp_path))
    assert main(["data", "check", "folder", *flags, "--data-dir", folder]) == 0
    assert told in capsys.readouterr().out
    assert main(["data", "check", "folder", "--data-dir", folder, *flags]) == 0


def test_the_old_spelling_of_colors_goes_on_and_says_so(tmp_path, capsys):
    folder = str(soft_folder(tmp_path))
    flags = ["--colours", "a=0,0,0", "b=255,255,255", "--color-tolerance", "221"]
    assert main(["data", "check", "folder", "--data-dir", folder, *flags]) == 0
    assert capsys.readouterr().err.count("--colours is now --colors") == 1


def listed(folder, **parts):
    for split, members in parts.items():
        (folder / f"{split}.txt").write_text("\n".join(f"a{index}" for index in members))
    return folder


def test_check_tells_which_split_lacks_the_object(folder):
    for index in (6, 7, 8):
        write(folder / "masks" / f"a{index}.png", np.zeros((12, 10), dtype=np.uint8))
    for index in (9, 10, 11):
        write(folder / "masks" / f"a{index}.png", np.full((12, 10), 255, dtype=np.uint8))
    listed(folder, train=range(6), val=range(6, 9), test=range(9, 12))
    assert problems(folder) == [
        "the validation split shows background and no class 1: its IoU is meaningless, and the best epoch is chosen by "
        "its loss; change the splits",
        "the test split is void in every pixel: nothing can be measured on it; label it, or change the splits",
    ]


def test_training_tells_what_it_lacks_before_it_begins(folder):
    from kseg.training.description import missing_classes

    for index in (6, 7, 8):
        write(folder / "masks" / f"a{index}.png", np.zeros((12, 10), dtype=np.uint8))
    dataset = open_dataset(data_options("folder", listed(folder, train=range(6), val=range(6, 9), test=range(9, 12))))
    splits = {split: dataset.records(split) for split in ("train", "validation", "test")}
    assert [line[:50] for line in missing_classes(dataset, splits)] == [
        "the validation split shows background and no class"
    ]
    assert missing_classes(open_dataset(data_options(synthetic_size=16, synthetic_counts=(1, 1, 1))), {}) == []


def test_a_folder_of_sixteen_bits_is_read_in_one_range_and_as_a_model_was_trained(folder):
    for index in range(12):
        values = np.full((12, 10), 100 * index, dtype=np.uint16)
        (folder / "images" / f"a{index}.png").unlink()
        write(folder / "images" / f"a{index}.png", values)
    dataset = open_dataset(data_options("folder", folder))
    record = next(record for record in dataset.every_record() if record.id == "a11")
    assert dataset.value_range == (0, 2047) and dataset.image(record)[0, 0, 0] == round(1100 * 255 / 2047)
    assert "values 0…1100: 0 is read as black and 2047 as white" in dataset.reading[0]
    assert dataset.use_range((0, 2047)) == ""
    assert "0 is black and 4095 white, but these images by themselves have 0 and 2047" in dataset.use_range((0, 4095))
    assert dataset.image(record)[0, 0, 0] == round(1100 * 255 / 4095)


def test_check_tells_which_class_no_mask_holds(folder):
    assert problems(folder, classes=("wall", "cat", "dog")) == [
        "no mask holds 2 (dog); name only classes that the masks show, or add masks that show the others"
    ]
    for path in (folder / "masks").iterdir():  # the object is void
        write(path, np.repeat(np.array([[0] * 5 + [255] * 5], dtype=np.uint8), 12, axis=0))
    told = problems(folder, classes=("wall", "cat", "dog"))
    assert "50.0% of the pixels are void: if void is the object, pass --binary" in told[0]
    assert problems(folder, binary="auto") == []


def test_check_finds_leaks_between_splits(folder):
    (folder / "train.txt").write_text("a1\na2\n")
    (folder / "val.txt").write_text("a3\n")
    (folder / "test.txt").write_text("a4\n")
    assert problems(folder) == []
    write(folder / "images" / "a4.png", noise(1))
    assert problems(folder) == ["leak: the same picture under 2 names: a1 (train), a4 (test)"]


def test_check_of_lfw_finds_a_wrong_color(tmp_path, monkeypatch):
    from layouts import lfw_tree

    from kseg.datasets.lfw import records
    from kseg.datasets.splits import PaperSplit

    monkeypatch.setattr(records.LFW, "paper", PaperSplit(total=6, big=(2, 1), small=(1, 1), test=2))
    lfw_tree(tmp_path, [f"A_{number:04d}" for number in range(6)])
    mask = lfw_mask()
    mask[0, 0] = 1, 2, 3
    write(tmp_path / "parts_lfw_funneled_gt_images" / "A_0003.ppm", mask)  # the one that is in no split
    report = check(open_dataset(data_options("lfw", tmp_path)), progress=False)
    assert report.counts == {"train": 2, "validation": 1, "test": 2, "unused": 1}
    assert len(report.problems) == 1 and report.problems[0].startswith("unused: ") and "(1, 2, 3)" in report.problems[0]


def test_preview_writes_a_sheet(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    arguments = ["--out", str(out), "--count", "3", "--synthetic-size", "32", "--parts"]
    assert main(["data", "preview", "synthetic", *arguments]) == 0
    sheet = read_image(out)
    assert sheet.shape[1] > 3 * 2 * 160 and sheet.std() > 20
    assert capsys.readouterr().out.strip() == str(out)


def test_a_sheet_fits_pictures_of_any_shape(tmp_path):
    for index, size in enumerate([(4, 40), (40, 4), (12, 10), (300, 200)]):
        write(tmp_path / "images" / f"{'long' * 30}{index}.png", noise(index, *size))
        write(tmp_path / "masks" / f"{'long' * 30}{index}.png", np.full(size, 255 * (index % 2), dtype=np.uint8))
    dataset = open_dataset(data_options("folder", tmp_path, split_sizes=(1, 0, 0)))
    assert contact_sheet(dataset, "train", count=9).dtype == np.uint8


def test_a_legend_too_long_for_one_line_takes_more(tmp_path):
    devkit(tmp_path, "2012", {"train": ["a000", "a001"], "val": ["b000"]})
    dataset = open_dataset(data_options("voc", tmp_path))
    narrow = contact_sheet(dataset, "test", columns=1)  # one pair wide: 21 names need many lines
    assert narrow.shape[0] > 30 + 160 + 5 * 18 and narrow.shape[1] < 400


def test_records_are_spread_over_the_split():
    assert spread(range(10), 3) == [1, 5, 8]
    assert spread(range(3), 9) == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["info", "lwf"], 2),
        (["check", "lfw"], 2),
        (["preview", "synthetic", "--count", "0"], 2),
        (["preview", "synthetic", "--out", "/proc/no/such.png", "--synthetic-size", "16"], 1),
    ],
)
def test_exit_codes(arguments, code, capsys):
    assert main(["data", *arguments]) == code
    assert capsys.readouterr().err.startswith("kseg: ")
