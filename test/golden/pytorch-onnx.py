"""ONNX files for test/formats/onnx.test.ts, written by both of PyTorch's exporters (2.13; onnx 1.23, onnxscript 0.7): base64, with inputs and outputs.

    python3 test/golden/pytorch-onnx.py > test/golden/pytorch-onnx.json
"""

import base64
import io
import json
import os
import tempfile

import onnx
import torch
from torch import nn

torch.manual_seed(1)


class Digits(nn.Module):
    """All that has a layer there, on images that are not square; statistics that are not those of the start."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.conv3 = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.dense1 = nn.Linear(4 * 2 * 1, 5)
        self.dense2 = nn.Linear(5, 3)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.sigmoid(x + self.conv2(x))
        x = torch.tanh(self.conv3(self.norm(x)))
        x = self.dropout(x.flatten(1))
        return torch.softmax(self.dense2(torch.relu(self.dense1(x))), 1)


class Means(nn.Module):
    """A mean of each channel, and a product of matrices without its own bias."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.pool = nn.AvgPool2d(2, 1)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.matrix = nn.Parameter(torch.randn(4, 3))
        self.bias = nn.Parameter(torch.randn(3))

    def forward(self, x):
        x = self.mean(self.pool(torch.relu(self.conv(x))))
        return torch.relu(torch.flatten(x, 1) @ self.matrix + self.bias)


def exported(net, x, dynamo):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.onnx")
        if dynamo:
            torch.onnx.export(net, (x,), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim("N")},), external_data=False)
        else:
            torch.onnx.export(net, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "N"}})
        model = onnx.load(path)
    del model.graph.value_info[:]
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
    return base64.b64encode(model.SerializeToString()).decode()


result = {}
for Net in (Digits, Means):
    net = Net()
    for _ in range(3):
        net(torch.randn(8, 2, 8, 4) if Net is Digits else torch.randn(8, 2, 6, 5))
    net.eval()
    x = torch.randn(2, 2, 8, 4) if Net is Digits else torch.randn(2, 2, 6, 5)
    with torch.no_grad():
        y = net(x)
    for dynamo in (False, True):
        result[f"{Net.__name__} ({'dynamo' if dynamo else 'TorchScript'})"] = {
            "file": exported(net, x, dynamo),
            "x": x.permute(0, 2, 3, 1).flatten().tolist(),
            "inputShape": list(x.permute(0, 2, 3, 1).shape[1:]),
            "y": y.flatten().tolist(),
        }
print(json.dumps(result, indent=1))
