"""Every test: the slowest files first, and no more threads and compiler passes than a test has use for."""

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

# Processes that the tests start take these over. Two pytest workers keep two cores busy with one thread each, and
# nobody waits for what XLA would make of a tiny network at leisure.
for _variable in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
# tf2onnx copies its whole graph before every pass, to go back where a pass fails; here such a pass fails a test.
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")

# Before anything imports TensorFlow: after it, some builds of torchvision end the process.
with suppress(ImportError, RuntimeError):
    import torchvision  # noqa: F401

SLOW = (
    "encoders/test_encoder_features.py", "export/test_export_formats.py", "lab/test_on_ray.py", "training/test_run.py",
    "models/test_model_contract.py", "losses/test_contract.py", "training/test_backends.py", "models/test_deeplabv3.py",
    "losses/test_fit.py", "tasks/test_instance_loss.py", "training/test_graded.py", "lab/test_jobs.py",
    "tasks/test_panoptic_loss.py", "models/test_scales.py", "training/test_resume.py", "losses/test_nonsense.py",
    "metrics/test_streaming_metrics.py", "tasks/test_instance_backends.py", "losses/test_replicas.py",
    "tasks/test_whole_networks.py", "datasets/test_odd_objects.py", "bad_input/test_bad_input.py",
    "models/test_model_backends.py", "layers/test_layer_contract.py", "test_documents.py", "lab/test_pool.py",
    "encoders/test_convert.py", "losses/test_backends.py", "losses/test_properties.py", "training/test_compilation.py",
)  # fmt: skip
"""Files that take longest, in the order in which workers get them: the last to end is then a short one."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    def rank(item):
        path = item.path.as_posix()
        return next((place for place, name in enumerate(SLOW) if path.endswith(name)), len(SLOW))

    items.sort(key=rank)  # stable: the rest keeps its order


def optimize_graphs(wanted: bool) -> None:
    """Whether TensorFlow optimizes graphs before it runs them: of a tiny network that takes longer than to run it."""
    if tensorflow := sys.modules.get("tensorflow"):
        tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": not wanted})


@pytest.fixture
def optimized_graphs():
    """For a test that compares bits with a process of its own, whose graphs are optimized as a user's are."""
    optimize_graphs(True)
    yield
    optimize_graphs(False)


@pytest.fixture
def without_graphs():
    """For trainings of few steps: the graph of a large network takes longer to trace than its steps to run."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """What is imported by now stays to the end: the collections that follow, `clear_session`'s above all, skip it."""
    optimize_graphs(False)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def reference_values(name):
    """Arrays that independent implementations computed; skips where their folder is not named."""
    named, data = os.environ.get("KSEG_ORACLES"), os.environ.get("KSEG_DATA")
    folder = Path(named) if named else Path(data).parent / "oracles" if data else None
    if folder is None or not (folder / name).is_file():
        pytest.skip("no reference values: set KSEG_ORACLES, or KSEG_DATA with oracles/ beside it")
    return np.load(folder / name)


@pytest.fixture(scope="session")
def oracles():
    return reference_values("reference_seed0.npz")


@pytest.fixture(scope="session")
def detection_oracle():
    return reference_values("detection_seed0.npz")
