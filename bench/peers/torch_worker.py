"""PyTorch's side of the rivals' bench: see worker.ts for the commands, subject.ts for the files that `load` reads.

    python torch_worker.py THREADS [DEVICE [PRECISION]]

Variants are words joined by '+': nchw, channels_last (memory format of weights and images), compile (torch.compile), graph (the whole step is
recorded as a CUDA graph and replayed).
A training step is forward, mean loss, backward, and SGD with momentum (fused); an inference step is forward in inference mode.
"""
import gc
import json
import math
import os
import sys
import time
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from torch_device import Device
from torch_serve import read, serve

warnings.filterwarnings("ignore")
device = Device(*sys.argv[1:])


def peak_kib():
    """The most resident memory of this process; the system's maxrss would begin with that of the process that started it."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


class Graph(nn.Module):
    """Layers that read others by number: -1 is the input."""

    def __init__(self, layers, inputs):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.inputs = inputs

    def forward(self, x):
        outputs = []
        for layer, inputs in zip(self.layers, self.inputs):
            outputs.append(layer(*[x if at < 0 else outputs[at] for at in inputs]))
        return outputs[-1]


class Add(nn.Module):
    def forward(self, *terms):
        result = terms[0]
        for term in terms[1:]:
            result = result + term
        return result


def network(layers, shape):
    """The module of a network: `layers` as steepest lists them, `shape` [h, w, c] or [k] of one input."""
    shapes = {-1: shape, **{i: layer["outputShape"] for i, layer in enumerate(layers)}}
    stages = [modules_of(layer, shapes[layer["inputs"][0]]) for layer in layers]
    inputs = [layer["inputs"] for layer in layers]
    if all(at == [i - 1] for i, at in enumerate(inputs)):
        return nn.Sequential(*[module for stage in stages for module in stage])
    return Graph([stage[0] if len(stage) == 1 else nn.Sequential(*stage) for stage in stages], inputs)


def modules_of(layer, shape):
    """The modules of one layer, for inputs of `shape`."""
    modules = []
    kind, options = layer["kind"], layer["options"]
    if kind == "conv2d":
        size, stride, padding = options["kernelSize"], options["strides"], layer["padding"]
        modules.append(nn.Conv2d(shape[2], options["filters"], size, stride, padding, bias=options["useBias"]))
    elif kind == "dense":
        modules.append(nn.Linear(shape[0], options["units"], bias=options["useBias"]))
    elif kind == "maxPool2d":
        modules.append(nn.MaxPool2d(options["poolSize"], options["strides"]))
    elif kind == "flatten":
        modules.append(nn.Flatten())
    elif kind == "relu":
        modules.append(nn.ReLU())
    elif kind == "batchNorm":
        affine = options["scale"] and options["shift"]
        modules.append(nn.BatchNorm2d(shape[-1], options["epsilon"], 1 - options["momentum"], affine))
    elif kind == "globalAveragePool2d":
        modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    elif kind == "add":
        modules.append(Add())
    else:
        raise ValueError(f"no module for the layer {kind}")
    activation = options.get("activation", "linear")
    if activation == "relu":
        modules.append(nn.ReLU())
    elif activation != "linear":
        raise ValueError(f"no module for the activation {activation}")
    return modules


class Subject:
    """A network, its first weights and its batch, as the files have them."""

    def __init__(self, folder):
        with open(os.path.join(folder, "network.json")) as file:
            self.spec = json.load(file)
        h_w_c = self.spec["inputShape"]
        shape = [h_w_c[2], h_w_c[0], h_w_c[1]] if len(h_w_c) == 3 else h_w_c
        self.parameters = read(folder, "parameters.torch.bin", torch.float32).to(device.place)
        self.x = read(folder, "x.torch.bin", torch.float32).reshape(self.spec["batch"], *shape).to(device.place)
        self.labels = read(folder, "labels.bin", torch.int32).long().to(device.place)
        self.variants = {}

    def variant(self, name):
        if name not in self.variants:
            self.variants[name] = Variant(self, name)
        return self.variants[name]


class Variant:
    def __init__(self, subject, name):
        words = name.split("+")
        spec = subject.spec
        self.subject = subject
        self.module = network(spec["layers"], spec["inputShape"]).to(device.place)
        count = sum(p.numel() for p in self.module.parameters())
        if count != subject.parameters.numel():
            raise ValueError(f"the network has {count} parameters but the file {subject.parameters.numel()}")
        self.x = subject.x.clone()
        if "channels_last" in words:
            self.module = self.module.to(memory_format=torch.channels_last)
            if self.x.dim() == 4:
                self.x = self.x.to(memory_format=torch.channels_last)
        self.net = torch.compile(self.module) if "compile" in words else self.module
        classes = spec["loss"] == "softmaxCrossEntropy"
        self.target = subject.labels if classes else subject.labels.float().reshape(-1, 1)
        self.loss = F.cross_entropy if classes else F.mse_loss
        self.optimizer = torch.optim.SGD(
            self.module.parameters(), spec["learningRate"], momentum=spec["momentum"], fused=True
        )
        self.graph = "graph" in words
        if self.graph:
            self.train, self.infer = self.recorded(self.train), self.recorded(self.infer)
        self.step = self.train if spec["mode"] == "train" else self.infer

    def recorded(self, step):
        """A step as a CUDA graph: what replays it and gives the same tensor each time. It always sees the same images and weights."""
        if not device.cuda:
            raise ValueError("a CUDA graph needs a CUDA device")
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # compiles, chooses algorithms, makes the optimizer's state
                step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)  # so that the gradients are the graph's own
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = step()

        def replay():
            graph.replay()
            return result

        return replay

    def reset(self):
        """The first weights, and an optimizer without a past, in place: a graph reads them where they are."""
        self.optimizer.param_groups[0]["lr"] = self.subject.spec["learningRate"]
        at = 0
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter.copy_(self.subject.parameters[at : at + parameter.numel()].reshape(parameter.shape))
                at += parameter.numel()
            for state in self.optimizer.state.values():
                if state.get("momentum_buffer") is not None:
                    state["momentum_buffer"].zero_()
        for module in self.module.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()

    def mode(self, training):
        if self.module.training != training:
            self.module.train(training)

    def train(self):
        return self.train_on(self.x, self.target)

    def train_on(self, x, target):
        self.mode(True)
        self.optimizer.zero_grad(set_to_none=True)
        with device.autocast(cache=not self.graph):
            loss = self.loss(self.net(x), target)
        loss.backward()
        self.optimizer.step()
        return loss

    def infer(self):
        self.mode(False)
        with torch.inference_mode(), device.autocast(cache=not self.graph):
            return self.net(self.x)

    def check(self, steps):
        self.reset()
        outputs = self.infer().float().flatten().tolist()
        losses = [self.train().item() for _ in range(steps)]
        self.reset()
        return {"losses": losses, "outputs": outputs}

    def memory(self, steps):
        self.reset()
        for _ in range(steps):
            self.step()

    def learn(self, epochs, rows, rate):
        """Trains on batches of so many rows in their order; of each epoch the mean loss and the seconds."""
        self.reset()
        self.optimizer.param_groups[0]["lr"] = rate
        results = []
        for _ in range(epochs):
            began, total = time.perf_counter(), 0.0
            for x, target in zip(self.x.split(rows), self.target.split(rows)):
                total += self.train_on(x, target).item() * len(x)
            results.append({"loss": total / len(self.x), "seconds": time.perf_counter() - began})
        return {"epochs": results}

    def run(self, steps):
        result = self.step()
        device.synchronize()
        began = time.perf_counter()
        for _ in range(steps):
            result = self.step()
        device.synchronize()
        milliseconds = (time.perf_counter() - began) * 1e3 / steps
        value = result.sum().item()
        return {"ms": milliseconds, "finite": math.isfinite(value)}


class Session:
    subject = None

    def load(self, folder):
        self.subject = None
        gc.collect()
        device.empty()
        if "torch._dynamo" in sys.modules:
            torch._dynamo.reset()  # it gives up after some networks of the same kind
        self.subject = Subject(folder)
        return {"versions": {**device.versions(), "python": sys.version.split()[0]}}

    def on_variant(self, words):
        variant, steps = words.split()
        return self.subject.variant(variant), int(steps)

    def check(self, words):
        variant, steps = self.on_variant(words)
        return variant.check(steps)

    def memory(self, words):
        variant, steps = self.on_variant(words)
        variant.memory(steps)
        return {"peakKiB": peak_kib()}

    def learn(self, words):
        variant, epochs, rows, rate = words.split()
        return self.subject.variant(variant).learn(int(epochs), int(rows), float(rate))

    def run(self, words):
        variant, steps = self.on_variant(words)
        return variant.run(steps)


session = Session()
serve({"load": session.load, "check": session.check, "memory": session.memory, "learn": session.learn, "run": session.run})
