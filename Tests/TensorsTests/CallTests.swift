import Tensors
import Testing

struct CallTests {
  @Test func `any operator can be called by name`() throws {
    let x = try Tensor([1.0, 2, 3])
    let result = try Tensor.call("aten::logcumsumexp", x, 0)
    #expect(abs(try #require(result[0].tensors.first)[-1].double() - 3.407_605_964_444_380) < 1e-12)
    let kept = try Tensor.call("aten::sum.dim_IntList", x, [0], keywords: ["keepdim": true])
    #expect(kept[0].tensors.first?.shape == [1])
    let halves = try Tensor.call("aten::chunk", x, 2)
    #expect(halves[0].tensors.map(\.shape) == [[2], [1]])
    guard case .boolean(let isReal) = try Tensor.call("aten::is_floating_point", x)[0] else {
      Issue.record("no boolean")
      return
    }
    #expect(isReal)
    let turned = try Tensor.call("aten::rot90", x.reshaped(1, 3), 1, [0, 1])
    #expect(turned[0].tensors.map(\.shape) == [[3, 1]])
    #expect(
      try Tensor.call("aten::_softmax", x, 0, keywords: ["half_to_float": false]).count == 1)
  }

  @Test func `a schema shows arguments and defaults`() throws {
    #expect(try Tensor.schema(of: "aten::relu") == "aten::relu(Tensor self) -> Tensor")
  }

  @Test func `what is wrong with a call is said`() throws {
    let x = try Tensor.ones([2])
    func message(_ body: () throws -> Void) -> String {
      let error = #expect(throws: TensorError.self) { try body() }
      return error?.message ?? ""
    }
    #expect(message { try Tensor.call("aten::nothing", x) }.contains("no operator of this name"))
    #expect(message { try Tensor.call("aten::sum.x", x) }.contains("aten::sum.dim_IntList"))
    #expect(
      message { try Tensor.call("aten::relu") }
        == "aten::relu(): argument 1, 'self', is missing: a Tensor")
    #expect(
      message { try Tensor.call("aten::relu", x, x) }
        == "aten::relu(float32[2], float32[2]): takes at most 1 arguments, not 2")
    #expect(
      message { try Tensor.call("aten::cumsum", x, "a") }
        == "aten::cumsum(float32[2], 'a'): argument 2, 'dim', is to be int, not a text")
    #expect(
      message { try Tensor.call("aten::cumsum", x, 0, keywords: ["axis": 0]) }
        .contains("has no argument 'axis': aten::cumsum("))
    #expect(
      message { try Tensor.call("aten::cumsum", x, 0, keywords: ["dim": 0]) }
        == "aten::cumsum got its argument 'dim' twice")
    #expect(message { try Tensor.call("", x) }.contains("no operator"))
    #expect(message { try Tensor.call("aten::cumsum", x, 5) }.contains("Dimension out of range"))
  }
}
