// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "tensor-benchmark",
  dependencies: [.package(name: "pipeline", path: "../..")],
  targets: [
    .executableTarget(
      name: "tensor-benchmark",
      dependencies: [.product(name: "NeuralNetworks", package: "pipeline")])
  ]
)
