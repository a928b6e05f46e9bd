import Foundation
import NeuralNetworks
import Tensors
import Testing

/// Runs where LibTorch has CUDA and a device is there: `LIBTORCH=/path/to/libtorch make test`.
@Suite(.enabled(if: (try? TensorRuntime.cudaDevices()) ?? 0 > 0, "there is no CUDA device"))
struct CUDATests {
  static let device = Device.cuda(0)

  /// The largest difference of two tensors, relative to the largest element.
  static func distance(_ left: Tensor, _ right: Tensor) throws -> Double {
    let left = try left.to(.cpu).to(.float64)
    let right = try right.to(.cpu).to(.float64)
    return try (left - right).abs().max().double() / right.abs().max().double()
  }

  /// Losses of a few steps, and what came of the network.
  static func trained(
    _ optimizer: some Optimizer, on device: Device, dtype: DType = .float64
  ) throws -> (losses: [Double], state: ParameterTree) {
    let random = RandomStream(seed: 3)
    var network = try everyLayer(dtype: dtype, random: random)
    try network.mapState { try $0.to(device) }
    var draws = random.child("data")
    let images = try draws.normal([16, 2, 4, 4]).to(dtype).to(device)
    let classes = try draws.integers(below: 3, [16]).to(device)
    var optimizer = optimizer
    var losses: [Double] = []
    for step in 0..<10 {
      var pass = Pass.training(random.child("dropout").child(step))
      let loss = try network.train(&optimizer) {
        try $0.forward(images, &pass).crossEntropy(classes)
      }
      losses.append(try loss.double())
    }
    return (losses, try network.state())
  }

  @Test func `a product, a convolution and their derivatives agree with the CPU's`() throws {
    var random = RandomStream(seed: 1)
    let image = try random.normal([4, 3, 9, 9]).to(.float64)
    let kernel = try random.normal([5, 3, 3, 3]).to(.float64)
    let matrix = try random.normal([60, 40]).to(.float64)
    func results(on device: Device) throws -> [Tensor] {
      let image = try image.to(device).asLeaf()
      let kernel = try kernel.to(device).asLeaf()
      let output = try image.conv2d(kernel, padding: [1, 1])
      let slopes = try gradients(of: [(output * output).sum()], wrt: [image, kernel])
      let matrix = try matrix.to(device)
      return try [output, matrix.matmul(matrix.transposed())] + slopes
    }
    let there = try results(on: CUDATests.device)
    #expect(there.allSatisfy { $0.device == CUDATests.device })
    for (left, right) in zip(there, try results(on: .cpu)) {
      #expect(try CUDATests.distance(left, right) < 1e-12)
    }
  }

  @Test func `a network trains as it does on the CPU`() throws {
    let there = try CUDATests.trained(SGD(rate: 0.05, momentum: 0.9), on: CUDATests.device)
    let here = try CUDATests.trained(SGD(rate: 0.05, momentum: 0.9), on: .cpu)
    #expect(here.losses[9] < here.losses[0])
    for (left, right) in zip(there.losses, here.losses) { #expect(abs(left - right) < 1e-9) }
    for (left, right) in zip(there.state.tensors, here.state.tensors) {
      #expect(try CUDATests.distance(left, right) < 1e-7)
    }
    let adam = try CUDATests.trained(Adam(), on: CUDATests.device).losses
    for (left, right) in zip(adam, try CUDATests.trained(Adam(), on: .cpu).losses) {
      #expect(abs(left - right) < 1e-9)
    }
  }

  @Test func `one seed gives one result, byte by byte, where that is asked for`() throws {
    try TensorRuntime.setDeterministic(true)
    defer { try? TensorRuntime.setDeterministic(false) }
    let first = try CUDATests.trained(SGD(rate: 0.05), on: CUDATests.device, dtype: .float32)
    let second = try CUDATests.trained(SGD(rate: 0.05), on: CUDATests.device, dtype: .float32)
    #expect(first.losses == second.losses)
    for (left, right) in zip(first.state.tensors, second.state.tensors) {
      #expect(try left.data() == right.data())
    }
  }

  @Test func `a state is written from there and read here`() throws {
    let state = try CUDATests.trained(SGD(rate: 0.05), on: CUDATests.device).state
    let path = FileTests.temporary("cuda.safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try state.write(safetensors: path)
    let back = try ParameterTree(safetensors: path)
    for (name, tensor) in zip(state.names, state.tensors) {
      #expect(try back[name]?.data() == tensor.data())
      #expect(back[name]?.device == .cpu)
    }
  }

  @Test func `tensors of two devices do not mix, and a missing device is told`() throws {
    let here = try Tensor.ones([3])
    let there = try here.to(CUDATests.device)
    #expect(throws: TensorError.self) { try here.matmul(there) }
    #expect(throws: TensorError.self) { try here.to(.cuda(999)) }
  }
}
