// Learns to read handwritten digits in seconds, from 8,000 of MNIST's images:
//   swift run -c release digits ../shared/mirror

import Formats
import Foundation
import NeuralNetworks
import Tensors

func learn() throws {
  let mirror = CommandLine.arguments.dropFirst().first ?? "../shared/mirror"
  let folder =
    "\(mirror)/raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"
  let images = try Tensor(IDX.read(path: "\(folder)/t10k-images-idx3-ubyte.gz"))
  let labels = try Tensor(IDX.read(path: "\(folder)/t10k-labels-idx1-ubyte.gz"))
  let digits = try TensorDataset(images.to(.float32).unsqueezed(1) / 255, labels.to(.int64))

  // Everything random comes from one seed, by name: a change here changes nothing there.
  let random = RandomStream(seed: 1)
  let (training, test) = try digits.split(8000, random: random.child("split"))

  var network = try Sequential(
    Conv2d(1, 16, kernel: 5, stride: 2, padding: 2, random: random.child("first")),
    Activation.relu,
    Conv2d(16, 32, kernel: 3, stride: 2, padding: 1, random: random.child("second")),
    Activation.relu,
    Flatten(),
    Dropout(0.3),
    Linear(32 * 7 * 7, 10, random: random.child("output")))
  var optimizer = Adam()
  let epochs = 5
  let schedule = Schedule.cosine(steps: epochs * training.batches(of: 64).count)

  for epoch in 0..<epochs {
    var pass = Pass.training(random.child("dropout").child(epoch))
    let batches = training.batches(of: 64, shuffledBy: random.child("order").child(epoch))
    var sum = 0.0
    for batch in batches {
      let (inputs, classes) = (try batch.tensors[0], try batch.tensors[1])
      optimizer.rate = 2e-3 * schedule.factor(at: epoch * batches.count + batch.number)
      sum += try network.train(&optimizer) {
        try $0.forward(inputs, &pass).crossEntropy(classes)
      }.double()
    }
    let guesses = try network(test.tensors[0]).argmax(along: 1)
    let right = try (guesses .== test.tensors[1]).sum().integer()
    print("epoch \(epoch + 1): loss \(sum / Double(batches.count)), \(right) of 2,000 others right")
  }
  try network.state().write(safetensors: "digits.safetensors")
}

do { try learn() } catch {
  print(error)
  exit(1)
}
