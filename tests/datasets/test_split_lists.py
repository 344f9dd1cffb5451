"""train.txt, val.txt and test.txt in a folder: in whichever form they are written, and where they contradict."""

import os

import pytest
from layouts import opened, pair_folder

from kseg.cli.main import main
from kseg.errors import Failure, KsegError, UsageError

LISTS = {
    "utf-16": lambda names: "\n".join(names).encode("utf-16"),
    "utf-16 without its mark": lambda names: "\r\n".join(names).encode("utf-16-le"),
    "utf-8 with a mark": lambda names: b"\xef\xbb\xbf" + "\n".join(names).encode(),
    "Windows": lambda names: "\r\n".join(f"images\\{name}.png" for name in names).encode(),
    "old Mac": lambda names: "\r".join(names).encode(),
    "comments": lambda names: ("# mine\n\n" + "\n".join(f"{name}  # good" for name in names)).encode(),
    "columns": lambda names: "\n".join(f"./images/{name}.png masks/{name}.png" for name in names).encode(),
    "commas": lambda names: "\n".join(f'"{name}.png",1' for name in names).encode(),
    "another machine": lambda names: "\n".join(f"/home/me/{name}.jpg" for name in names).encode(),
    "capitals": lambda names: "\n".join(name.upper() for name in names).encode(),
    "names of masks": lambda names: "\n".join(f"masks/{name}.png" for name in names).encode(),
}


class TestLists:
    @pytest.fixture
    def folder(self, tmp_path):
        return pair_folder(tmp_path, 6)

    def write_lists(self, folder, style=lambda names: "\n".join(names).encode(), train=("a3", "a1", "a2")):
        (folder / "train.txt").write_bytes(style(list(train)))
        (folder / "val.txt").write_bytes(style(["a4"]))
        (folder / "test.txt").write_bytes(style(["a5"]))

    def ids(self, folder, split="train"):
        return [record.id for record in opened(folder).records(split)]

    @pytest.mark.parametrize("style", LISTS)
    def test_are_read(self, folder, style):
        self.write_lists(folder, LISTS[style])
        assert self.ids(folder) == ["a3", "a1", "a2"] and self.ids(folder, "test") == ["a5"]
        assert "splits: as train.txt, val.txt, test.txt list them" in opened(folder).layout

    def test_of_voc_devkits(self, folder):
        place = folder / "ImageSets" / "Segmentation"
        place.mkdir(parents=True)
        self.write_lists(place)
        assert self.ids(folder) == ["a3", "a1", "a2"]

    def test_of_names_with_accents_and_spaces(self, folder):
        for kind in ("images", "masks"):
            (folder / kind / "a1.png").rename(folder / kind / "caf\xe9 1.png")
        self.write_lists(folder, train=("a3", "caf\xe9 1"), style=lambda names: "\n".join(names).encode("latin-1"))
        assert self.ids(folder) == ["a3", "caf\xe9 1"]

    def test_of_names_that_are_no_utf8(self, folder):
        for kind in ("images", "masks"):
            os.rename(folder / kind / "a1.png", os.fsencode(folder / kind) + b"/caf\xe9.png")
        self.write_lists(folder, train=("a3", "caf\xe9"), style=lambda names: "\n".join(names).encode("latin-1"))
        dataset = opened(folder)
        assert [record.id for record in dataset.records("train")] == ["a3", "caf%e9"]
        assert dataset.image(dataset.records("train")[1]).shape == (12, 10, 3)
        assert dataset.label_counts(dataset.records("train")).shape == (2, 256)
        assert main(["data", "check", "folder", "--data-dir", str(folder)]) == 0

    def test_twice_and_without_mask_are_said(self, folder):
        (folder / "masks" / "a2.png").unlink()
        self.write_lists(folder, train=("a3", "a1", "a3", "a2"))
        assert self.ids(folder) == ["a3", "a1"]
        assert "train.txt: 1 image without a mask, left out (a2)" in opened(folder).layout
        assert "train.txt: 1 image listed twice, counted once (a3)" in opened(folder).layout

    def test_that_contradict_are_refused_and_all_named_by_check(self, folder, capsys):
        self.write_lists(folder, train=("a1", "a5", "a98", "a99"))
        with pytest.raises(
            Failure, match=r"train.txt lists 'a98', but there is no .*2 more: `kseg data check` names them"
        ):
            opened(folder)
        assert main(["data", "check", "folder", "--data-dir", str(folder)]) == 1
        text = capsys.readouterr().out
        assert (
            "'a98'" in text
            and "'a5' is listed in train.txt and in test.txt" in text
            and "'a99'" in text
            and "3 problems" in text
        )

    def test_of_any_capitals_and_with_a_header(self, folder):
        self.write_lists(
            folder, style=lambda names: "\n".join(["image,mask", *(f"{n}.png,{n}.png" for n in names)]).encode()
        )
        for name in ("train", "val", "test"):
            (folder / f"{name}.txt").rename(folder / f"{name.title()}.TXT")
        assert self.ids(folder) == ["a3", "a1", "a2"] and self.ids(folder, "test") == ["a5"]

    def test_a_table_is_not_passed_over_in_silence(self, folder):
        (folder / "train.csv").write_text("a1.png,a1.png")
        assert any("not read: train.csv" in line for line in opened(folder).layout)

    def test_two_lists_of_one_split(self, folder):
        self.write_lists(folder)
        (folder / "validation.txt").touch()
        with pytest.raises(UsageError, match="both validation.txt and val.txt"):
            opened(folder)

    def test_without_validation_or_test(self, tmp_path):
        folder = pair_folder(tmp_path, 30)
        (folder / "train.txt").write_text("\n".join(f"a{number}" for number in range(20)))
        dataset = opened(folder)
        assert len(dataset.records("train")) + len(dataset.records("validation")) == 20
        assert len(dataset.layout) == 4  # pairs, lists, the drawn validation, no test
        (folder / "train.txt").unlink()
        (folder / "test.txt").write_text("a1")
        with pytest.raises(KsegError, match="train split of folder is empty"):
            opened(folder).records("train")
