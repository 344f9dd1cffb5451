"""`kseg score` on folders that a test writes: its figures, and one sentence for files that do not fit together."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from kseg.cli.main import main

CATEGORIES = [
    {"id": 1, "name": "sky", "isthing": 0},
    {"id": 17, "name": "cat", "isthing": 1},
    {"id": 18, "name": "dog", "isthing": 1},
]
SKY, CAT, DOG = 70_000, 300, 5  # ids of one, two and three bytes


def png(path, ids):
    ids = np.asarray(ids)
    Image.fromarray(np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)).save(path)


def annotation(image, segments):
    return {
        "image_id": image,
        "file_name": f"{image}.png",
        "segments_info": [{"id": i, "category_id": c, "iscrowd": 0} for i, c in segments],
    }


@pytest.fixture
def folders(tmp_path):
    """Truth and prediction of two images: the first perfect, in the second the cat is taken for a dog."""
    content = {}
    for name, second in (("truth", CAT), ("prediction", CAT)):
        (tmp_path / name).mkdir()
        png(tmp_path / name / "1.png", [[SKY, SKY, CAT], [SKY, DOG, DOG]])
        png(tmp_path / name / "2.png", [[SKY, SKY], [SKY, second]])
        kind = 17 if name == "truth" else 18
        content[name] = {
            "categories": CATEGORIES,
            "annotations": [
                annotation(1, [(SKY, 1), (CAT, 17), (DOG, 18)]),
                annotation(2, [(SKY, 1), (CAT, kind)]),
            ],
        }
    del content["prediction"]["categories"]  # the truth's count
    write(tmp_path, content)
    return tmp_path, content


def write(root, content):
    for name, values in content.items():
        (root / name / "segments.json").write_text(json.dumps(values))


def scored(root, *options):
    return main(["score", str(root / "truth"), str(root / "prediction"), *options])


def test_scores_of_two_folders(folders, capsys):
    root, _ = folders
    assert scored(root, "--boundary", "--resamples", "20", "--out", str(root / "scores.json")) == 0
    shown = capsys.readouterr().out
    assert "2 images, 3 categories (2 things)" in shown
    scores = json.loads((root / "scores.json").read_text())
    # sky 1; cat: one match, one missed = 1 / 1.5; dog: one match, one false = 1 / 1.5
    for kind in ("PQ", "boundary PQ"):
        assert scores[kind]["All"]["pq"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
        assert scores[kind]["Things"] == {"pq": pytest.approx(2 / 3), "sq": 1, "rq": pytest.approx(2 / 3), "classes": 2}
        assert scores[kind]["Stuff"]["pq"] == 1
        assert scores[kind]["per_image"] == {"1": 1, "2": pytest.approx(1 / 3)}
        assert scores[kind]["classes"]["cat"] == {"pq": pytest.approx(2 / 3), "sq": 1, "rq": pytest.approx(2 / 3)} | {
            "tp": 1,
            "fp": 0,
            "fn": 1,
        }
    assert "worst images  2 0.333, 1 1.000" in shown


def test_the_json_may_lie_beside_its_folder_and_be_given_itself(folders):
    root, _ = folders
    (root / "truth" / "segments.json").rename(root / "truth.json")
    assert scored(root) == 0
    assert main(["score", str(root / "truth.json"), str(root / "prediction" / "segments.json")]) == 0


def test_one_image_has_no_interval_and_its_scores_are_written(folders, capsys):
    root, content = folders
    for values in content.values():
        values["annotations"] = values["annotations"][:1]
    content["truth"]["categories"] = [one | {"isthing": 1} for one in CATEGORIES]
    write(root, content)
    assert scored(root, "--out", str(root / "scores.json")) == 0
    scores = json.loads((root / "scores.json").read_text())
    assert scores["PQ"]["interval"] == [None, None] and scores["PQ"]["Stuff"]["pq"] is None
    assert "PQ = SQ · RQ in each class that counts, 3 of 3 (exactly)" in capsys.readouterr().out


def test_categories_by_name_and_images_by_file_where_ids_are_others(folders, capsys):
    root, content = folders
    assert scored(root, "--out", str(root / "same.json")) == 0
    prediction = content["prediction"]
    prediction["categories"] = [{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}, {"id": 2, "name": "sky"}]
    ours = {1: 2, 17: 1, 18: 0}
    for one in prediction["annotations"]:
        one["image_id"] = f"0{one['image_id']}"
        for info in one["segments_info"]:
            info["category_id"] = ours[info["category_id"]]
    write(root, content)
    capsys.readouterr()
    assert scored(root, "--out", str(root / "other.json")) == 0
    assert "(categories by name: its ids are others)" in capsys.readouterr().out
    same, other = (json.loads((root / name).read_text())["PQ"] for name in ("same.json", "other.json"))
    assert same == other and same["All"]["pq"] < 1


def apart(root, content):
    """The prediction with a JSON beside each PNG."""
    folder = root / "prediction"
    (folder / "segments.json").unlink()
    for one in content["prediction"]["annotations"]:
        categories = content["prediction"].get("categories", [])
        text = json.dumps({"annotations": [one], "categories": categories})
        (folder / f"{one['image_id']}.json").write_text(text)


def test_a_json_may_lie_beside_each_png(folders, capsys):
    root, content = folders
    assert scored(root, "--out", str(root / "one.json")) == 0
    apart(root, content)
    assert scored(root, "--out", str(root / "apart.json")) == 0
    one, two = (json.loads((root / name).read_text())["PQ"] for name in ("one.json", "apart.json"))
    assert one == two


def test_jsons_beside_pngs_that_disagree_are_refused(folders, capsys):
    root, content = folders
    content["prediction"]["categories"] = CATEGORIES
    apart(root, content)
    second = root / "prediction" / "2.json"
    second.write_text(second.read_text().replace("sky", "sea"))
    assert scored(root) == 1
    assert "2.json gives the category 1 the name 'sea' and another JSON of" in capsys.readouterr().err
    second.write_text((root / "prediction" / "1.json").read_text())
    assert scored(root) == 1
    assert "2.json has the image 1, as another JSON of" in capsys.readouterr().err


def no_segment(content, root):
    content["prediction"]["annotations"][0]["segments_info"].pop()


def no_pixels(content, root):
    content["prediction"]["annotations"][0]["segments_info"].append({"id": 9, "category_id": 1})


def true_id_unknown(content, root):
    content["truth"]["annotations"][0]["segments_info"].pop()


def one_id_twice(content, root):
    content["prediction"]["annotations"][0]["segments_info"].append({"id": SKY, "category_id": 17})


def unknown_category(content, root):
    content["prediction"]["annotations"][0]["segments_info"][0]["category_id"] = 99


def image_missing(content, root):
    content["prediction"]["annotations"].pop()


def image_too_many(content, root):
    content["truth"]["annotations"].pop()


def image_twice(content, root):
    content["truth"]["annotations"] *= 2


def no_categories(content, root):
    del content["truth"]["categories"]


def no_isthing(content, root):
    content["truth"]["categories"] = [{"id": 1, "name": "sky"}]


def other_size(content, root):
    png(root / "prediction" / "2.png", [[SKY, CAT]])


def gray(content, root):
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(root / "prediction" / "2.png")


def no_png(content, root):
    (root / "prediction" / "2.png").unlink()


def wrong_type(content, root):
    content["prediction"] = [1, 2]


def nothing(content, root):
    content["truth"]["annotations"] = []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (no_segment, "prediction/1.png does not fit .*pixels of the prediction have the ids \\{5\\}"),
        (true_id_unknown, "pixels of the truth have the ids \\{5\\}, which are not among its segments; list them"),
        (no_pixels, "no pixel of the prediction has the ids \\{9\\} of its segments; remove these segments"),
        (one_id_twice, "the id 70000 stands for two segments of the prediction; segments cannot overlap"),
        (unknown_category, "segment 70000 of the prediction has the category 99, which the truth's JSON does not name"),
        (
            image_missing,
            r"1 image of .*truth/segments.json \(2\) is not in .*prediction/.*; predict them too",
        ),
        (image_too_many, r"1 image of .*prediction/segments.json \(2\) is not in .*; leave them out"),
        (image_twice, "has the image 1 more than once; keep one of them"),
        (no_categories, "truth/segments.json names no categories; add"),
        (no_isthing, "category 'sky' of .* does not say whether it is a thing; add isthing"),
        (other_size, r"2.png does not fit .*truth \(2, 2\) and prediction \(1, 2\) have different sizes"),
        (gray, r"prediction/2.png has uint8 values \(2, 2\), not colors; save segment ids as RGB"),
        (no_png, "2.png"),
        (wrong_type, "prediction/segments.json cannot be read .*write it in COCO's panoptic format"),
        (nothing, "truth/segments.json has no annotations"),
    ],
)
def test_what_does_not_fit_is_one_sentence(folders, capsys, damage, sentence):
    root, content = folders
    damage(content, root)
    write(root, content)
    assert scored(root) == 1
    error = capsys.readouterr().err
    assert error.startswith("kseg: ") and error.count("\n") == 1
    assert re.search(sentence, error), error


def test_folders_without_one_json_are_refused(folders, capsys):
    root, _ = folders
    (root / "truth" / "more.json").write_text("{}")
    assert scored(root) == 2
    assert "2 JSON files in it (more.json, segments.json)" in capsys.readouterr().err
    for name in ("more", "segments"):
        (root / "truth" / f"{name}.json").unlink()
    assert scored(root) == 2
    assert "no JSON file in it and no truth.json beside it" in capsys.readouterr().err
    assert main(["score", str(root / "nowhere"), str(root / "prediction")]) == 2
    assert "there is no" in capsys.readouterr().err
