"""Bad input on the command line or in a file of options."""

from making import (
    DEEP,
    a_socket,
    not_finite,
    pipe,
    write,
)
from rows import CHECK, FAILED, PREDICT, TRAIN, USAGE, Row

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
            "--scales 0.5": "different scales including 1",
            "--scales 0.5 0.75": "different scales including 1",
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
