"""Run as `python load_worker.py FOLDER`: loads FOLDER/*.keras with no other import of kseg than `import kseg`.

Writes values.json beside them: for every model the text of its loss and the loss on the batch in batch.npz.
"""

import json
import sys
from pathlib import Path

import kseg  # noqa: F401  all that a person who loads a model has to know

assert "keras" not in sys.modules, "the command line imports kseg before it knows whether it needs Keras"

import keras  # noqa: E402
import numpy as np  # noqa: E402

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    data, found = np.load(folder / "batch.npz"), {}
    for path in sorted(folder.glob("*.keras")):
        loss = keras.models.load_model(path).loss
        problem = path.stem.split(",")[1]
        value = loss(data[f"{problem}_labels"], data[f"{problem}_logits"])
        found[path.stem] = [type(loss).__name__, loss.name, float(value)]
    (folder / "values.json").write_text(json.dumps(found))
