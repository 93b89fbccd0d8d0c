"""Where PyTorch computes, and how precisely: for all of its sides of the benches.

precision, on a GPU: fp32 (no TF32 anywhere), tf32 (in products and convolutions), bf16 (autocast). On the cpu fp32, or bf16 to try things out.
"""
import contextlib
import time

import torch

# So many GPU clocks a call the device is kept busy before calls are timed: the queue fills meanwhile, so that the time between two events is
# the device's and not the time the host takes for a launch.
CLOCKS_A_CALL = 60_000


class Device:
    def __init__(self, threads, name="cpu", precision="fp32"):
        torch.set_num_threads(int(threads))
        self.precision = precision
        self.cuda = name.startswith("cuda")
        if self.cuda and not torch.cuda.is_available():
            raise SystemExit(f"PyTorch {torch.__version__} finds no CUDA device")
        self.place = torch.device(name if ":" in name or not self.cuda else "cuda:0")
        if self.cuda:
            torch.cuda.set_device(self.place)
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            torch.backends.cudnn.allow_tf32 = precision == "tf32"
            torch.backends.cudnn.benchmark = True

    def versions(self):
        """Of what computes."""
        versions = {"torch": torch.__version__}
        if self.cuda:
            versions["torchCuda"] = torch.version.cuda
            versions["cudnn"] = str(torch.backends.cudnn.version())
            versions["torchDevice"] = torch.cuda.get_device_name()
        return versions

    def autocast(self, cache=True):
        """A context for forward passes. cache: of weights as they were rounded, which a CUDA graph must not keep."""
        if self.precision != "bf16":
            return contextlib.nullcontext()
        return torch.autocast(self.place.type, torch.bfloat16, cache_enabled=cache)

    def operand(self, tensor):
        """A tensor as a product alone takes it: bf16 products are of bfloat16 operands, and their results too."""
        return tensor.to(self.place, torch.bfloat16 if self.precision == "bf16" else torch.float32)

    def synchronize(self):
        if self.cuda:
            torch.cuda.synchronize()

    def empty(self):
        """Gives back memory that nothing uses any more."""
        if self.cuda:
            torch.cuda.empty_cache()

    def time_calls(self, call, calls):
        """Milliseconds of each of so many calls, by the device's clock, after two that do not count."""
        call()
        call()
        if not self.cuda:
            return [milliseconds(call) for _ in range(calls)]
        events = [torch.cuda.Event(enable_timing=True) for _ in range(calls + 1)]
        torch.cuda.synchronize()
        torch.cuda._sleep(CLOCKS_A_CALL * calls)
        events[0].record()
        for event in events[1:]:
            call()
            event.record()
        torch.cuda.synchronize()
        return [a.elapsed_time(b) for a, b in zip(events, events[1:])]


def milliseconds(call):
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3
