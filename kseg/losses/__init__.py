"""Segmentation losses: one idea per file, a pure function and a thin `keras.losses.Loss` each."""
