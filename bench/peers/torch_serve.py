"""The loop of PyTorch's sides of the benches (see worker.ts): a command a line comes in, a JSON object a line goes out."""
import json
import sys


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
