"""Segmentation networks of PyTorch's libraries, unchanged: torchvision, segmentation_models.pytorch (0.6)."""

from collections.abc import Callable

from torch import Tensor, nn

from kseg.encoders.torchvision_models import torchvision_models


class Segmenter(nn.Module):
    """A network of torchvision, without the name of its scores."""

    def __init__(self, name: str) -> None:
        super().__init__()
        models = torchvision_models()
        assert models is not None, "pip install torchvision"
        build = getattr(models.segmentation, name)
        self.network = build(weights=None, weights_backbone=None, num_classes=1, aux_loss=None)
        self.encoder = self.network.backbone

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)["out"]


def of_smp(name: str, **options) -> nn.Module:
    torchvision_models()  # first, because timm, which smp imports, imports torchvision
    import segmentation_models_pytorch as smp

    return getattr(smp, name)("resnet50", encoder_weights=None, **options)


LIBRARIES: dict[str, Callable[[], nn.Module]] = {
    "unet:resnet50_torch@smp": lambda: of_smp("Unet"),
    "linknet:resnet50_torch@smp": lambda: of_smp("Linknet"),
    "fpn:resnet50_torch@smp": lambda: of_smp("FPN"),
    "deeplabv3plus:resnet50_torch@smp": lambda: of_smp("DeepLabV3Plus"),
    "deeplabv3:resnet50_torch@torchvision": lambda: Segmenter("deeplabv3_resnet50"),
    "fcn_dilated:resnet50_torch@torchvision": lambda: Segmenter("fcn_resnet50"),
}
"""kseg's network and the library → the library's network. smp's LinkNet, FPN and DeepLabV3Plus have other decoders, and
other numbers of weights, than the papers'."""
