"""kseg: train, measure and compare segmentation losses in Keras."""

from importlib.metadata import PackageNotFoundError, version

from wrapt import when_imported

try:
    __version__ = version("kseg")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


@when_imported("tensorflow_datasets")
def _register_tfds_builders(_tfds) -> None:
    """`import kseg` makes `tfds.load("lfw_parts")` work without importing TensorFlow Datasets itself."""
    import kseg.datasets.builders  # noqa: F401
