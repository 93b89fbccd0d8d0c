"""What PyTorch's sides of the benches share: the loop (see worker.ts; a command a line comes in, a JSON object a line goes out), and files."""
import json
import os
import sys

import torch


def serve(commands):
    """Answers with commands[word](rest of the line, without the blanks around it), until `quit` or the end."""
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "quit":
            return
        try:
            answer = commands[word](rest) if word in commands else {"error": f"unknown command {word}"}
        except Exception as error:  # told to the other side, which decides
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), flush=True)


def read(folder, name, dtype):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype)


def write(folder, name, tensor):
    """As float32, in the order of the tensor's dimensions."""
    with open(os.path.join(folder, name), "wb") as file:
        file.write(memoryview(tensor.float().contiguous().cpu().numpy()).cast("B"))
