import CCurl
import Foundation

/// One request to a server, by libcurl.
final class Transfer {
  enum Outcome {
    /// The server has sent what it had; continued means that the part's beginning is older.
    case complete(isContinued: Bool)
    /// The server has another version than the part that is there.
    case startOver
    /// Waiting may help; the server may have said how many seconds.
    case passing(String, wait: Double?)
    case failed(String)
    /// The file is not the one that is wanted; there is no use in its part.
    case refused(FetchError)
    case cancelled
  }

  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let source: SourceURL
  private let fetcher: Fetcher
  private let part: PartialFile
  private let expected: Int?
  /// Bytes that were there before.
  private let start: Int
  private var progress: (Int, Int?) -> Void = { _, _ in }
  private var answer = Answer()
  private var hasBegun = false
  /// Why the transfer was given up by this side.
  private var verdict: Outcome?

  init(source: SourceURL, fetcher: Fetcher, part: PartialFile, expected: Int?) {
    self.source = source
    self.fetcher = fetcher
    self.part = part
    self.expected = expected
    start = part.size
  }

  func perform(progress: @escaping (Int, Int?) -> Void) -> Outcome {
    // Without a name for its version, the part might be continued with another file's bytes.
    let validator = start > 0 ? part.validator : nil
    guard start == 0 || validator != nil else { return .startOver }
    guard Transfer.isReady, let handle = curl_easy_init() else {
      return .failed("libcurl cannot be used")
    }
    self.progress = progress
    defer {
      curl_easy_cleanup(handle)
      // The caller lends its closure for the time of this call only.
      self.progress = { _, _ in }
    }
    var headers: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(headers) }
    if let validator {
      headers = curl_slist_append(headers, "If-Range: \(validator)")
      curl_set_text(handle, CURLOPT_RANGE, "\(start)-")
    }
    curl_set_list(handle, CURLOPT_HTTPHEADER, headers)
    let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    message.pointee = 0
    defer { message.deallocate() }
    curl_set_pointer(handle, CURLOPT_ERRORBUFFER, message)
    configure(handle)
    let code = curl_easy_perform(handle)
    let reason = message.pointee == 0 ? curl_easy_strerror(code) : UnsafePointer(message)
    return judge(code, reason.map { String(cString: $0) } ?? "the transfer failed", handle)
  }

  private func configure(_ handle: UnsafeMutableRawPointer) {
    curl_set_text(handle, CURLOPT_URL, source.text)
    curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    curl_set_text(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    curl_set_text(handle, CURLOPT_USERAGENT, "pipeline")
    curl_set_number(handle, CURLOPT_FOLLOWLOCATION, 1)
    curl_set_number(handle, CURLOPT_MAXREDIRS, 10)
    curl_set_number(handle, CURLOPT_CONNECTTIMEOUT, 30)
    curl_set_number(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
    curl_set_number(handle, CURLOPT_LOW_SPEED_TIME, fetcher.stallTimeout)
    curl_set_number(handle, CURLOPT_BUFFERSIZE, 256 << 10)
    curl_set_number(handle, CURLOPT_NOSIGNAL, 1)
    receive(handle)
  }

  private func receive(_ handle: UnsafeMutableRawPointer) {
    let me = Unmanaged.passUnretained(self).toOpaque()
    curl_set_pointer(handle, CURLOPT_WRITEDATA, me)
    curl_set_pointer(handle, CURLOPT_HEADERDATA, me)
    curl_set_pointer(handle, CURLOPT_XFERINFODATA, me)
    curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, me in
      guard let bytes, let me else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return transfer.take(buffer) ? size * count : 0
    }
    curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, me in
      guard let bytes, let me else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      transfer.answer.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      return size * count
    }
    curl_set_number(handle, CURLOPT_NOPROGRESS, 0)
    curl_set_monitor(handle) { me, _, _, _, _ in
      guard let me else { return 1 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      guard transfer.fetcher.isCancelled() else { return 0 }
      transfer.verdict = .cancelled
      return 1
    }
  }

  /// - Returns: Whether the transfer is to go on.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // What a redirect or an error has to say is no part of the file.
    guard answer.isFile else { return true }
    guard hasBegun || begin() else { return false }
    if let error = excess(part.size + bytes.count) {
      verdict = .refused(error)
      return false
    }
    do {
      try part.append(bytes)
    } catch {
      verdict = .failed(error.message)
      return false
    }
    progress(part.size, expected ?? answer.length.map { $0 + (answer.status == 206 ? start : 0) })
    return true
  }

  /// Makes the part ready for the answer's body.
  ///
  /// - Returns: Whether the body belongs behind the part.
  private func begin() -> Bool {
    hasBegun = true
    if answer.status == 206 {
      guard answer.rangeStart == start, answer.continues(part.validator) else {
        verdict = .startOver
        return false
      }
    } else {
      part.discard()
      part.validator = answer.validator
    }
    if let error = answer.length.flatMap({ excess(part.size + $0, isAll: true) }) {
      verdict = .refused(error)
      return false
    }
    return true
  }

  /// - `size`: Bytes that the file has.
  /// - `isAll`: Whether it is known to have no more.
  private func excess(_ size: Int, isAll: Bool = false) -> FetchError? {
    if let expected, size > expected {
      return FetchError(
        .mismatch,
        "'\(source.shown)' has \(size) bytes\(isAll ? "" : " or more") instead of \(expected); "
          + "nothing is kept. Either the file has changed, or the wrong size is asked for")
    }
    return size > fetcher.sizeLimit ? fetcher.tooLarge(source.shown, isAll ? size : nil) : nil
  }

  private func judge(
    _ code: CURLcode, _ reason: String, _ handle: UnsafeMutableRawPointer
  ) -> Outcome {
    if let verdict { return verdict }
    switch code {
    case CURLE_OK: return judge(handle)
    case CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
      CURLE_GOT_NOTHING, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR, CURLE_HTTP2_STREAM,
      CURLE_HTTP2:
      return .passing(reason, wait: nil)
    default: return .failed(reason)
    }
  }

  private func judge(_ handle: UnsafeMutableRawPointer) -> Outcome {
    switch answer.status {
    case 200, 206:
      // An empty body never came by.
      guard hasBegun || begin() else { return verdict ?? .startOver }
      if answer.length == nil, let expected, part.size < expected {
        return .passing("the server ended after \(part.size) of \(expected) bytes", wait: nil)
      }
      return .complete(isContinued: answer.status == 206)
    // There is nothing behind the part: it is whole, or another file's.
    case 416 where start > 0: return .complete(isContinued: true)
    case 408, 425, 429, 500, 502...504, 506...599:
      var seconds: curl_off_t = 0
      curl_get_size(handle, CURLINFO_RETRY_AFTER, &seconds)
      return .passing(
        "the server answers \(answer.status)", wait: seconds > 0 ? Double(seconds) : nil)
    default: return .failed("the server answers \(answer.status)")
    }
  }
}

/// What the headers of an answer say.
private struct Answer {
  private(set) var status = 0
  /// The strong ETag, else the date: what names the file's version.
  private(set) var validator: String?
  /// Bytes of the body.
  private(set) var length: Int?
  /// The offset of the body's first byte in the file.
  private(set) var rangeStart: Int?

  var isFile: Bool { status == 200 || status == 206 }

  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    let line = String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    if line.hasPrefix("HTTP/") {
      // A redirect's headers say nothing about the file.
      self = Answer()
      status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      return
    }
    guard let colon = line.firstIndex(of: ":") else { return }
    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    switch line[..<colon].lowercased() {
    case "etag": if !value.hasPrefix("W/") { validator = value }
    case "last-modified": validator = validator ?? value
    // Bounded, so that sums with it cannot overflow.
    case "content-length": length = Int(value).map { min($0, 1 << 60) }
    case "content-range": rangeStart = Answer.rangeStart(value)
    default: break
    }
  }

  /// Whether a part of the version `known` may be continued with this answer's body.
  func continues(_ known: String?) -> Bool {
    guard let known, let validator, known.hasPrefix("\"") == validator.hasPrefix("\"") else {
      return true
    }
    return known == validator
  }

  /// Reads `bytes 100-199/200`.
  private static func rangeStart(_ value: String) -> Int? {
    let words = value.split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
    return words[1].split(separator: "-").first.flatMap { Int($0) }
  }
}
