"""MAT-files for test/data/mat.test.ts, written by scipy: base64 by name.

    python3 test/golden/mat.py > test/golden/mat.json
"""

import base64
import io
import json

import numpy as np
import scipy.io
import scipy.sparse

numbers = {
    "double": np.array([[1.5, 2, -3], [4, 5e300, 6]]),
    "single": np.array([[0.5, 1.5]], np.float32),
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "empty": np.zeros((0, 3)),
}
for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
    numbers[name] = np.array([[1], [np.iinfo(name).max if "64" not in name else 2**53]], name)
numbers["logical"] = np.array([[True, False, True]])
others = {
    "y": np.array([[1.0], [2]]),
    "text": "words",
    "cells": np.array([1, "a"], object),
    "record": {"a": 1},
    "complex": np.array([[1 + 2j]]),
    "sparse": scipy.sparse.csc_matrix(np.eye(2)),
}
images = {"y": np.array([[3.0], [1], [2], [1]]), "Z": np.arange(48, dtype=np.uint8).reshape(4, 12)}


def packed(variables, **options):
    file = io.BytesIO()
    scipy.io.savemat(file, variables, **options)
    return base64.b64encode(file.getvalue()).decode()


print(
    json.dumps(
        {
            "numbers": packed(numbers),
            "compressed": packed(numbers, do_compression=True),
            "others": packed(others, do_compression=True),
            "images": packed(images, do_compression=True),
            "level4": packed({"y": np.eye(2)}, format="4"),
        },
        indent=1,
    )
)
