"""Bilinear enlargement of a feature, from where its windows really lie."""

from kseg.layers import AlignedUpsample, BilinearUpsample
from kseg.models.crop_to import crop_to


def enlarged(x, stride, *, name, centered, like=None, dtype=None):
    """`x` enlarged by `stride`.

    Args:
      centered: position i of the feature is pixel s·i (ResNet, and encoders told so), not the middle of s pixels.
      like: crops to the size of this map, where a centered feature of k + 1 rows became one of s·(k + 1).
    """
    kind = AlignedUpsample if centered else BilinearUpsample
    x = kind(stride, dtype=dtype, name=name)(x)
    return x if like is None else crop_to(like, x, name=f"{name}_crop")
