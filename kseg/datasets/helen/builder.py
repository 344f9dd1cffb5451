"""HELEN as TFDS data set `helen_parts`: configs hair, no_hair and parts, each also _small and _official."""

from kseg.datasets.builders.base import PAPER_SPLITS, FaceBuilder, face_configs


class HelenParts(FaceBuilder):
    """`tfds.load("helen_parts/no_hair", data_dir=…)`."""

    dataset = "helen"
    BUILDER_CONFIGS = face_configs("helen", splits=PAPER_SPLITS)
