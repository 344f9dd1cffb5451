"""The table of bad input, by kind. A case is a row: command, exit code, what the sentence has to name, how to make it.

A command's words are files of the folder it runs in, where the sound ones lie: run, model.keras, photo.png, folder and
results.json. A row damages them. `report` and `read-weights` are no commands of kseg: they call one function.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
from making import (
    BAD_JSON,
    DEEP,
    Make,
    a_socket,
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
    mask,
    member,
    not_finite,
    npz,
    pipe,
    png_of,
    tar,
    texts_h5,
    write,
    xz_bomb,
    zip_bomb,
)


def nothing() -> None:
    """The words alone are bad."""


class Row(NamedTuple):
    """One case."""

    command: str
    code: int
    says: str
    make: Make = nothing
    environment: dict[str, str] = {}  # noqa: RUF012  (nobody writes into it)


USAGE, FAILED = 2, 1
ACCEPTED = {
    ("metrics.jsonl", "empty"), ("config.json", "groups are figures"), ("env.json", "groups are figures"),
    ("env.json", "many digits"),
}  # fmt: skip
"""No epoch yet; what the last one writes is no key of the others."""
TRAIN = (
    "train --workdir new --synthetic-size 32 --synthetic-counts 4 2 2 --epochs 1 --base-width 4 --batch-size 2"
    " --no-tensorboard"
)
TRAIN_FOLDER = "train --workdir new --dataset folder --epochs 1 --no-tensorboard"
PREDICT = "predict model.keras photo.png --out out"
WEIGHTS = "train --workdir new --model unet_mobilenetv2 --synthetic-size 32 --synthetic-counts 4 2 2 --weights"
CHECK = "data check folder --data-dir folder"
LFW = "data stats lfw --data-dir lfw"  # not `prepare`, which asks the network
VERIFY = "lab verify amadi --results results.json"
LAB_REPORT = "lab report loss_study --scale smoke --only ce --root lab --markdown"

# --- words of the command line -------------------------------------------------------------------------------------

COMMANDS = {
    "train": "train", "evaluate": "evaluate run", "predict": "predict run photo.png", "export": "export run",
    "data info": "data info folder", "data check": "data check folder", "data preview": "data preview folder",
    "data stats": "data stats folder", "data prepare": "data prepare folder", "data cache": "data cache",
    "weights": "weights convert net.pth --model fpn",
    "losses": "losses list", "losses show": "losses show iou", "lab list": "lab list", "lab run": "lab run amadi",
    "lab report": "lab report amadi", "lab verify": "lab verify amadi", "lab commands": "lab commands amadi",
}  # fmt: skip

UNKNOWN = [
    *[Row(f"{command} --nosuch 1", USAGE, "--nosuch") for command in COMMANDS.values()],
    *[Row(f"{command} -x", USAGE, "-x") for command in ("train", "losses list", "data cache", "lab list")],
    Row("trian", USAGE, "did you mean 'train'"),
    Row("''", USAGE, "unknown command ''"),
    Row("²", USAGE, "'²'"),
    Row("train --losss iou", USAGE, "did you mean --loss?"),
    Row("train --batchsize 4", USAGE, "did you mean --batch-size?"),
    Row("train leftover", USAGE, "'leftover'"),
    Row("data", USAGE, "name one of info"),
    Row("data chek folder", USAGE, "did you mean 'check'"),
    Row("lab", USAGE, "name one of list"),
    Row("lab rnu amadi", USAGE, "did you mean 'run'"),
    Row("losses shwo iou", USAGE, "'shwo'"),
    Row("predict", USAGE, "a run directory or a .keras file"),
    Row("evaluate", USAGE, "a run directory or a .keras file"),
    Row("export", USAGE, "a run directory or a .keras file"),
    Row("losses show", USAGE, "a loss or a sum"),
    *[
        Row(f"lab {action}", USAGE, "a name that `kseg lab list` shows")
        for action in ("run", "report", "verify", "commands")
    ],
    *[Row(f"train --{name}", USAGE, f"--{name}") for name in ("loss", "epochs", "image-size", "dataset", "config")],
    Row(f"{TRAIN} --model bfcn32", USAGE, "bfcn32s"),
    Row(f"{TRAIN} --model ''", USAGE, "model ''"),
    Row("train --workdir new --encoder vgg61 --model fcn8s", USAGE, "vgg61"),
    Row(f"{TRAIN} --loss iuo", USAGE, "iuo"),
    Row(f"{TRAIN} --loss ''", USAGE, "loss"),
    Row(f"{TRAIN} --loss 'iou('", USAGE, "iou("),
    Row(f"{TRAIN} --loss 'iou + '", USAGE, "iou +"),
    Row(f"{TRAIN} --loss 'iou(nosuch=1)'", USAGE, "nosuch"),
    Row(f"{TRAIN} --loss 'nan*iou'", USAGE, "nan"),
    Row(f"{TRAIN} --loss '__import__(\"os\").abort()'", USAGE, "__import__"),
    Row(f"{TRAIN} --loss 'ce for ² epochs, then iou'", USAGE, "²"),
    Row(f"{TRAIN} --optimizer adan", USAGE, "adam"),
    Row(f"{TRAIN} --dataset flw", USAGE, "lfw"),
    Row(f"{TRAIN} --dataset '../../etc'", USAGE, "../../etc"),
    Row(f"{TRAIN} --category ²", USAGE, "²"),
    Row("losses show iuo", USAGE, "iuo"),
    Row("losses show ''", USAGE, "loss"),
    Row("losses show 'iou' --classes 9", USAGE, "--classes"),
    Row("lab list nosuch", USAGE, "nosuch"),
    Row("lab run nosuch", USAGE, "nosuch"),
    Row("lab run amadi --scale huge", USAGE, "huge"),
    Row("lab run amadi --only nosuch", USAGE, "nosuch"),
    Row("lab run amadi --shard 5/4", USAGE, "5/4"),
    Row("lab run amadi --shard ²/³", USAGE, "²/³"),
    Row("lab run amadi --budget soon", USAGE, "soon"),
    Row("lab run amadi --budget ''", USAGE, "--budget"),
    Row("lab run amadi --budget ²h", USAGE, "²h"),
    Row("lab run amadi --budget nan", USAGE, "nan"),
    Row("lab run amadi --processes 0", USAGE, "--processes"),
    Row("lab run amadi --seeds 0", USAGE, "--seeds"),
    Row("lab run amadi --weights =", USAGE, "--weights"),
    Row("lab run amadi --weights nosuch=w.npz", USAGE, "nosuch"),
    Row("data cache --remove nosuch", USAGE, "nosuch"),
    Row("data info nosuch", USAGE, "nosuch"),
    Row("data stats folder --split tset", USAGE, "test"),
    Row("evaluate run --split val", USAGE, "validation"),
    Row("export run --format tf", USAGE, "saved_model"),
]

# --- figures -------------------------------------------------------------------------------------------------------

WHOLE = ("epochs", "batch-size", "accumulate", "patience", "seed", "base-width", "steps-per-epoch", "limit")
REAL = ("learning-rate", "momentum", "weight-decay", "clip-norm", "poly-power", "warmup-epochs", "ema", "border-sigma")
FIGURES = [
    *[Row(f"{TRAIN} --{name} {value}", USAGE, f"--{name}") for name in WHOLE for value in ("-1", "1.5", "x", "²")],
    *[Row(f"{TRAIN} --{name} 1{'0' * 40}", USAGE, f"--{name}") for name in WHOLE],
    *[Row(f"{TRAIN} --{name} {value}", USAGE, f"--{name}") for name in REAL for value in ("nan", "inf", "-1", "''")],
    *[
        Row(f"{TRAIN} --image-size {size}", USAGE, "--image-size")
        for size in ("0 0", "-32 32", "32", "1000000 1000000")
    ],
    *[Row(f"{TRAIN} --scale {pair}", USAGE, "scale") for pair in ("nan nan", "2 1", "0 1", "1 inf")],
    Row(f"{TRAIN} --crop 0 5", USAGE, "crop"),
    Row(f"{TRAIN} --synthetic-size 0", USAGE, "--synthetic-size"),
    Row(f"{TRAIN} --synthetic-counts 8 -1 4", USAGE, "synthetic"),
    Row(f"{TRAIN} --synthetic-foreground nan", USAGE, "--synthetic-foreground"),
    *[Row(f"{TRAIN} --people {count}", USAGE, "--people") for count in ("0", "7", "two")],
    Row(f"{TRAIN} --dropout 2", USAGE, "dropout"),
    Row(f"{TRAIN} --data-seed -1", USAGE, "--data-seed"),
    *[
        Row(f"{CHECK} --split-sizes {sizes}", USAGE, "--split-sizes")
        for sizes in ("nan nan nan", "-1 1 1", "0 0 0", "inf 1 1")
    ],
    Row(f"{CHECK} --void 99999", USAGE, "--void"),
    Row(f"{CHECK} --void -1", USAGE, "--void"),
    Row(f"{CHECK} --classes a a", USAGE, "a"),
    *[Row(f"{PREDICT} --threshold {value}", USAGE, "--threshold") for value in ("nan", "2", "-1", "0", "inf")],
    *[Row(f"{PREDICT} --batch-size {value}", USAGE, "batch") for value in ("0", "-1", "x")],
    *[Row(f"{PREDICT} --image-size {value}", USAGE, "image") for value in ("0 0", "-1 5", "1000000 1000000")],
    Row("evaluate run --batch-size 0", USAGE, "batch"),
    Row("evaluate run --image-size 0 0", USAGE, "image"),
    Row("evaluate run --limit 0", USAGE, "--limit"),
    Row("export run --format litert --image-size 0 0", USAGE, "--image-size"),
    Row("data preview folder --data-dir folder --count 0", USAGE, "--count"),
    Row("data preview folder --data-dir folder --count -5", USAGE, "--count"),
]

# --- behind the network --------------------------------------------------------------------------------------------

REFINING = [
    *[
        Row(f"{command} {flags}", USAGE, says)
        for command in (PREDICT, "evaluate run")
        for flags, says in {
            "--crf-parameters w1=3": "without --crf",
            "--crf --crf-parameters deeplab_v2_resnet10": "deeplab_v2_resnet101",
            "--crf --crf-parameters w3=1": "w3",
            "--crf --crf-parameters sigma_alfa=1": "sigma_alpha",
            "--crf --crf-parameters w1=": "must be a number",
            "--crf --crf-parameters w1=²": "²",
            "--crf --crf-parameters w1=-1": "w1",
            "--crf --crf-parameters w2=nan": "w2",
            "--crf --crf-parameters sigma_beta=0": "sigma_beta",
            "--crf --crf-parameters iterations=1.5": "a whole number",
            "--crf --crf-parameters iterations=0": "iterations",
            "--crf --crf-parameters w1=1 w1=2": "given twice",
            "--crf --crf-parameters iterations=5 deeplab_v2_vgg16": "stands first",
            "--crf --crf-parameters ''": "CRF parameters ''",
            "--scales 0.5": "1 among them",
            "--scales 0.5 0.75": "1 among them",
            "--scales 1 1": "different",
            "--scales 0 1": "above 0",
            "--scales 1 100": "at most 4",
            "--tiles 10": "--tiles",
            "--tiles 64 --overlap 64": "no step",
            "--overlap 8": "without --tiles",
            "--blend gaussian": "without --tiles",
            "--tiles 64 --image-size 32 32": "--image-size",
            "--tta flip": "'flips'",
            "--tta flips,flips": "once",
            "--tta scales --scales 0.5 1": "--scales",
        }.items()
    ],
    Row("predict run photo.png --joint --crf --out out", USAGE, "--joint"),
    Row("predict run photo.png --joint --scales 0.5 1 --out out", USAGE, "--joint"),
    Row(f"{PREDICT} --crf", FAILED, "nan", not_finite("model.keras")),
]

# --- files of settings ---------------------------------------------------------------------------------------------

TOML = {
    "no TOML": ("epochs: 3", "TOML"),
    "no group": ("epochs = 3", "groups"),
    "unknown group": ("[trainng]\nepochs = 3", "training"),
    "unknown key": ("[training]\nepoch = 3", "epochs"),
    "group twice": ("[training]\n[training]", "TOML"),
    "wrong type": ("[training]\nepochs = 'many'", "many"),
    "a date": ("[training]\nepochs = 2026-01-01", "epochs"),
    "nan": ("[training]\nlearning_rate = nan", "learning"),
    "infinity": ("[training]\nlearning_rate = inf", "learning"),
    "negative": ("[training]\nepochs = -3", "epochs"),
    "many digits": (f"[training]\nepochs = 1{'0' * 6000}", "x.toml"),
    "a table for a figure": ("[training.epochs]\na = 1", "epochs"),
    "a list for a text": ("[model]\nmodel = ['unet']", "model"),
    "a list for a model's encoder": ("[model]\nmodel = 'fcn8s'\nencoder = ['vgg16']", "encoder"),
    "a list for a data set": ("[data]\ndataset = ['lfw']", "data set"),
    "a figure for a model": ("[model]\nmodel = 3", "model"),
    "no model": ("[model]\nmodel = ''", "model"),
    "deep": (f"[training]\nepochs = {DEEP}", "x.toml"),
    "UTF-16": ("[training]\nepochs = 3".encode("utf-16"), "x.toml"),
    "no text": (bytes(range(256)), "x.toml"),
    "zero byte in a path": ('[data]\ndata_dir = "a\\u0000b"\ndataset = "folder"', "data"),
    "list of tables": ("[[training]]\nepochs = 3", "groups"),
}
SETTINGS = [
    *[Row(f"{TRAIN} --config x.toml", USAGE, says, write("x.toml", text)) for text, says in TOML.values()],
    Row(f"{TRAIN} --config nowhere.toml", USAGE, "nowhere.toml"),
    Row(f"{TRAIN} --config folder", USAGE, "folder"),
    Row(f"{TRAIN} --config x.toml", USAGE, "a pipe", pipe("x.toml")),
    Row(f"{TRAIN} --config x.toml", USAGE, "x.toml", a_socket("x.toml")),
    Row(f"{TRAIN} --config /dev/zero", USAGE, "a device"),
]

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

# --- archives ------------------------------------------------------------------------------------------------------

ARCHIVE = "lfw/parts_lfw_funneled_gt_images.tgz"
LFW_FILES = ("lfw-funneled.tgz", "parts_lfw_funneled_gt_images.tgz")
"""Names that the loader takes for LFW's."""


def archives(make_one) -> Make:
    """The same in place of both of LFW's archives."""

    def make():
        Path("lfw").mkdir()
        for name in LFW_FILES:
            make_one(f"lfw/{name}")()

    return make


def pax(**headers: str):
    return lambda name: tar(name, (member("a", pax_headers=headers), b"x"), format=2)


def of_member(name: str, **changes: object):
    return lambda archive: tar(archive, (member(name, **changes), b""))


ARCHIVES = [
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b""))),
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b"\x1f\x8b\x08 nothing"))),
    Row(LFW, FAILED, "neither a tar nor a zip", archives(lambda name: write(name, b"<html>404</html>"))),
    Row(LFW, FAILED, "lfw", archives(lambda name: every(tar(name, (member("a"), bytes(9000))), cut(name)))),
    Row(LFW, FAILED, "describes a file in more", archives(pax(comment="x" * (3 << 20)))),
    Row(LFW, FAILED, "fold", archives(lambda name: tar(name, (member("unwanted"), bytes(70 << 20))))),
    Row(LFW, FAILED, "outside", archives(of_member("../evil"))),
    Row(LFW, FAILED, "outside", archives(of_member("/etc/evil"))),
    Row(LFW, FAILED, "link", archives(of_member("a", type=b"2", linkname="/etc/passwd"))),
    Row(LFW, FAILED, "device", archives(of_member("a", type=b"6"))),
    Row(LFW, USAGE, "found 0 labeled", archives(lambda name: write(name, b"PK\5\6" + bytes(18)))),
    Row(LFW, USAGE, "holds neither", archives(pipe)),
]

# --- images, masks, lists ------------------------------------------------------------------------------------------

IMAGES = [
    Row("predict model.keras nothing.png --out out", USAGE, "nothing.png"),
    Row("predict model.keras '*.jpeg' --out out", USAGE, "*.jpeg"),
    *[
        Row(PREDICT, FAILED, "photo.png", make)
        for make in (
            write("photo.png", b""),
            write("photo.png", b"<html>"),
            write("photo.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
            cut("photo.png"),
            flip("photo.png"),
            write("photo.png", png_of(60_000, 60_000)),
            write("photo.png", png_of(0, 5)),
            write("photo.png", png_of(5, 5)),
        )
    ],
    Row(f"{TRAIN_FOLDER} --data-dir nowhere", USAGE, "nowhere"),
    Row(f"{TRAIN_FOLDER} --data-dir photo.png", USAGE, "photo.png"),
    Row("data stats folder --data-dir nowhere", USAGE, "nowhere"),
    Row("data preview folder --data-dir nowhere", USAGE, "nowhere"),
    Row("data stats folder --data-dir folder", FAILED, "i3.png", cut("folder/masks/i3.png")),
    Row(
        "data preview folder --data-dir folder",
        FAILED,
        "png",
        every(*[cut(f"folder/images/i{n}.png") for n in range(12)]),
    ),
    Row("data stats folder --data-dir folder", FAILED, "i3", mask("folder/masks/i3.png", size=(5, 5))),
    Row(f"{CHECK} --colors a=1,2", USAGE, "a=1,2"),
    Row(f"{CHECK} --colors a=1,2,999 b=0,0,0", USAGE, "999"),
    Row(f"{CHECK} --colors a=²,2,3 b=0,0,0", USAGE, "²"),
    Row(
        "data stats folder --data-dir folder",
        FAILED,
        "train.txt",
        every(*[write(f"folder/{name}.txt", b"nosuch\n") for name in ("train", "validation", "test")]),
    ),
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

# --- the surroundings ----------------------------------------------------------------------------------------------

AROUND = [
    *[
        Row(f"{TRAIN} --distribute multiworker", USAGE, "TF_CONFIG", nothing, {"TF_CONFIG": text})
        for text in (
            "not JSON",
            "[]",
            "7",
            '{"task": 3}',
            '{"task": {"index": "first"}}',
            DEEP,
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 7}}',
            '{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}',
        )
    ],
    *[
        Row("data cache", USAGE, "KSEG_CACHE_LIMIT", nothing, {"KSEG_CACHE_LIMIT": text})
        for text in ("much", "-1", "nan", "²")
    ],
    Row("train --workdir photo.png --synthetic-counts 4 2 2", USAGE, "photo.png"),
    Row("train --workdir folder --synthetic-counts 4 2 2", USAGE, "folder"),
    Row("train --workdir photo.png/run --synthetic-counts 4 2 2", FAILED, "photo.png"),
    Row(f"train --workdir {'a' * 300} --synthetic-counts 4 2 2", FAILED, "aaa"),
    Row("losses show iou --out photo.png/x.png", FAILED, "photo.png"),
    Row("losses show iou --out /proc/nosuch/x.png", FAILED, "/proc"),
    Row("data preview folder --data-dir folder --out photo.png/x.png", FAILED, "photo.png"),
    Row("predict model.keras photo.png --out photo.png", FAILED, "photo.png"),
    Row("predict model.keras photo.png --out photo.png/out", FAILED, "photo.png"),
    Row(
        "evaluate model.keras --dataset folder --data-dir folder --match-classes order --out photo.png",
        FAILED,
        "photo.png",
    ),
]

TABLE = {
    "unknown words": UNKNOWN, "figures": FIGURES, "refining": REFINING, "settings": SETTINGS, "models": MODELS,
    "weights": WEIGHTS_FILES, "archives": ARCHIVES, "images": IMAGES, "runs": RUNS, "lab": LAB, "surroundings": AROUND,
}  # fmt: skip


def words_of(row: Row) -> list[str]:
    return shlex.split(row.command)
