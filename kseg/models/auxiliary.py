"""The auxiliary head on an earlier feature, whose loss is added in training (Zhao et al. 2017, section 3.3)."""

from typing import Annotated

from keras import layers

from kseg.layers import AuxiliaryScores
from kseg.models.conv_bn_relu import conv_bn_relu
from kseg.ranges import Range

LossWeight = Annotated[float, Range(least=0, most=100)]


def with_auxiliary(scores, feature, channels, *, weight, dropout):
    """`scores` with an auxiliary head on an earlier `feature` attached; no head for weight 0.

    Layers: those of `auxiliary_head`, and aux.
    """
    if not weight:
        return scores
    return AuxiliaryScores(weight, name="aux")([scores, auxiliary_head(feature, channels, dropout)])


def auxiliary_head(feature, channels, dropout):
    """Scores of an earlier feature (N, h, w, g): 3×3 to g/4, 1×1."""
    x = conv_bn_relu(feature, max(1, feature.shape[-1] // 4), name="aux")
    x = layers.Dropout(dropout, name="aux_drop")(x)
    return layers.Conv2D(channels, 1, name="aux_score")(x)
