"""Damaged files of kseg: models, weights, run directories, results of the lab."""

import numpy as np
from making import (
    BAD_JSON,
    Make,
    arrays,
    card_with,
    cut,
    declaring,
    edit_json,
    edit_member,
    every,
    flip,
    h5,
    huge_h5,
    linked_h5,
    npz,
    pipe,
    texts_h5,
    write,
    xz_bomb,
    zip_bomb,
)
from rows import FAILED, PREDICT, TRAIN, USAGE, VERIFY, WEIGHTS, Row

ACCEPTED = {
    ("metrics.jsonl", "empty"), ("config.json", "groups are figures"), ("env.json", "groups are figures"),
    ("env.json", "many digits"),
}  # fmt: skip
"""No epoch yet; what the last one writes is no key of the others."""

# --- models --------------------------------------------------------------------------------------------------------


def config_text(text: bytes) -> Make:
    return edit_member("model.keras", "config.json", lambda _: text)


MODELS = [
    Row("predict nowhere.keras photo.png --out out", USAGE, "nowhere.keras"),
    Row("predict folder photo.png --out out", USAGE, "model.keras"),
    Row("predict photo.png photo.png --out out", USAGE, "photo.png"),
    Row(PREDICT, USAGE, "model.keras", write("model.keras", b"")),
    Row(PREDICT, USAGE, "model.keras", write("model.keras", b"PK\3\4 nothing")),
    Row(PREDICT, USAGE, "model.keras", cut("model.keras")),
    Row(PREDICT, USAGE, "damaged", flip("model.keras")),
    Row(PREDICT, USAGE, "unpack", zip_bomb("model.keras", "config.json", "metadata.json")),
    Row(PREDICT, USAGE, "a pipe", pipe("model.keras")),
    Row("evaluate model.keras", USAGE, "a pipe", pipe("model.keras")),
    Row("export model.keras", USAGE, "a pipe", pipe("model.keras")),
    *[Row(PREDICT, USAGE, "model.keras", config_text(text)) for text in BAD_JSON.values()],
    *[
        Row(PREDICT, USAGE, "kseg.json", edit_member("model.keras", "kseg.json", lambda _, text=text: text))
        for name, text in BAD_JSON.items()
        if name not in ("UTF-16", "no text")
    ],
    Row(PREDICT, USAGE, "classes", card_with(classes=[])),
    Row(PREDICT, USAGE, "classes", card_with(classes=["a", "b", "c"])),
    Row(PREDICT, USAGE, "classes", card_with(classes="ab")),
    Row(PREDICT, USAGE, "classes", card_with(classes=[1, 2])),
    Row(PREDICT, USAGE, "palette", card_with(palette=[[0, 0], [1, 1]])),
    Row(PREDICT, USAGE, "color", card_with(palette=[[0, 0, 0], [300, 0, -1]])),
    Row(PREDICT, USAGE, "image_size", card_with(image_size=[0, -5])),
    Row(PREDICT, USAGE, "image_size", card_with(image_size=[1 << 40, 1 << 40])),
    Row(PREDICT, USAGE, "image_size", card_with(image_size=[1])),
    Row(PREDICT, USAGE, "model.keras", edit_member("model.keras", "model.weights.h5", lambda content: content[:500])),
    Row(PREDICT, USAGE, "Lambda", config_text(b'{"class_name": "Lambda", "config": {}}')),
    Row(PREDICT, USAGE, "model.keras", config_text(b'{"module": "os", "class_name": "system", "config": {"c": "id"}}')),
]

# --- weights -------------------------------------------------------------------------------------------------------

WEIGHTS_FILES = [
    Row(f"{WEIGHTS} nowhere.h5", USAGE, "nowhere.h5"),
    Row("read-weights folder", USAGE, "folder"),
    Row("read-weights photo.png", USAGE, "photo.png"),
    Row("read-weights w.npz", FAILED, "damaged", every(arrays("w.npz", a__b=np.zeros(3)), cut("w.npz"))),
    Row("read-weights w.npz", FAILED, "damaged", write("w.npz", b"")),
    Row("read-weights w.npz", FAILED, "no array", npz("w.npz", dense__kernel=b"text")),
    Row("read-weights w.npz", FAILED, "bytes for an array", npz("w.npz", dense__kernel=declaring((1 << 20, 1 << 20)))),
    Row("read-weights w.npz", FAILED, "damaged", npz("w.npz", dense__kernel=declaring((-5, 3)))),
    Row("read-weights w.npz", FAILED, "objects", arrays("w.npz", a__b=np.array([{}], object))),
    Row("read-weights w.npz", FAILED, "numbers", arrays("w.npz", a__b=np.array(["text"]))),
    Row("read-weights w.npz", FAILED, "unpack", zip_bomb("w.npz", "a/b.npy")),
    Row("read-weights w.npz.xz", FAILED, "unpacks to more", xz_bomb("w.npz.xz")),
    Row("read-weights w.h5.xz", FAILED, "unpacks to more", xz_bomb("w.h5.xz")),
    Row("read-weights w.npz.xz", FAILED, "damaged", write("w.npz.xz", b"\xfd7zXZ\0garbage")),
    Row("read-weights w.h5", FAILED, "declares", h5("w.h5", huge_h5)),
    Row("read-weights w.h5", FAILED, "another file", h5("w.h5", linked_h5)),
    Row("read-weights w.h5", FAILED, "not numbers", h5("w.h5", texts_h5)),
    Row("read-weights w.h5", FAILED, "damaged", write("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(200))),
    Row("read-weights w.h5", FAILED, "damaged", h5("w.h5", lambda file: file.attrs.update(layer_names=["gone"]))),
    Row("read-weights w.h5", FAILED, "damaged", h5("w.h5", lambda file: file.attrs.update(layer_names=3))),
    Row("read-weights w.npz", USAGE, "a pipe", pipe("w.npz")),
    Row("read-weights w.h5", USAGE, "a pipe", pipe("w.h5")),
    Row(f"{TRAIN} --init nowhere", USAGE, "nowhere"),
    Row(f"{TRAIN} --init model.keras", USAGE, "a pipe", pipe("model.keras")),
]

# --- run directories -----------------------------------------------------------------------------------------------

EPOCH = '{"epoch": 1, "val_iou": 0.5}\n'
IN_RESULTS = {
    ("best_epoch",): ("x", None, 1.5, "1e999"),
    ("epochs",): ([], "NaN"),
    ("train_seconds",): ("long", [], "NaN"),
    ("parameters",): (7, {}, {"trainable": "all", "total": 3}),
    ("transplant",): (7,),
    ("evaluation",): (None, 7, [], {}, "x"),
    ("evaluation", "classes"): ([], ["one"], ["a", "a"], [1, 2], "ab", None, ["a", "b", "c"]),
    ("evaluation", "ids"): ([], [1], "abc", None, ["a"]),
    ("evaluation", "confusion_matrices"): ([], [[1]], "x", [[[1, 2], [3]]], [[["x"]]], [[[-1, 0], [0, 0]]] * 2),
    ("evaluation", "histogram"): ([], [[1], [2]], "x", [[-1] * 256] * 2, [[10**30] * 256] * 2),
    ("evaluation", "scores"): (None, [], {"iou_dataset": "high"}),
    ("evaluation", "seconds"): ("x", None),
    ("evaluation", "input_size"): ("huge", [1], [1, "x"], 7),
    ("evaluation", "original_size"): ("yes", 3),
}
IN_ENVIRONMENT = {
    "packages": (7, ["keras"], {"keras": 3}), "git": (7, {}, "abc"), "weights": (7, {"file": 1}, []),
    "command": (["train"], 7), "device": ({}, 1),
}  # fmt: skip
RUNS = [
    Row("train --workdir run", FAILED, "config.json", write("run/config.json", b"{")),
    Row("train --workdir run", FAILED, "a pipe", pipe("run/config.json")),
    Row("report nowhere", USAGE, "nowhere"),
    Row("report folder", USAGE, "folder"),
    Row("report photo.png", USAGE, "photo.png"),
    *[
        Row("report run", FAILED, f"run/{name}", write(f"run/{name}", text))
        for name in ("config.json", "env.json", "results.json", "metrics.jsonl")
        for what, text in BAD_JSON.items()
        if (name, what) not in ACCEPTED
    ],
    *[
        Row("report run", FAILED, "a pipe", pipe(f"run/{name}"))
        for name in ("env.json", "results.json", "metrics.jsonl")
    ],
    *[
        Row("report run", FAILED, "line 2", write("run/metrics.jsonl", EPOCH + line))
        for line in (
            '{"epoch": 0}',
            '{"epoch": "x"}',
            '{"epoch": null}',
            "{}",
            '{"epoch": 2, "val_iou": "x"}',
            '{"epoch": 2',
        )
    ],
    *[
        Row("report run", FAILED, "results.json", edit_json("run/results.json", *keys, to=value))
        for keys, values in IN_RESULTS.items()
        for value in values
    ],
    *[
        Row("report run", FAILED, "env.json", edit_json("run/env.json", key, to=value))
        for key, values in IN_ENVIRONMENT.items()
        for value in values
    ],
]

# --- the lab -------------------------------------------------------------------------------------------------------

LAB = [
    Row(f"{VERIFY[:-12]}nowhere.json", USAGE, "nowhere.json"),
    *[Row(VERIFY, FAILED, "results.json", write("results.json", text)) for text in BAD_JSON.values()],
    *[
        Row(VERIFY, FAILED, "results.json", edit_json("results.json", *keys, to=value))
        for *keys, value in (
            ("rows", 7),
            ("rows", [{}]),
            ("rows", 0, "tags", []),
            ("rows", 0, "tags", [1]),
            ("rows", 0, "tags", ["a"]),
            ("rows", 0, "matrix", []),
            ("rows", 0, "matrix", [[1], [2, 3]]),
            ("rows", 0, "images", "x"),
            ("rows", 0, "iou", "high"),
            ("rows", 0, "iou", None),
            ("rows", 0, "iou", "NaN"),
            ("rows", 0, "iou", "1e999"),
            ("rows", 0, "seed", 1.5),
            ("recipe", 3),
            ("failures", []),
            ("missing", "x"),
            ("environment", 4),
            ("scale", None),
            ("settings", "x"),
            ("ratios", [1]),
        )
    ],
    Row(VERIFY, USAGE, "nosuch", edit_json("results.json", "recipe", to="nosuch")),
    Row(VERIFY, USAGE, "a pipe", pipe("results.json")),
    Row("lab report amadi --results results.json --out out", FAILED, "results.json", write("results.json", "{}")),
]
