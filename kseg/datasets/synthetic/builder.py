"""The synthetic portraits as TFDS data set `synthetic_portraits`: configs hair, no_hair and parts."""

from kseg.datasets.builders.base import FaceBuilder, face_configs


class SyntheticPortraits(FaceBuilder):
    """`tfds.load("synthetic_portraits/parts", data_dir=…)`; for other sizes and counts use kseg's own pipeline."""

    dataset = "synthetic"
    BUILDER_CONFIGS = face_configs("synthetic", splits={"": {}})
