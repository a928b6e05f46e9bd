import Tensors
import Testing

struct TensorRuntimeTests {
  @Test func `the library's version and matrix products are told`() throws {
    #expect(try TensorRuntime.version().split(separator: ".").count >= 2)
    #expect(try TensorRuntime.blas().warning == nil, "tests run on the reference BLAS")
    #expect(try TensorRuntime.cudaDevices() >= 0)
  }

  @Test func `the reference implementation is told loudly`() {
    let slow = BLAS(path: "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0")
    #expect(slow.isReference && slow.warning?.contains("libopenblas0-pthread") == true)
    let fast = BLAS(path: "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3")
    #expect(!fast.isReference && fast.warning == nil && fast.description.hasPrefix("OpenBLAS"))
    #expect(BLAS(path: "MKL").warning == nil)
  }

  @Test func `what runs on one thread keeps it, whoever asks for more`() throws {
    let before = try TensorRuntime.threads()
    try TensorRuntime.onOneThread {
      try TensorRuntime.setThreads(before + 1)
      #expect(try TensorRuntime.threads() == 1)
      try TensorRuntime.setThreads(before)
    }
  }

  @Test func `what varies from run to run is refused where asked`() throws {
    try TensorRuntime.setDeterministic(true)
    defer { try? TensorRuntime.setDeterministic(false) }
    let x = try Tensor.ones([2, 2])
    #expect(try x.matmul(x).floats() == [2, 2, 2, 2])
    #expect(throws: TensorError.self) { try TensorRuntime.setThreads(0) }
  }
}
