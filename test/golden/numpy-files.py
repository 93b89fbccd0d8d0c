"""Files of arrays for test/formats/npy.test.ts, written by numpy: base64 by name, and what is in them.

    python3 test/golden/numpy-files.py > test/golden/numpy-files.json
"""

import base64
import io
import json

import numpy as np

random = np.random.default_rng(1)
arrays = {
    name: (random.normal(size=(3, 2)) * 100).astype(name)
    for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8")
}
arrays |= {f"u{name}": abs(arrays[name]).astype(f"u{name}") for name in ("int64", "int32", "int16", "int8")}
arrays |= {"bool": np.array([True, False]), "scalar": np.array(2.5), "empty": np.zeros((0, 3), "float32")}
arrays["cube"] = np.arange(24, dtype="int32").reshape(2, 3, 4)
turned = {f"{name} turned": np.asfortranarray(arrays[name]) for name in ("float32", "cube")}
swapped = {f"{name} swapped": arrays[name].astype(arrays[name].dtype.newbyteorder(">")) for name in ("float64", "float16", "int64", "int16", "cube")}
others = {"text": np.array(["a"]), "complex": np.array([1j]), "record": np.zeros(1, [("a", "f4")]), "object": np.array([{}], object)}


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return base64.b64encode(file.getvalue()).decode()


def npz(save):
    file = io.BytesIO()
    save(file, **{name: arrays[name] for name in ("float32", "bool", "scalar")})
    return base64.b64encode(file.getvalue()).decode()


def values(array):
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "values": [str(v) if array.dtype.kind in "iu" else float(v) for v in array.flatten()],
    }


print(
    json.dumps(
        {
            "arrays": {name: npy(a) for name, a in arrays.items()},
            "turned": {name: npy(a) for name, a in (turned | swapped).items()},
            "versions": {str(v): npy(arrays["cube"], (v, 0)) for v in (2, 3)},
            "others": {name: npy(a) for name, a in others.items()},
            "savez": npz(np.savez),
            "savez_compressed": npz(np.savez_compressed),
            "values": {name: values(a) for name, a in (arrays | turned | swapped).items()},
        },
        indent=1,
    )
)
