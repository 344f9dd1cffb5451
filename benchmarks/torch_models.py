"""The architectures of kseg as PyTorch has them: layer for layer, as many weights, for `models.py` to time."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

Features = dict[int, torch.Tensor]


class VGG16(nn.Module):
    channels = {8: 256, 16: 512, 32: 512}

    def __init__(self) -> None:
        super().__init__()
        blocks, before = [], 3
        for convolutions, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
            parts: list[nn.Module] = []
            for _ in range(convolutions):
                parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
            blocks.append(nn.Sequential(*parts, nn.MaxPool2d(2)))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> Features:
        features = {}
        for block, part in enumerate(self.blocks, start=1):
            x = features[2**block] = part(x)
        return features


class AlexNet(nn.Module):
    channels = {32: 256}

    def __init__(self) -> None:
        super().__init__()
        pool = [nn.MaxPool2d(3, 2, padding=1)]
        self.parts = nn.Sequential(
            nn.Conv2d(3, 96, 11, 4, padding=4), nn.ReLU(), nn.LocalResponseNorm(5), *pool,
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5), *pool,
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), *pool,
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> Features:
        return {32: self.parts(x)}


def conv_bn(
    before: int, width: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False, rate: int = 1, eps=1e-3
) -> list[nn.Module]:
    padding = rate * (kernel // 2)
    convolution = nn.Conv2d(before, width, kernel, stride, padding, dilation=rate, groups=groups, bias=bias)
    return [convolution, nn.BatchNorm2d(width, eps=eps)]


class Bottleneck(nn.Module):
    """With the stride in the first 1×1 convolution and biases, as in Keras."""

    def __init__(self, before: int, width: int, stride: int, widens: bool, rate: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *conv_bn(before, width, 1, stride, bias=True), nn.ReLU(inplace=True),
            *conv_bn(width, width, 3, bias=True, rate=rate), nn.ReLU(inplace=True),
            *conv_bn(width, 4 * width, 1, bias=True),
        )  # fmt: skip
        self.shortcut = nn.Sequential(*conv_bn(before, 4 * width, 1, stride, bias=True)) if widens else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class ResNet(nn.Module):
    channels = {4: 256, 8: 512, 16: 1024, 32: 2048}

    def __init__(self, blocks: Sequence[int], output_stride: int = 32, grid: Sequence[int] = (1, 1, 1)) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, 64, 7, 2, bias=True), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        stages, before = [], 64
        for stage, count in enumerate(blocks):
            width, stride = 64 << stage, 1 if stage == 0 or 4 << stage > output_stride else 2
            rates = [max(1, (4 << stage) // output_stride)] * count
            if rates[0] > 1 and stage == 3:  # DeepLab v3's multi-grid
                rates = [rate * factor for rate, factor in zip(rates, grid, strict=True)]
            parts = [Bottleneck(before, width, stride, True, rates[0])]
            parts += [Bottleneck(4 * width, width, 1, False, rate) for rate in rates[1:]]
            stages.append(nn.Sequential(*parts))
            before = 4 * width
        self.stages = nn.ModuleList(stages)

    def forward(self, x: torch.Tensor) -> Features:
        x, features = self.stem(x), {}
        for stage, part in enumerate(self.stages):
            x = features[4 << stage] = part(x)
        return features


class Inverted(nn.Module):
    """MobileNetV2's block; kseg's encoder takes its widest tensor as the feature before a reduction."""

    def __init__(self, before: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = nn.Sequential(*conv_bn(before, wide, 1), nn.ReLU6()) if expansion > 1 else nn.Identity()
        self.rest = nn.Sequential(*conv_bn(wide, wide, 3, stride, groups=wide), nn.ReLU6(), *conv_bn(wide, width, 1))
        self.adds = stride == 1 and before == width

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = self.expand(x)
        y = self.rest(wide)
        return (x + y if self.adds else y), wide


class MobileNetV2(nn.Module):
    channels = {4: 144, 8: 192, 16: 576, 32: 1280}

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, 32, 3, 2), nn.ReLU6())
        blocks, before = [], 32
        for expansion, width, count, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
        ):  # fmt: skip
            for index in range(count):
                blocks.append(Inverted(before, width, stride if index == 0 else 1, expansion))
                before = width
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(*conv_bn(320, 1280, 1), nn.ReLU6())

    def forward(self, x: torch.Tensor) -> Features:
        x, stride, features = self.stem(x), 2, {}
        for block in self.blocks:
            before, (x, wide) = x, block(x)
            if x.shape[-1] < before.shape[-1]:
                features[stride] = wide
                stride *= 2
        return {**features, 32: self.last(x)}


class FCN(nn.Module):
    """An encoder, fc6 and fc7 made convolutional, a score, and upsampling with or without skips."""

    def __init__(self, encoder, kernel: int, width: int, *, fc7=True, strides=(), dropout=0.0, bias=False) -> None:
        super().__init__()
        self.encoder, self.strides = encoder, strides
        layers: list[nn.Module] = [nn.Conv2d(encoder.channels[32], width, kernel, padding="same"), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
        if fc7:
            layers += [nn.Conv2d(width, width, 1), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
        self.head = nn.Sequential(*layers, nn.Conv2d(width, 1, 1))
        self.scores = nn.ModuleList(nn.Conv2d(encoder.channels[stride], 1, 1) for stride in strides)
        self.twice = nn.ModuleList(nn.ConvTranspose2d(1, 1, 4, 2, 1, bias=False) for _ in strides)
        last = min((32, *strides))
        self.upscore = nn.ConvTranspose2d(1, 1, 2 * last, last, last // 2, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.encoder(x)
        y = self.head(features[32])
        for stride, score, twice in zip(self.strides, self.scores, self.twice, strict=True):
            y = twice(y) + score(features[stride])
        return self.upscore(y)


def stage(before: int, width: int) -> nn.Module:
    parts = [*conv_bn(before, width, 3), nn.ReLU(inplace=True), *conv_bn(width, width, 3), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts)


class UNet(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(stage(*pair) for pair in ((3, w), (w, 2 * w), (2 * w, 4 * w)))
        self.bottom = stage(4 * w, 4 * w)
        self.up = nn.ModuleList(stage(*pair) for pair in ((8 * w, 2 * w), (4 * w, w), (2 * w, w)))
        self.classifier = nn.Conv2d(w, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for part in self.down:
            skips.append(part(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for part, skip in zip(self.up, reversed(skips), strict=True):
            x = part(torch.cat([skip, F.interpolate(x, scale_factor=2)], dim=1))
        return self.classifier(x)


class UNetMobileNetV2(nn.Module):
    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.encoder = MobileNetV2()
        self.laterals = nn.ModuleList(nn.Conv2d(self.encoder.channels[s], width, 1) for s in (32, 16, 8, 4))
        self.decoders = nn.ModuleList(nn.Sequential(*conv_bn(width, width, 3), nn.ReLU(inplace=True)) for _ in range(3))
        self.score = nn.Conv2d(width, 16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.encoder(x)
        y = self.laterals[0](features[32])
        for stride, lateral, decoder in zip((16, 8, 4), self.laterals[1:], self.decoders, strict=True):
            y = decoder(F.interpolate(y, scale_factor=2) + lateral(features[stride]))
        return F.pixel_shuffle(self.score(y), 4)


DEPTHS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}

ENCODERS = {
    "alexnet": AlexNet,
    "vgg16": VGG16,
    "resnet50": lambda: ResNet(DEPTHS["resnet50"]),
    "resnet101": lambda: ResNet(DEPTHS["resnet101"]),
    "mobilenetv2": MobileNetV2,
}

HEADS = {"alexnet": (6, 4096), "vgg16": (7, 4096), "resnet50": (3, 512), "resnet101": (3, 512), "mobilenetv2": (3, 256)}
"""fc6's kernel and width in the fcn networks."""


def build(model: str, encoder: str | None) -> nn.Module:
    """The network with kseg's default options and frozen layers, batch normalization of encoders among them."""
    if model == "unet":
        return UNet(64)
    if model == "unet_mobilenetv2":
        network: nn.Module = UNetMobileNetV2()
    elif model == "bfcn32s":
        network = FCN(VGG16(), 7, 4096, bias=True)
    elif model == "fcresnet":
        network = FCN(ENCODERS["resnet50"](), 7, 4096, fc7=False, bias=True)
    elif model == "fcmobilenet":
        network = FCN(MobileNetV2(), 7, 256, bias=True)
    else:
        name = encoder or ("alexnet" if model == "fcn32s_alexnet" else "vgg16")
        strides = {"fcn16s": (16,), "fcn8s": (16, 8)}.get(model, ())
        network = FCN(ENCODERS[name](), *HEADS[name], strides=strides, dropout=0.5)
        network.upscore.requires_grad_(name not in ("alexnet", "vgg16"))
    freeze(model, network.encoder)
    return network


def freeze(model: str, encoder: nn.Module) -> None:
    if model == "bfcn32s":
        encoder.blocks[:4].requires_grad_(False)
    elif model == "fcresnet":
        encoder.stem.requires_grad_(False)
        encoder.stages[:3].requires_grad_(False)
    elif isinstance(encoder, MobileNetV2):
        encoder.requires_grad_(False)
    freeze_normalization(encoder)


def freeze_normalization(encoder: nn.Module) -> None:
    for part in encoder.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.requires_grad_(False)


def train_mode(network: nn.Module) -> None:
    """Dropout and the decoder's batch normalization as in training; the encoder's keeps its statistics."""
    network.train()
    if hasattr(network, "encoder"):
        network.encoder.eval()


def count(network: nn.Module) -> int:
    """Weights as Keras counts them: with the moving statistics."""
    statistics = [part for name, part in network.named_buffers() if "running" in name]
    return sum(part.numel() for part in [*network.parameters(), *statistics])
