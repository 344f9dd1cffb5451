"""kseg: train, measure and compare segmentation losses in Keras."""

from importlib.metadata import PackageNotFoundError, version

from wrapt import when_imported

try:
    __version__ = version("kseg")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


@when_imported("keras")
def _register_what_models_are_saved_with(_keras) -> None:
    """`import kseg` is enough for `keras.models.load_model`, and does not import Keras itself.

    These rooms import only Keras and the ground floor. Keras may therefore be imported first by any file of kseg, also
    by a file of these rooms, and no room meets another that is half imported.
    """
    import kseg.layers
    import kseg.losses
    import kseg.metrics  # noqa: F401


@when_imported("tensorflow_datasets")
def _register_tfds_builders(_tfds) -> None:
    """`import kseg` makes `tfds.load("lfw_parts")` work without importing TensorFlow Datasets itself."""
    import kseg.datasets.builders  # noqa: F401
