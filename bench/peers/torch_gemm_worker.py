"""PyTorch's side of the bench of products (gemm.ts): a command a line, a JSON object a line.

    python torch_gemm_worker.py THREADS [DEVICE [PRECISION]]

    load M N K TRANSPOSEA TRANSPOSEB DIR    takes a.bin and b.bin, multiplies, leaves c.bin
    run CALLS                               one product untimed, then so many; milliseconds of one
    time CALLS                              milliseconds of each of so many, by the device's clock
"""
import math
import sys
import time

import torch

from torch_device import Device
from torch_serve import read, serve, write

device = Device(*sys.argv[1:])
torch.set_grad_enabled(False)


def operand(folder, name, transposed, rows, columns):
    values = device.operand(read(folder, name, torch.float32))
    return values.reshape(columns, rows).t() if transposed else values.reshape(rows, columns)


class Product:
    """a, b and c as they were last loaded."""

    def load(self, words):
        m, n, k, transpose_a, transpose_b, folder = words.split(" ", 5)
        m, n, k = int(m), int(n), int(k)
        self.a = self.b = self.c = None
        device.empty()
        self.a = operand(folder, "a.bin", int(transpose_a), m, k)
        self.b = operand(folder, "b.bin", int(transpose_b), k, n)
        self.c = torch.empty(m, n, dtype=self.a.dtype, device=device.place)
        self.multiply()
        write(folder, "c.bin", self.c)
        return device.versions()

    def multiply(self):
        torch.matmul(self.a, self.b, out=self.c)

    def run(self, words):
        calls = int(words)
        self.multiply()
        device.synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            self.multiply()
        device.synchronize()
        ms = (time.perf_counter() - began) * 1e3 / calls
        return {"ms": ms, "finite": math.isfinite(self.c[0, 0].item())}

    def time(self, words):
        return {"ms": device.time_calls(self.multiply, int(words))}


product = Product()
serve({"load": product.load, "run": product.run, "time": product.time})
