"""LFW Part Labels as TFDS data set `lfw_parts`: configs hair, no_hair and parts, each also _small and _official."""

from kseg.datasets.builders.base import PAPER_SPLITS, FaceBuilder, face_configs


class LfwParts(FaceBuilder):
    """`tfds.load("lfw_parts/hair_small", data_dir=…)`."""

    dataset = "lfw"
    BUILDER_CONFIGS = face_configs("lfw", splits=PAPER_SPLITS)
