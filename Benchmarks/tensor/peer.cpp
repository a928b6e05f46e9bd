// The cases of Benchmarks/tensor that C++ is the limit for, on the same LibTorch.
// Usage: peer THREADS. Prints one line a case: its name and the nanoseconds of one pass.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <limits>

template <typename Body>
void measure(const char *name, int rounds, int passes, Body body) {
  for (int pass = 0; pass < std::max(1, passes / 4); pass++) { body(); }
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; round++) {
    auto start = std::chrono::steady_clock::now();
    for (int pass = 0; pass < passes; pass++) { body(); }
    std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / passes);
  }
  std::printf("%s %f\n", name, best);
}

int main(int count, char **arguments) {
  int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  at::set_num_threads(threads);
  if (auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(threads);
  }
  at::manual_seed(1);
  auto small = at::randn({4}), other = at::randn({4});
  auto add = c10::Dispatcher::singleton().findSchemaOrThrow("aten::add", "Tensor");
  measure("call", 20, 20000, [&]() {
    std::vector<c10::IValue> stack{small, other, 1};
    add.callBoxed(stack);
  });
  auto left = at::randn({1024, 1024}), right = at::randn({1024, 1024});
  measure("matmul", 12, 2, [&]() { auto product = at::matmul(left, right); });
  auto image = at::randn({16, 64, 32, 32}).requires_grad_();
  auto kernel = at::randn({64, 64, 3, 3}).requires_grad_();
  measure("convolution", 12, 2, [&]() {
    auto output = at::conv2d(image, kernel, {}, {1, 1}, {1, 1}).sum();
    auto gradients = torch::autograd::grad({output}, {image, kernel});
  });
}
