"""Bilinear upsampling of a feature by the true centers of its windows."""

from kseg.layers import AlignedUpsample, BilinearUpsample
from kseg.models.crop_to import crop_to


def enlarged(x, stride, *, name, centered, like=None, dtype=None):
    """`x` upsampled by `stride`.

    Args:
      centered: whether position i of the feature is pixel s·i (ResNet, and other encoders on demand) instead of the
        center of s pixels.
      like: crop to the size of this map, since a centered feature of k + 1 rows becomes one of s·(k + 1).
    """
    kind = AlignedUpsample if centered else BilinearUpsample
    x = kind(stride, dtype=dtype, name=name)(x)
    return x if like is None else crop_to(like, x, name=f"{name}_crop")
