// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "edge-benchmark",
  dependencies: [.package(name: "pipeline", path: "../../..")],
  targets: [
    .executableTarget(
      name: "edge-benchmark",
      dependencies: [.product(name: "EdgeOptimization", package: "pipeline")])
  ]
)
