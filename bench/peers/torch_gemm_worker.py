"""PyTorch's side of the bench of products (gemm.ts): a command a line, a JSON object a line.

    python torch_gemm_worker.py THREADS

    load M N K TRANSPOSEA TRANSPOSEB DIR    takes a.bin and b.bin, multiplies, leaves c.bin
    run CALLS                               one product untimed, then so many; milliseconds of one
"""
import math
import os
import sys
import time

import torch

from torch_serve import serve

torch.set_num_threads(int(sys.argv[1]))
torch.set_grad_enabled(False)


def read(folder, name, transposed, rows, columns):
    with open(os.path.join(folder, name), "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).clone()
    return values.reshape(columns, rows).t() if transposed else values.reshape(rows, columns)


class Product:
    """a, b and c as they were last loaded."""

    def load(self, words):
        m, n, k, transpose_a, transpose_b, folder = words.split(" ", 5)
        m, n, k = int(m), int(n), int(k)
        self.a = read(folder, "a.bin", int(transpose_a), m, k)
        self.b = read(folder, "b.bin", int(transpose_b), k, n)
        self.c = torch.empty(m, n)
        self.multiply()
        with open(os.path.join(folder, "c.bin"), "wb") as file:
            file.write(self.c.numpy().tobytes())
        return {"torch": torch.__version__}

    def multiply(self):
        torch.matmul(self.a, self.b, out=self.c)

    def run(self, words):
        calls = int(words)
        self.multiply()
        began = time.perf_counter()
        for _ in range(calls):
            self.multiply()
        ms = (time.perf_counter() - began) * 1e3 / calls
        return {"ms": ms, "finite": math.isfinite(self.c[0, 0].item())}


product = Product()
serve({"load": product.load, "run": product.run})
