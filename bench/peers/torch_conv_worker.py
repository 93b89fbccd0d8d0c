"""PyTorch's side of the bench of convolutions (conv.ts): a command a line, a JSON object a line.

    python torch_conv_worker.py THREADS [DEVICE [PRECISION]]

    load KERNEL N H W C K R S STRIDE PADDING DIR    takes x.bin, filter.bin, dy.bin (in steepest's orders; those it needs), computes, leaves out.bin
    time CALLS                                      milliseconds of each of so many calls, by the device's clock

Images, gradients and filters are channels_last.
"""
import sys

import torch
from torch.nn import functional as F

from torch_device import Device
from torch_serve import read, serve, write

device = Device(*sys.argv[1:])
torch.set_grad_enabled(False)


def images(folder, name, *shape):
    """N H W C, which is N C H W in channels_last."""
    return device.operand(read(folder, name, torch.float32)).reshape(shape).permute(0, 3, 1, 2)


class Convolution:
    """What was last loaded, as a call."""

    def load(self, words):
        kernel, *numbers, folder = words.split(" ", 10)
        n, h, w, c, k, r, s, stride, padding = map(int, numbers)
        self.call = None
        device.empty()
        p, q = ((size + 2 * padding - filter) // stride + 1 for size, filter in ((h, r), (w, s)))
        strides, paddings = [stride, stride], [padding, padding]

        def backward(x, weights, dy, which):
            mask = [which == "x", which == "filter", False]
            place = mask.index(True)
            gradients = torch.ops.aten.convolution_backward
            return lambda: gradients(dy, x, weights, None, strides, paddings, [1, 1], False, [0, 0], 1, mask)[place]

        def filters():
            values = device.operand(read(folder, "filter.bin", torch.float32)).reshape(r, s, c, k)
            return values.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)

        def like(*shape):
            """Of what the gradient needs the sizes only."""
            values = torch.empty(shape, device=device.place, dtype=device.operand(torch.empty(0)).dtype)
            return values.contiguous(memory_format=torch.channels_last)

        if kernel == "conv2d_backward_input":
            self.call = backward(like(n, c, h, w), filters(), images(folder, "dy.bin", n, p, q, k), "x")
        else:
            x = images(folder, "x.bin", n, h, w, c)
            if kernel == "conv2d_forward":
                weights = filters()
                self.call = lambda: F.conv2d(x, weights, None, strides, paddings)
            else:
                self.call = backward(x, like(k, c, r, s), images(folder, "dy.bin", n, p, q, k), "filter")
        order = (2, 3, 1, 0) if kernel == "conv2d_backward_filter" else (0, 2, 3, 1)
        write(folder, "out.bin", self.call().permute(order))
        return device.versions()

    def time(self, words):
        return {"ms": device.time_calls(self.call, int(words))}


convolution = Convolution()
serve({"load": convolution.load, "time": convolution.time})
