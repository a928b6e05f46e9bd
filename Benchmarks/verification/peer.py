"""One step of optimised bounds in auto_LiRPA 0.3: batch 64, base network, one thread.

Usage: peer.py NETWORK.pth IMAGE.json RADIUS, where IMAGE.json holds 3072 numbers, the label and the other
class. Needs PyTorch (1.8 to 1.13) and auto-lirpa 0.3 from PyPI. Prints the processor seconds of a step:
the difference of a long and a short optimisation, so that what is done once does not count. Slopes alone are
optimised; multipliers of splits would come on top.
"""

import contextlib
import io
import json
import sys
import time

import torch
from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

torch.set_num_threads(1)
torch.manual_seed(0)
batch, short, long = 64, 3, 13
state = torch.load(sys.argv[1], map_location="cpu")["state_dict"][0]
image = json.load(open(sys.argv[2]))
radius = float(sys.argv[3])
model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 4, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 4, 2, 1), torch.nn.ReLU(),
    torch.nn.Flatten(), torch.nn.Linear(1024, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
model.load_state_dict(state)
x = torch.tensor(image["pixels"]).reshape(1, 3, 32, 32).repeat(batch, 1, 1, 1)
row = torch.zeros(batch, 1, 10)
row[:, 0, image["label"]], row[:, 0, image["other"]] = 1, -1


def seconds(iterations):
    with contextlib.redirect_stdout(io.StringIO()):
        bounded = BoundedModule(
            model, x, bound_opts={"optimize_bound_args": {
                "ob_iteration": iterations, "ob_lr": 0.1, "ob_verbose": 0, "ob_early_stop": False}})
        ball = BoundedTensor(x, PerturbationLpNorm(norm=float("inf"), eps=radius))
        start = time.process_time()
        lower, _ = bounded.compute_bounds(
            x=(ball,), method="CROWN-Optimized", C=row, bound_upper=False)
    return time.process_time() - start, lower.max().item()


(first, _), (second, bound) = seconds(short), seconds(long)
print(json.dumps({"seconds": (second - first) / (long - short), "bound": bound}))
