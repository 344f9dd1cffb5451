"""`kseg weights convert`: weights of torchvision's networks as a file that --weights or --init takes."""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from kseg.ranges import Range

if TYPE_CHECKING:
    from kseg.encoders.torch_names import StateDict

OF_DETECTOR = "resnet50_torch"
"""The encoder of torchvision's Mask R-CNN."""


def import_torchvision() -> None:
    """Import torchvision, where it is installed, before Keras.

    After TensorFlow 2.21, torchvision 0.29 for PyTorch's CUDA build ends the process (a segmentation fault).
    """
    with suppress(ImportError, RuntimeError):  # RuntimeError: not compiled for this PyTorch
        import torchvision  # noqa: F401


@dataclass(frozen=True)
class Weights:
    """Write the weights of a torchvision ResNet, VGG or MobileNet, or of a DeepLab v3 or FCN on one, for kseg.

    Reads state dicts: .safetensors, and .pth where PyTorch is installed. ResNet and MobileNet of torchvision halve
    their maps elsewhere than those of keras.applications, so their weights are for encoders such as resnet50_torch.
    An --out that ends in .npz gets the encoder, for --weights. One that ends in .keras gets a whole DeepLab v3, FCN or
    Mask R-CNN with its heads, for --init, `kseg predict` and `kseg evaluate`.

    Examples: kseg weights convert resnet50.pth --model pspnet --encoder resnet50_torch --out resnet50.npz
      kseg weights convert deeplabv3_resnet50_coco.pth --out deeplab.keras
    """

    action: Positional[Literal["convert"]]
    """what to do"""
    file: Positional[Path]
    """a state dict of torchvision: .safetensors or .pth"""
    model: str | None = None
    """the model that will train with --weights OUT; with an --out of .keras the file says itself which it is"""
    encoder: str | None = None
    """its encoder, where the model takes any (unset: the model's own)"""
    out: Annotated[Path | None, arg(aliases=("-o",))] = None
    """where to write it, ending in .npz or .keras (unset: beside FILE, .npz)"""
    classes: tuple[str, ...] | None = None
    """names of a detector's classes in order of their rows, background first (unset: COCO's of 91 rows, else class 1,
    class 2 …)"""
    epsilon: Annotated[float | None, Range(least=0, most=1)] = None
    """ε of a detector's batch normalization (unset: 0 for files with names from before 2021, as torchvision's own
    maskrcnn_resnet50_fpn has it, else 1e-5)"""

    def __post_init__(self) -> None:
        import_torchvision()  # a command is made before Keras is imported, and runs after it

    def run(self) -> int:
        from kseg.errors import UsageError

        out = self.out or self.file.with_suffix(".npz")
        if out.suffix == ".keras":
            return self._whole(out)
        if out.suffix != ".npz":
            raise UsageError(
                f"converted weights are written as .npz (encoder) or .keras (whole network), received {out}; try "
                f"{out.with_suffix('.npz')}"
            )
        if self.model is None:
            raise UsageError(f"the weights in {out} are for the encoder of a model; name the model with --model")
        return self._of_encoder(out, self.model)

    def _of_encoder(self, out: Path, name: str) -> int:
        import numpy as np

        from kseg.atomic import replacing
        from kseg.encoders import ENCODERS
        from kseg.encoders.convert import converted
        from kseg.encoders.torch_compare import largest_difference
        from kseg.encoders.torch_file import read_state_dict
        from kseg.errors import UsageError
        from kseg.models import MODELS, build

        # 1. the model and its encoder
        entry = MODELS[name]
        options: dict[str, Any] = {} if self.encoder is None else {"encoder": self.encoder}
        inside = entry.encoder_with(options)
        if inside is None:
            raise UsageError(f"{name} has no encoder to put weights into; name another with --model")

        # 2. the file's weights in it
        state = read_state_dict(self.file)
        model, encoder = build(name, **options), ENCODERS[inside]
        conversion = converted(state, model, encoder, source=self.file.name, convolutionized=entry.convolutionized)
        arrays: dict[str, Any] = {
            f"{layer}/{part}": array for layer, parts in conversion.weights.items() for part, array in parts.items()
        }
        with replacing(out) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)

        # 3. summary
        print(conversion)
        print(compared("features", largest_difference(conversion, encoder)))
        chosen = "" if self.encoder is None else f" --encoder {self.encoder}"
        print(f"wrote {out}; use it with kseg train --model {name}{chosen} --weights {out}")
        return 0

    def _whole(self, out: Path) -> int:
        from kseg.atomic import replacing
        from kseg.encoders.torch_compare import SIDE, largest_score_difference
        from kseg.encoders.torch_detector import holds_detector
        from kseg.encoders.torch_file import read_state_dict
        from kseg.errors import UsageError
        from kseg.models.torchvision_segmenter import kind_of, torchvision_segmenter

        state, source = read_state_dict(self.file), self.file.name
        if holds_detector(state):
            return self._detector(state, out)
        if self.classes is not None or self.epsilon is not None:
            raise UsageError(f"--classes and --epsilon are for a detector, which {source} is not; leave them out")
        kind = kind_of(state, source=source)
        for given, value in ((self.model, kind.model), (self.encoder, kind.options["encoder"])):
            if given not in (None, value):
                raise UsageError(f"{source} is {kind.name}, which is {value} here, not {given}; leave {given} out")
        model, report = torchvision_segmenter(state, source=source)
        with replacing(out) as temporary:
            model.save(temporary)

        print(report)
        logits, _ = torchvision_segmenter(state, source=source, input_shape=(*SIDE, 3), activation=None)
        print(compared("logits", largest_score_difference(logits, state, kind.name)))
        print(f"wrote {out}, {kind.name}; train on from it with kseg train {kind.flags} --init {out}")
        return 0

    def _detector(self, state: "StateDict", out: Path) -> int:
        """A whole Mask R-CNN that knows its classes."""
        from kseg.datasets.coco.categories import row_names
        from kseg.datasets.images import contrasting_palette
        from kseg.encoders import ENCODERS
        from kseg.encoders.torch_compare import largest_difference
        from kseg.encoders.torch_detector import EPSILON_OF_OLD, converted_detector, detector_size, named_anew
        from kseg.errors import UsageError
        from kseg.inference.model_file import ModelCard, save_model
        from kseg.models import MODELS, build

        encoder, name = ENCODERS[OF_DETECTOR], "mask_rcnn"
        for given, value in ((self.model, name), (self.encoder, OF_DETECTOR)):
            if given not in (None, value):
                raise UsageError(f"{self.file} is a Mask R-CNN, which is {value} here, not {given}; leave {given} out")

        # 1. a network of the file's sizes, which takes images of any size
        state, old = named_anew(state)
        size = detector_size(state, self.file.name)
        classes = self.classes or row_names(size.num_classes)
        if len(classes) != size.num_classes:
            raise UsageError(
                f"--classes has {len(classes)} names and {self.file} {size.num_classes} rows, background included; "
                "give one each"
            )
        model = build(name, encoder=encoder.name, aligned_rois=False, whole_pixels=True, **asdict(size))

        # 2. its weights
        epsilon = EPSILON_OF_OLD if self.epsilon is None and old else self.epsilon
        conversion = converted_detector(state, model, encoder, source=self.file.name, epsilon=epsilon)
        card = ModelCard(
            classes=tuple(classes), palette=contrasting_palette(len(classes)), model=name, input_size="original",
            task=MODELS[name].task,
        )  # fmt: skip
        save_model(model, out, card)

        # 3. summary
        print(conversion)
        print(f"normalization of ε {conversion.epsilon:g} in the file; another with --epsilon")
        print(compared("features", largest_difference(conversion, encoder)))
        print(
            f"wrote {out}; kseg predict {out} IMAGE finds {len(classes) - 1} classes of objects with it, and kseg train"
        )
        print(f"  --model {name} --encoder {encoder.name} --no-aligned-rois --whole-pixels --init {out} starts from it")
        return 0


def compared(what: str, difference: float | None) -> str:
    """A line about how far the converted network is from torchvision's."""
    if difference is None:
        return "not compared with torchvision's network, which cannot be imported here"
    return f"largest difference of the {what} from torchvision's: {difference:.1e} of the largest"
