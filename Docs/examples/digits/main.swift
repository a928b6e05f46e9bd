// Learns to read digits from 8,000 of MNIST's: swift run -c release digits ../shared/mirror
import Formats
import Foundation
import NeuralNetworks
import Tensors

func learn() throws {
  let mirror = CommandLine.arguments.dropFirst().first ?? "../shared/mirror"
  let files = "raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e/t10k"
  let images = try Tensor(IDX.read(path: "\(mirror)/\(files)-images-idx3-ubyte.gz"))
  let labels = try Tensor(IDX.read(path: "\(mirror)/\(files)-labels-idx1-ubyte.gz"))
  let digits = try TensorDataset(images.to(.float32).unsqueezed(1) / 255, labels.to(.int64))
  // Everything random comes from one seed, by name: a change here changes nothing there.
  let random = RandomStream(seed: 1)
  let (training, test) = try digits.split(8000, random: random.child("split"))
  var network = try Sequential(
    Conv2d(1, 16, kernel: 5, stride: 2, padding: 2, random: random.child(1)), Activation.relu,
    Conv2d(16, 32, kernel: 3, stride: 2, padding: 1, random: random.child(2)), Activation.relu,
    Flatten(), Dropout(0.3), Linear(32 * 7 * 7, 10, random: random.child(3)))
  var optimizer = Adam()
  let schedule = Schedule.cosine(steps: 5 * training.batches(of: 64).count)
  for epoch in 0..<5 {
    var pass = Pass.training(random.child("dropout").child(epoch))
    let batches = training.batches(of: 64, shuffledBy: random.child("order").child(epoch))
    for batch in batches {
      let sample = try batch.tensors
      optimizer.rate = 2e-3 * schedule.factor(at: epoch * batches.count + batch.number)
      try network.train(&optimizer) { try $0.forward(sample[0], &pass).crossEntropy(sample[1]) }
    }
    let guesses = try network(test.tensors[0]).argmax(along: 1)
    let right = try (guesses .== test.tensors[1]).sum().integer()
    print("epoch \(epoch + 1): \(right) of 2,000 others right")
  }
  try network.state().write(safetensors: "digits.safetensors")
}

do { try learn() } catch {
  print(error)
  exit(1)
}
