"""What needs a process of its own: another backend without TensorFlow, and a real strategy over two devices."""

import os
import textwrap

import pytest
import warm

HERE = os.path.dirname(__file__)


def run(script, *, backend="tensorflow"):
    path = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")])
    done = warm.run(["-c", textwrap.dedent(script)], timeout=600, PYTHONPATH=path, backend=backend)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_features_and_arrays_on_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    script = """
        import sys

        assert "tensorflow" not in sys.modules  # Keras on JAX has not imported it

        class NoTensorFlow:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] == "tensorflow":
                    raise ImportError("there is no TensorFlow here")


        sys.meta_path.insert(0, NoTensorFlow())
        import keras
        import numpy as np
        from conftest import Drawn
        from tiny_encoder import tiny_network

        from kseg.tasks.semantic import SemanticLoss
        from kseg.metrics import PixelAccuracy
        from kseg.pipeline import ImageSource
        from kseg.pipeline.arrays import BatchSequence
        from kseg.pipeline.features import cached_features
        from kseg.pipeline.frozen import split_frozen
        from kseg.training.trained import Objective, Trained

        keras.config.set_dtype_policy("mixed_bfloat16")
        extractor, head = split_frozen(tiny_network())
        drawn = Drawn()
        source = ImageSource(drawn, drawn.records("train"), (16, 16))
        features = cached_features(extractor, source, FOLDER, progress=False)
        trained = Trained(head)
        objective = Objective(SemanticLoss("bce + iou", reduction="mean"), [PixelAccuracy(from_logits=True)])
        trained.prepare(objective, optimizer="adam", jit_compile=True)
        history = trained.fit(BatchSequence(features, 3), steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
        logs = {name: np.array(values) for name, values in history.history.items()}
        print(keras.backend.backend(), *logs, len(logs["loss"]), np.isfinite(list(logs.values())).all())
        assert np.allclose(logs["loss"], logs["loss_bce"] + logs["loss_iou"], rtol=1e-4)
    """
    assert run(script.replace("FOLDER", repr(str(tmp_path))), backend="jax") == [
        "jax accuracy loss loss_bce loss_iou 2 True"
    ]


def test_two_replicas_share_each_global_batch():
    """The real strategy: each replica gets its half, an odd end of an epoch included."""
    pytest.importorskip("tensorflow")
    script = """
        import numpy as np
        import tensorflow as tf
        from conftest import Drawn

        from kseg.pipeline import ImageSource, batch_indices, distributed_batches

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        drawn = Drawn()
        source = ImageSource(drawn, drawn.records("train"))
        stream = zip(distributed_batches(strategy, source, 4, seed=3), batch_indices(7, 4, seed=3))
        for _, ((images, _), (_, indices)) in zip(range(4), stream):
            halves = [part.numpy()[:, 0, 0, 0].tolist() for part in strategy.experimental_local_results(images)]
            assert sum(halves, []) == indices.tolist(), (halves, indices)
            print(*map(len, halves))
        del stream  # TensorFlow reads ahead through Python: an iterator that outlives the interpreter waits for ever
    """
    assert run(script) == ["2 2", "2 1", "2 2", "2 1"]
