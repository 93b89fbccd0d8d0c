"""PyTorch's side of the bench of products (gemm.ts): a command a line, a JSON object a line.

    python torch_gemm_worker.py THREADS

    load M N K TRANSPOSEA TRANSPOSEB DIR    takes a.bin and b.bin, multiplies, leaves c.bin
    run CALLS                               one product untimed, then so many; milliseconds of one
"""
import json
import os
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]))
torch.set_grad_enabled(False)


def read(folder, name, transposed, rows, columns):
    with open(os.path.join(folder, name), "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32).clone()
    return values.reshape(columns, rows).t() if transposed else values.reshape(rows, columns)


def main():
    a = b = c = None
    for line in sys.stdin:
        words = line.split()
        try:
            if words[0] == "quit":
                return
            if words[0] == "load":
                m, n, k, transpose_a, transpose_b = (int(word) for word in words[1:6])
                a = read(words[6], "a.bin", transpose_a, m, k)
                b = read(words[6], "b.bin", transpose_b, k, n)
                c = torch.empty(m, n)
                torch.matmul(a, b, out=c)
                with open(os.path.join(words[6], "c.bin"), "wb") as file:
                    file.write(c.numpy().tobytes())
                answer = {"torch": torch.__version__}
            elif words[0] == "run":
                calls = int(words[1])
                torch.matmul(a, b, out=c)
                began = time.perf_counter()
                for _ in range(calls):
                    torch.matmul(a, b, out=c)
                answer = {"ms": (time.perf_counter() - began) * 1e3 / calls}
            else:
                answer = {"error": f"unknown command {words[0]}"}
        except Exception as error:  # told to the other side, which decides
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), flush=True)


main()
