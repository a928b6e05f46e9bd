import CDenseKernels
import Foundation
import LinearAlgebra
import Tensors

/// The generalised Gauss–Newton matrix Σ JᵀΛJ + I of whitened parameters, in several structures.
///
/// Λ = −∂² log p(y | f) / ∂f² is a sum of outer products of its roots' columns; each is carried backwards
/// like a loss's derivative, block after block of rows, so that no Jacobian is ever in memory.
struct GaussNewtonMatrix {
  private let posterior: Posterior
  private let parameters: [Double]
  private let precision: Double

  /// - Parameters:
  ///   - posterior: Of any likelihood but the heteroscedastic one.
  ///   - mode: Whitened coordinates.
  ///   - precision: Of a Gaussian likelihood's noise.
  init(_ posterior: Posterior, _ mode: [Double], precision: Double) {
    self.posterior = posterior
    self.precision = precision
    parameters = posterior.parameters(mode)
  }

  /// A block of rows on its way: what went into each layer, and a root's derivatives by what came out.
  private struct Visit {
    let pass: NetworkPass
    let inputs: UnsafePointer<Double>
    /// Rows, padded.
    let rows: Int
    /// Which column of the root.
    let root: Int

    func layerInputs(_ layer: Int) -> UnsafePointer<Double> {
      layer == 0 ? inputs : pass.layerInputs(layer)
    }
  }

  /// Calls for each block of rows and each column of Λ's root.
  private func forEachRoot(_ body: (Visit) -> Void) {
    let blocks = RowBlocks(posterior.rows.inputs)
    let pass = NetworkPass(posterior.network)
    let outputs = posterior.network.outputs
    var probabilities = [Double](repeating: 0, count: outputs * NetworkPass.blockRows)
    pass.forEachBlock(of: blocks, parameters) { block, values in
      for row in 0..<block.count {
        switch posterior.likelihood {
        case .gaussian, .heteroscedastic: break
        case .bernoulli: probabilities[row] = logistic(values[row])
        case .categorical(let classes):
          let logits = (0..<classes).map { values[$0 * block.stride + row] }
          let total = logSumExp(logits)
          for c in 0..<classes { probabilities[c * block.stride + row] = exp(logits[c] - total) }
        }
      }
      blocks.values.withUnsafeBufferPointer { inputs in
        parameters.withUnsafeBufferPointer { parameters in
          guard let inputs = inputs.baseAddress, let parameters = parameters.baseAddress else {
            return
          }
          for root in 0..<outputs {
            let slopes = pass.outputDerivatives
            for i in 0..<outputs * block.stride { slopes[i] = 0 }
            for row in 0..<block.count {
              setRoot(root, row, block.stride, probabilities, slopes)
            }
            pass.backward(parameters, rows: block.stride)
            body(
              Visit(pass: pass, inputs: inputs + block.start, rows: block.stride, root: root))
          }
        }
      }
    }
  }

  /// A row's column of Λ's root: √p_c (e_c − p), whose outer products sum up to diag(p) − p pᵀ.
  private func setRoot(
    _ root: Int, _ row: Int, _ stride: Int, _ p: [Double], _ slopes: UnsafeMutablePointer<Double>
  ) {
    switch posterior.likelihood {
    case .gaussian, .heteroscedastic: slopes[row] = precision.squareRoot()
    case .bernoulli: slopes[row] = (p[row] * (1 - p[row])).squareRoot()
    case .categorical(let classes):
      let factor = p[root * stride + row].squareRoot()
      for c in 0..<classes {
        slopes[c * stride + row] = factor * ((c == root ? 1 : 0) - p[c * stride + row])
      }
    }
  }

  /// The Cholesky factor of the matrix of all layers from one on.
  ///
  /// - Throws: ``InferenceError`` with the least eigenvalue where it isn't positive definite.
  func full(from first: Int, _ method: String) throws -> CholeskyFactorization {
    let layers = posterior.network.layers
    let offset = layers[first].weights
    let size = posterior.parameterCount - offset
    var matrix = SymmetricMatrix(identity: size)
    var vectors = [Double](repeating: 0, count: size * NetworkPass.blockRows)
    forEachRoot { visit in
      vectors.withUnsafeMutableBufferPointer { vectors in
        guard let vectors = vectors.baseAddress else { return }
        for (index, layer) in layers.enumerated() where index >= first {
          let (x, d) = (visit.layerInputs(index), visit.pass.layerDerivatives(index))
          for place in 0..<(layer.inputs + 1) * layer.outputs {
            let (input, output) = (place / layer.outputs, place % layer.outputs)
            let parameter = layer.weights + place
            let deviation = posterior.priorDeviations[parameter]
            let target = vectors + (parameter - offset) * visit.rows
            let slope = d + output * visit.rows
            if input < layer.inputs {
              let value = x + input * visit.rows
              for row in 0..<visit.rows { target[row] = deviation * value[row] * slope[row] }
            } else {
              for row in 0..<visit.rows { target[row] = deviation * slope[row] }
            }
          }
        }
        matrix.add(vectors: vectors, rows: visit.rows)
      }
    }
    guard let factor = matrix.cholesky() else {
      throw InferenceError(
        .failed,
        "\(method): the curvature's least eigenvalue is \(matrix.leastEigenvalue()), which isn't "
          + "positive; a narrower prior damps it")
    }
    return factor
  }

  /// The matrix's diagonal.
  func diagonal() -> [Double] {
    var sums = [Double](repeating: 0, count: posterior.parameterCount)
    let widest = posterior.network.layers.map { max($0.inputs, $0.outputs) }.max() ?? 0
    var (squares, slopes) = (
      [Double](repeating: 0, count: widest * NetworkPass.blockRows),
      [Double](repeating: 0, count: widest * NetworkPass.blockRows)
    )
    forEachRoot { visit in
      for (index, layer) in posterior.network.layers.enumerated() {
        let (x, d) = (visit.layerInputs(index), visit.pass.layerDerivatives(index))
        for i in 0..<layer.inputs * visit.rows { squares[i] = x[i] * x[i] }
        for i in 0..<layer.outputs * visit.rows { slopes[i] = d[i] * d[i] }
        sums.withUnsafeMutableBufferPointer { sums in
          guard let sums = sums.baseAddress else { return }
          dense_weight_gradient_f64(
            layer.inputs, layer.outputs, visit.rows, squares, slopes, sums + layer.weights,
            sums + layer.biases)
        }
      }
    }
    return zip(sums, posterior.priorDeviations).map { $0 * $1 * $1 + 1 }
  }

  /// A layer's matrix as (Σ a aᵀ) ⊗ (mean of g gᵀ) + I, in the eigenvectors of both.
  struct KroneckerFactor {
    let inputs: (values: [Double], vectors: [[Double]])
    let outputs: (values: [Double], vectors: [[Double]])

    /// Normal offsets of the layer's weights and biases.
    func draw(_ random: inout RandomStream) -> [Double] {
      let (n, m) = (inputs.values.count, outputs.values.count)
      var result = [Double](repeating: 0, count: n * m)
      var scaled = random.normals(n * m)
      for i in 0..<n {
        for j in 0..<m {
          scaled[i * m + j] /= (inputs.values[i] * outputs.values[j] + 1).squareRoot()
        }
      }
      var half = [Double](repeating: 0, count: n * m)
      for i in 0..<n {
        for a in 0..<n {
          let v = inputs.vectors[i][a]
          for j in 0..<m { half[a * m + j] += v * scaled[i * m + j] }
        }
      }
      for a in 0..<n {
        for j in 0..<m {
          let value = half[a * m + j]
          for b in 0..<m { result[a * m + b] += value * outputs.vectors[j][b] }
        }
      }
      return result
    }
  }

  /// The layers' matrices, as if layers were independent (Ritter, Botev and Barber, ICLR 2018).
  func kronecker() -> [KroneckerFactor] {
    let layers = posterior.network.layers
    var inputs = layers.map { layer in
      SymmetricMatrix(
        size: layer.inputs + 1,
        values: [Double](repeating: 0, count: (layer.inputs + 1) * (layer.inputs + 1)))
    }
    var outputs = layers.map { layer in
      SymmetricMatrix(
        size: layer.outputs, values: [Double](repeating: 0, count: layer.outputs * layer.outputs))
    }
    let widest = layers.map(\.inputs).max() ?? 0
    var extended = [Double](repeating: 0, count: (widest + 1) * NetworkPass.blockRows)
    var left = posterior.rows.count
    forEachRoot { visit in
      let count = min(left, visit.rows)
      for (index, layer) in layers.enumerated() {
        outputs[index].add(vectors: visit.pass.layerDerivatives(index), rows: visit.rows)
        guard visit.root == 0 else { continue }
        // A 1 for the biases; both times the prior's deviation, and 0 in rows that pad.
        let x = visit.layerInputs(index)
        for input in 0...layer.inputs {
          let deviation =
            posterior.priorDeviations[
              input < layer.inputs ? layer.weights + input * layer.outputs : layer.biases]
          for row in 0..<visit.rows {
            extended[input * visit.rows + row] =
              row >= count
              ? 0 : deviation * (input < layer.inputs ? x[input * visit.rows + row] : 1)
          }
        }
        inputs[index].add(vectors: extended, rows: visit.rows)
      }
      if visit.root + 1 == posterior.network.outputs { left -= count }
    }
    let rows = Double(posterior.rows.count)
    let positive = { (pair: (values: [Double], vectors: [[Double]]), scale: Double) in
      (pair.values.map { max($0, 0) * scale }, pair.vectors)
    }
    return layers.indices.map {
      KroneckerFactor(
        inputs: positive(inputs[$0].eigen(), 1), outputs: positive(outputs[$0].eigen(), 1 / rows))
    }
  }
}
