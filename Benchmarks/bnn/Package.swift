// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "bnn-benchmark",
  dependencies: [.package(name: "pipeline", path: "../..")],
  targets: [
    .executableTarget(
      name: "bnn-benchmark",
      dependencies: [.product(name: "BayesianInference", package: "pipeline")])
  ]
)
