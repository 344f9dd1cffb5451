"""Cropping a map to the size of another, with fixed numbers where the sizes are known."""

from keras import layers

from kseg.layers import CropLike


def crop_to(like, x, *, name="crop"):
    """The top left of `x`, as high and wide as `like`, or all of `x` where it is smaller.

    It depends on `like` only if its size is not known.
    """
    if None in like.shape[1:3]:
        return CropLike(name=name)([x, like])
    surplus = [max(0, have - want) for have, want in zip(x.shape[1:3], like.shape[1:3], strict=True)]
    if not any(surplus):
        return x
    return layers.Cropping2D(tuple((0, size) for size in surplus), name=name)(x)
