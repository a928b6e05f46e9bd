import CCurl
import Foundation

/// One request to a server, by libcurl.
final class Transfer {
  enum Outcome {
    case complete
    /// The server has another version than the part that is there.
    case startOver
    /// Waiting may help; the server may have said how many seconds.
    case passing(String, wait: Double?)
    case failed(String)
    case tooLarge
  }

  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  private let source: SourceURL
  private let sizeLimit: Int
  private let stallTimeout: Int
  private let part: PartialFile
  private let expected: Int?
  private var handle: UnsafeMutableRawPointer?
  private var progress: (Int, Int?) -> Void = { _, _ in }
  private var status = 0
  private var validator: String?
  private var retryAfter: Double?
  private var length: Int?
  private var isTooLarge = false
  private var writeError: FetchError?

  init(
    source: SourceURL, sizeLimit: Int, stallTimeout: Int, part: PartialFile, expected: Int?
  ) {
    self.source = source
    self.sizeLimit = sizeLimit
    self.stallTimeout = stallTimeout
    self.part = part
    self.expected = expected
  }

  func perform(progress: @escaping (Int, Int?) -> Void) -> Outcome {
    guard Transfer.isReady, let handle = curl_easy_init() else {
      return .failed("libcurl cannot be used")
    }
    self.handle = handle
    self.progress = progress
    defer {
      curl_easy_cleanup(handle)
      self.handle = nil
      // The caller lends its closure for the time of this call only.
      self.progress = { _, _ in }
    }
    let start = part.size
    var headers: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(headers) }
    if start > 0 {
      // Without a name for its version, the part might be continued with another file's bytes.
      guard let validator = part.validator else { return .startOver }
      headers = curl_slist_append(headers, "If-Range: \(validator)")
      curl_set_text(handle, CURLOPT_RANGE, "\(start)-")
    }
    curl_set_list(handle, CURLOPT_HTTPHEADER, headers)
    configure(handle)
    let code = curl_easy_perform(handle)
    return judge(code, start: start)
  }

  private func configure(_ handle: UnsafeMutableRawPointer) {
    let me = Unmanaged.passUnretained(self).toOpaque()
    curl_set_text(handle, CURLOPT_URL, source.text)
    curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    curl_set_text(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    curl_set_text(handle, CURLOPT_USERAGENT, "pipeline")
    curl_set_number(handle, CURLOPT_FOLLOWLOCATION, 1)
    curl_set_number(handle, CURLOPT_MAXREDIRS, 10)
    curl_set_number(handle, CURLOPT_CONNECTTIMEOUT, 30)
    curl_set_number(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
    curl_set_number(handle, CURLOPT_LOW_SPEED_TIME, stallTimeout)
    curl_set_number(handle, CURLOPT_NOSIGNAL, 1)
    curl_set_pointer(handle, CURLOPT_WRITEDATA, me)
    curl_set_pointer(handle, CURLOPT_HEADERDATA, me)
    curl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, me in
      guard let bytes, let me else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return transfer.take(buffer) ? size * count : 0
    }
    curl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, me in
      guard let bytes, let me else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(me).takeUnretainedValue()
      transfer.take(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
      return size * count
    }
  }

  private func take(header bytes: UnsafeRawBufferPointer) {
    let line = String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    if line.hasPrefix("HTTP/") {
      // A redirect's headers say nothing about the file.
      status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      (validator, retryAfter, length) = (nil, nil, nil)
      return
    }
    guard let colon = line.firstIndex(of: ":") else { return }
    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    switch line[..<colon].lowercased() {
    case "etag": if !value.hasPrefix("W/") { validator = value }
    case "last-modified": validator = validator ?? value
    case "retry-after": retryAfter = Double(value)
    case "content-length": length = Int(value)
    default: break
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard status == 200 || status == 206 else { return true }
    // The whole file although a part was asked for: what is there is of another version.
    if status == 200, part.size > 0, part.validator != validator || !hasBody { part.discard() }
    hasBody = true
    if part.validator == nil { part.validator = validator }
    guard part.size + bytes.count <= sizeLimit else {
      isTooLarge = true
      return false
    }
    do {
      try part.append(bytes)
    } catch {
      writeError = error
      return false
    }
    progress(part.size, expected ?? length)
    return true
  }
  private var hasBody = false

  private func judge(_ code: CURLcode, start: Int) -> Outcome {
    if isTooLarge { return .tooLarge }
    if let writeError { return .failed(writeError.message) }
    let reason = String(cString: curl_easy_strerror(code))
    switch code {
    case CURLE_OK: break
    case CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR,
      CURLE_GOT_NOTHING, CURLE_COULDNT_CONNECT, CURLE_HTTP2_STREAM, CURLE_HTTP2:
      return .passing(reason, wait: nil)
    default: return .failed(reason)
    }
    switch status {
    case 200, 206: return .complete
    case 416 where start > 0: return .startOver
    case 408, 429, 500, 502, 503, 504:
      return .passing("the server answers \(status)", wait: retryAfter)
    default: return .failed("the server answers \(status)")
    }
  }
}
