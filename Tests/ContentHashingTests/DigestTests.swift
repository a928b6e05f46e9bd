import ContentHashing
import StructuredValue
import Testing

struct DigestTests {
  /// FIPS 180-4 examples, as NIST publishes them.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `published vectors`(text: String, hex: String) {
    #expect(Digest.of(text).hex == hex)
    #expect(Digest(hex) == Digest.of(text))
    #expect(Digest("sha256:" + hex.uppercased())?.hex == hex)
  }

  @Test(arguments: ["", "12", String(repeating: "g", count: 64), String(repeating: "0", count: 63)])
  func `what is no digest is refused`(text: String) {
    #expect(Digest(text) == nil)
  }

  @Test func `canonical form tells values apart that look alike`() {
    let alike: [Value] = [
      1, 1.0, "1", true, nil, [], [:], [1], [[1]], ["a": 1], ["a": [:]], [nil], "a", ["a"],
      [["a": 1]],
      ["a", "b"], ["ab"], ["": "ab"], "e\u{301}", "\u{e9}",
    ]
    #expect(Set(alike.map { Digest.canonical("x", $0) }).count == alike.count)
    #expect(Digest.canonical("x", 1) != Digest.canonical("y", 1))
    #expect(Digest.canonical("x", -0.0) == Digest.canonical("x", 0.0))
    #expect(Digest.canonical("x", .double(.nan)) == Digest.canonical("x", .double(-.nan)))
  }

  @Test func `canonical form is pinned`() {
    // A change of this digest changes every action key: it needs a new record version.
    let value: Value = ["b": [1, 2.5, "x"], "a": nil, "c": true]
    #expect(Digest.canonical("action/v1", value).short == "43bb9abb228f")
  }
}
