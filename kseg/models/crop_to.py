"""Cropping a map to the size of another, with fixed numbers where the sizes are known."""

from keras import layers

from kseg.layers import CropLike


def crop_to(like, x, *, name="crop"):
    """The top left of `x` at the height and width of `like`, or all of `x` where it is smaller.

    The result depends on `like` only if the size of `like` is unknown.
    """
    if None in like.shape[1:3]:
        return CropLike(name=name)([x, like])
    surplus = [max(0, have - want) for have, want in zip(x.shape[1:3], like.shape[1:3], strict=True)]
    if not any(surplus):
        return x
    return layers.Cropping2D(tuple((0, size) for size in surplus), name=name)(x)
