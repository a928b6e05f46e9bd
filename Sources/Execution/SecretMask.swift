import Foundation

/// Hides the values of secrets in whatever a stage says.
struct SecretMask: Sendable {
  private let texts: [String]

  /// - `secrets`: The values; those of less than four characters are no secrets, and would mask
  ///   half of every text.
  init(_ secrets: [String]) {
    texts = Set(secrets.filter { $0.count >= 4 }.flatMap(SecretMask.forms))
      .sorted { ($1.count, $0) < ($0.count, $1) }
  }

  /// A secret as it may appear: itself, in base64, and percent-encoded.
  private static func forms(_ secret: String) -> [String] {
    [
      secret, Data(secret.utf8).base64EncodedString(),
      secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? secret,
    ]
  }

  /// The text with dots in place of each secret.
  func hide(_ text: String) -> String {
    texts.reduce(text) { hidden, secret in
      hidden.contains(secret) ? hidden.replacingOccurrences(of: secret, with: "••••") : hidden
    }
  }
}
