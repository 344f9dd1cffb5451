"""`kseg weights convert`: weights of torchvision's networks as a file that --weights takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Weights:
    """Write the weights of a torchvision ResNet, VGG or MobileNet, or of a DeepLab v3 or FCN on one, for --weights.

    Reads state dicts: .safetensors, and .pth where PyTorch is installed. ResNet and MobileNet of torchvision halve
    their maps elsewhere than those of keras.applications, so their weights are for encoders such as resnet50_torch.
    Of a segmentation network the encoder is converted; its head, which has other layers, stays in the file.

    Example: kseg weights convert resnet50.pth --model pspnet --encoder resnet50_torch --out resnet50.npz
    """

    action: Positional[Literal["convert"]]
    """what to do"""
    file: Positional[Path]
    """a state dict of torchvision: .safetensors or .pth"""
    model: str
    """the model that will train with --weights OUT"""
    encoder: str | None = None
    """its encoder, where the model takes any (unset: the model's own)"""
    out: Annotated[Path | None, arg(aliases=("-o",))] = None
    """where to write it, ending in .npz (unset: beside FILE)"""

    def run(self) -> int:
        import numpy as np

        from kseg.atomic import replacing
        from kseg.encoders import ENCODERS
        from kseg.encoders.convert import converted
        from kseg.encoders.torch_compare import largest_difference
        from kseg.encoders.torch_file import read_state_dict
        from kseg.errors import UsageError
        from kseg.models import MODELS, build

        # 1. the model and its encoder
        entry = MODELS[self.model]
        options: dict[str, Any] = {} if self.encoder is None else {"encoder": self.encoder}
        name = entry.encoder_with(options)
        if name is None:
            raise UsageError(f"{self.model} has no encoder to put weights into; name another with --model")
        out = self.out or self.file.with_suffix(".npz")
        if out.suffix != ".npz":
            raise UsageError(f"converted weights are written as .npz, received {out}; try {out.with_suffix('.npz')}")

        # 2. the file's weights in it
        state = read_state_dict(self.file)
        model, encoder = build(self.model, **options), ENCODERS[name]
        conversion = converted(state, model, encoder, source=self.file.name, convolutionized=entry.convolutionized)
        arrays: dict[str, Any] = {
            f"{layer}/{part}": array for layer, parts in conversion.weights.items() for part, array in parts.items()
        }
        with replacing(out) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)

        # 3. what became of them
        print(conversion)
        difference = largest_difference(conversion, encoder)
        print(
            "not compared with torchvision's network, which cannot be imported here"
            if difference is None
            else f"largest difference of the features from torchvision's: {difference:.1e} of the largest"
        )
        chosen = "" if self.encoder is None else f" --encoder {self.encoder}"
        print(f"wrote {out}; use it with kseg train --model {self.model}{chosen} --weights {out}")
        return 0
