"""The weights of PyTorch networks for test/train/load-weights.test.ts, with inputs and outputs: safetensors files, base64.

    python3 test/golden/pytorch-weights.py > test/golden/pytorch-weights.json
"""

import base64
import json

import torch
from safetensors.torch import save
from torch import nn

torch.manual_seed(2)


class Digits(nn.Module):
    """Images that are not square, flattened with their channels first, then normalized rows before the dense layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(3, 4, (3, 3), stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm1d(4 * 2 * 1)
        self.fc1 = nn.Linear(4 * 2 * 1, 5)
        self.fc2 = nn.Linear(5, 3)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        x = torch.tanh(self.conv2(x)).flatten(1)
        return self.fc2(torch.relu(self.fc1(self.bn2(x))))


net = Digits()
for _ in range(5):
    net(torch.randn(16, 2, 8, 4) + 0.5)
net.eval()
x = torch.randn(3, 2, 8, 4)
with torch.no_grad():
    y = net(x)
print(
    json.dumps(
        {
            "file": base64.b64encode(save(net.state_dict())).decode(),
            "x": x.permute(0, 2, 3, 1).flatten().tolist(),
            "y": y.flatten().tolist(),
        },
        indent=1,
    )
)
