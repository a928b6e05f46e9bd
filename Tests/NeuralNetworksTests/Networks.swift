import NeuralNetworks
import Tensors

/// A small network with one layer of each kind that trains.
func everyLayer(dtype: DType = .float32, random: RandomStream) throws -> Sequential {
  try Sequential(
    Conv2d(2, 4, kernel: 3, padding: 1, dtype: dtype, random: random.child("convolution")),
    BatchNorm(4, dtype: dtype),
    Activation.relu,
    Residual(
      Sequential(
        Conv2d(
          4, 4, kernel: 3, padding: 1, groups: 2, hasBias: false, dtype: dtype,
          random: random.child("block")))),
    Pool2d.maximum(2),
    Flatten(),
    Linear(16, 6, dtype: dtype, random: random.child("hidden")),
    LayerNorm(6, dtype: dtype),
    Activation.tanh,
    Linear(6, 3, hasBias: false, dtype: dtype, random: random.child("output")))
}
