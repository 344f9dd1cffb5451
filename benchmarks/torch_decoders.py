"""Decoders and pyramids of kseg in PyTorch, layer for layer, on the encoders of `torch_models.py`."""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F
from torch_models import DEPTHS, ResNet, conv_bn


def block(before: int, width: int, kernel: int = 3, rate: int = 1) -> nn.Sequential:
    return nn.Sequential(*conv_bn(before, width, kernel, rate=rate), nn.ReLU(inplace=True))


def separable(before: int, width: int, rate: int = 1) -> nn.Sequential:
    depthwise = conv_bn(before, before, 3, groups=before, rate=rate)
    return nn.Sequential(*depthwise, nn.ReLU(inplace=True), block(before, width, 1))


def enlarged(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


class UNet2015(nn.Module):
    """U-Net with mirrored borders of 92 pixels, and more up to a side of 16·b + 124."""

    def __init__(self, w: int = 64) -> None:
        super().__init__()

        def stage(before: int, width: int) -> nn.Sequential:
            parts = [nn.Conv2d(before, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()]
            return nn.Sequential(*parts)

        widths = [w << level for level in range(5)]
        self.down = nn.ModuleList(stage(*pair) for pair in zip([3, *widths], widths, strict=False))
        pairs = [(2 * width, width) for width in reversed(widths[:-1])]
        self.widen = nn.ModuleList(nn.ConvTranspose2d(*pair, 2, 2) for pair in pairs)
        self.up = nn.ModuleList(stage(*pair) for pair in pairs)
        self.dropout, self.score = nn.Dropout(0.5), nn.Conv2d(w, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (92, 92 + (-12 - width) % 16, 92, 92 + (-12 - height) % 16), mode="reflect")
        skips = []
        for level, part in enumerate(self.down):
            x = part(F.max_pool2d(x, 2) if level else x)
            x = self.dropout(x) if level >= 3 else x
            skips.append(x)
        for widen, part, skip in zip(self.widen, self.up, reversed(skips[:-1]), strict=True):
            x = widen(x)
            cut = (skip.shape[2] - x.shape[2]) // 2
            x = part(torch.cat([skip[:, :, cut:-cut, cut:-cut], x], dim=1))
        return self.score(x)[:, :, :height, :width]


class SegNet(nn.Module):
    """VGG16's convolutions with normalization, and their mirror behind unpooling."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, before = nn.ModuleList(), nn.ModuleList(), 3
        widths = (64, 128, 256, 512, 512)
        for count, width in zip((2, 2, 3, 3, 3), widths, strict=True):
            self.down.append(self.stage([before, *[width] * count]))
            before = width
        for count, width, last in zip((3, 3, 3, 2), widths[:0:-1], widths[-2::-1], strict=True):
            self.up.append(self.stage([*[width] * count, last]))
        self.up.append(nn.Sequential(self.stage([64, 64]), nn.Conv2d(64, 1, 3, padding=1)))

    @staticmethod
    def stage(widths: Sequence[int]) -> nn.Sequential:
        parts: list[nn.Module] = []
        for before, width in zip(widths[:-1], widths[1:], strict=True):
            parts += [*conv_bn(before, width, 3, bias=True), nn.ReLU(inplace=True)]
        return nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = []
        for part in self.down:
            x, place = F.max_pool2d(part(x), 2, return_indices=True)
            places.append(place)
        for part, place in zip(self.up, reversed(places), strict=True):
            x = part(F.max_unpool2d(x, place, 2))
        return x


class SegNetBasic(nn.Module):
    def __init__(self, w: int = 64) -> None:
        super().__init__()
        self.norm = nn.LocalResponseNorm(5)
        self.down = nn.ModuleList(
            nn.Sequential(*conv_bn(before, w, 7), nn.ReLU(inplace=True)) for before in (3, w, w, w)
        )
        self.up = nn.ModuleList(nn.Sequential(*conv_bn(w, w, 7)) for _ in range(4))
        self.classifier = nn.Conv2d(w, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, places = self.norm(x), []
        for part in self.down:
            x, place = F.max_pool2d(part(x), 2, return_indices=True)
            places.append(place)
        for part, place in zip(self.up, reversed(places), strict=True):
            x = part(F.max_unpool2d(x, place, 2))
        return self.classifier(x)


class LinkNet(nn.Module):
    def __init__(self, w: int = 64) -> None:
        super().__init__()
        self.encoder = ResNet(DEPTHS["resnet50"])
        c = self.encoder.channels
        self.blocks = nn.ModuleList([self.decoder(c[2 * s], c[s], 2) for s in (16, 8, 4)] + [self.decoder(c[4], w, 1)])
        self.final1, self.final2 = self.transposed(w, w // 2), block(w // 2, w // 2)
        self.score = nn.ConvTranspose2d(w // 2, 1, 2, 2)

    @staticmethod
    def transposed(before: int, width: int) -> nn.Sequential:
        convolution = nn.ConvTranspose2d(before, width, 3, 2, padding=1, output_padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(width, eps=1e-3), nn.ReLU(inplace=True))

    def decoder(self, before: int, width: int, stride: int) -> nn.Sequential:
        quarter = before // 4
        middle = self.transposed(quarter, quarter) if stride == 2 else block(quarter, quarter)
        return nn.Sequential(block(before, quarter, 1), middle, block(quarter, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.encoder(x)
        y = features[32]
        for part, stride in zip(self.blocks, (16, 8, 4), strict=False):
            y = part(y) + features[stride]
        return self.score(self.final2(self.final1(self.blocks[3](y))))


class FPN(nn.Module):
    def __init__(self, p: int = 256, h: int = 128) -> None:
        super().__init__()
        self.encoder = ResNet(DEPTHS["resnet50"])
        levels = (32, 16, 8, 4)
        self.laterals = nn.ModuleList(nn.Conv2d(self.encoder.channels[s], p, 1) for s in levels)
        self.outputs = nn.ModuleList(nn.Conv2d(p, p, 3, padding=1) for _ in levels)
        self.heads = nn.ModuleList(self.head(p, h, stages) for stages in (3, 2, 1, 0))
        self.score = nn.Conv2d(h, 1, 1)

    @staticmethod
    def head(before: int, h: int, stages: int) -> nn.Sequential:
        parts: list[nn.Module] = []
        for _ in range(max(1, stages)):
            parts += [nn.Conv2d(before, h, 3, padding=1, bias=False), nn.GroupNorm(32, h), nn.ReLU(inplace=True)]
            parts += [nn.UpsamplingBilinear2d(scale_factor=2)] if stages else []
            before = h
        return nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features, y, total = self.encoder(x), None, 0
        for stride, lateral, output, head in zip(
            (32, 16, 8, 4), self.laterals, self.outputs, self.heads, strict=True
        ):  # fmt: skip
            across = lateral(features[stride])
            y = across if y is None else across + F.interpolate(y, scale_factor=2)
            total = total + head(output(y))
        return enlarged(self.score(total), x)


class PSPNet(nn.Module):
    def __init__(self, f: int = 2048, w: int = 512) -> None:
        super().__init__()
        self.encoder = ResNet(DEPTHS["resnet50"], 8)
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(bins), block(f, f // 4, 1)) for bins in (1, 2, 3, 6)
        )
        self.last = nn.Sequential(block(2 * f, w), nn.Dropout(0.1), nn.Conv2d(w, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        feature = self.encoder(x)[32]
        parts = [enlarged(level(feature), feature) for level in self.levels]
        return enlarged(self.last(torch.cat([feature, *parts], dim=1)), x)


class DeepLabV3(nn.Module):
    """At output stride 16; `plus`: separable, and joined with the feature at 1/4."""

    def __init__(self, plus: bool = False, f: int = 2048, w: int = 256) -> None:
        super().__init__()
        self.encoder, self.plus = ResNet(DEPTHS["resnet50"], 16, (1, 2, 4)), plus
        dilated = [separable(f, w, rate) if plus else block(f, w, 3, rate) for rate in (6, 12, 18)]
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), block(f, w, 1))
        self.branches = nn.ModuleList([block(f, w, 1), *dilated])
        self.projection, self.dropout = block(5 * w, w, 1), nn.Dropout(0.1)
        self.low = block(self.encoder.channels[4], 48, 1) if plus else None
        self.decoder = nn.Sequential(separable(w + 48, w), separable(w, w)) if plus else None
        self.score = nn.Conv2d(w, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.encoder(x)
        last = features[32]
        pooled = self.pooled(last).expand(-1, -1, *last.shape[2:])
        y = self.projection(torch.cat([pooled, *(branch(last) for branch in self.branches)], dim=1))
        if self.plus:
            low = self.low(features[4])
            y = self.decoder(torch.cat([enlarged(y, low), low], dim=1))
        return enlarged(self.score(self.dropout(y)), x)


class DeepLabResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet(DEPTHS["resnet101"], 8)
        self.branches = nn.ModuleList(nn.Conv2d(2048, 1, 3, padding=r, dilation=r) for r in (6, 12, 18, 24))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = self.encoder(x)[32]
        return enlarged(sum(branch(last) for branch in self.branches), x)


class LargeFOV(nn.Module):
    def __init__(self, w: int = 1024) -> None:
        super().__init__()
        parts, before = [], 3
        for place, (count, width) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1):
            for _ in range(count):
                rate = 2 if place == 5 else 1
                parts += [nn.Conv2d(before, width, 3, padding=rate, dilation=rate), nn.ReLU(inplace=True)]
                before = width
            parts.append(nn.MaxPool2d(3, 2 if place < 4 else 1, padding=1))
        parts.append(nn.AvgPool2d(3, 1, padding=1, count_include_pad=False))
        for kernel, rate in ((3, 12), (1, 0)):
            parts += [nn.Conv2d(before, w, kernel, padding=rate, dilation=max(1, rate)), nn.ReLU(inplace=True)]
            parts.append(nn.Dropout(0.5))
            before = w
        self.parts = nn.Sequential(*parts, nn.Conv2d(w, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return enlarged(self.parts(x), x)


DECODERS: dict[str, Callable[[], nn.Module]] = {
    "unet2015": UNet2015,
    "segnet": SegNet,
    "segnet_basic": SegNetBasic,
    "linknet:resnet50": LinkNet,
    "fpn:resnet50": FPN,
    "pspnet:resnet50": PSPNet,
    "deeplabv3:resnet50": DeepLabV3,
    "deeplabv3plus:resnet50": lambda: DeepLabV3(plus=True),
    "deeplab_resnet101:resnet101": DeepLabResNet,
    "deeplab_largefov": LargeFOV,
}
