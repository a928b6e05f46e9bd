"""The cases of Benchmarks/tensor in PyTorch, eager, from Python.

Usage: peer.py [THREADS [CUDA DEVICE]]. Prints one line a case: its name and the nanoseconds of one pass.
"""

import sys
import time

import torch
from torch import nn

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
device = f"cuda:{sys.argv[2]}" if len(sys.argv) > 2 else "cpu"
torch.set_num_threads(threads)
try:  # OpenBLAS keeps threads of its own.
    import ctypes

    ctypes.CDLL("libblas.so.3").openblas_set_num_threads(threads)
except (OSError, AttributeError):
    pass
torch.manual_seed(1)
torch.set_default_device(device)


def measure(name, rounds, passes, body):
    for _ in range(max(1, passes // 4)):
        body()
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(passes):
            body()
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter_ns() - start) / passes)
    print(name, best)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs),
            nn.ReLU(), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for outputs in (16, 32, 64):
        for block in range(3):
            layers.append(Block(channels, outputs, 2 if block == 0 and outputs > 16 else 1))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def step(network, optimizer, loss, inputs, targets):
    optimizer.zero_grad(set_to_none=True)
    loss(network(inputs), targets).backward()
    optimizer.step()


small, other = torch.randn(4), torch.randn(4)
measure("call", 20, 20_000, lambda: small + other)
left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
measure("matmul", 12, 2, lambda: left @ right)
image = torch.randn(16, 64, 32, 32, requires_grad=True)
kernel = torch.randn(64, 64, 3, 3, requires_grad=True)
measure("convolution", 12, 2, lambda: torch.autograd.grad(
    nn.functional.conv2d(image, kernel, padding=1).sum(), (image, kernel)))
inputs, targets = torch.randn(32, 13), torch.randn(32, 1)
regression = nn.Sequential(nn.Linear(13, 50), nn.ReLU(), nn.Linear(50, 1))
descent = torch.optim.SGD(regression.parameters(), 1e-3, momentum=0.9)
measure("mlp-step", 20, 500, lambda: step(
    regression, descent, nn.functional.mse_loss, inputs, targets))
images, classes = torch.randn(32, 3, 32, 32), torch.randint(10, (32,))
network = resnet20()
optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)
measure("resnet20-step", 5, 2, lambda: step(
    network, optimizer, nn.functional.cross_entropy, images, classes))
