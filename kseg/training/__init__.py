"""The run: configuration, presets of the papers, optimizers, schedules, checkpoints, callbacks, devices.

`train(TrainConfig(…))` runs all of it. Importing this package loads no framework, so that `--help` is quick.
"""
