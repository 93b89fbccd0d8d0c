"""A safetensors file for test/formats/safetensors.test.ts, written by Hugging Face's own library (0.8.0): base64, with the values in it.

    python3 test/golden/safetensors-file.py > test/golden/safetensors-file.json
"""

import base64
import json

import torch
from safetensors.torch import load, save

values = {
    "double": ("float64", [1.5, -2, 5e300], [3]),
    "single": ("float32", [0.5, -1.5, 3, 4, 5, 6], [3, 2]),
    "half": ("float16", [1, -0.5, 65504, 2**-24, 2**-14, 0], [6]),
    "bfloat": ("bfloat16", [1, -0.5, 3.140625, 1e38], [2, 2]),
    "long": ("int64", [-1, 2**53 - 1], [2]),
    "int": ("int32", [-1, 2**31 - 1], [2]),
    "short": ("int16", [-1, 2**15 - 1], [2]),
    "byte": ("uint8", [0, 255, 7], [3]),
    "signed byte": ("int8", [-128, 127], [2, 1]),
    "flag": ("bool", [1, 0, 1], [3]),
    "scalar": ("float32", [7.25], []),
    "empty": ("float32", [], [0, 5]),
    "__proto__": ("uint8", [1], [1]),
    'quotes " and \u00fcml\u00e4ut': ("float32", [1], [1]),
}
tensors = {
    name: torch.tensor(data, dtype=torch.float64).to(getattr(torch, type)).reshape(shape)
    for name, (type, data, shape) in values.items()
}
file = save(tensors, {"made": 'by "hand"', "__proto__": "a name"})
print(
    json.dumps(
        {
            "file": base64.b64encode(file).decode(),
            "tensors": [
                {"name": name, "shape": list(t.shape), "values": t.double().flatten().tolist()}
                for name, t in load(file).items()
            ],
        },
        indent=1,
    )
)
