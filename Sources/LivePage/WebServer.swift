import FlyingSocks
import Foundation

/// Speaks HTTP/1.1 with the browsers of this machine.
///
/// FlyingSocks brings the sockets. The HTTP layer above it, FlyingFox, would link libcurl for its
/// proxy, which costs every start of the program four milliseconds, so these few lines stand here.
struct WebServer: Sendable {
  let answer: @Sendable (WebRequest) async -> WebResponse

  /// Connections at once; a browser opens six.
  static let connectionLimit = 128

  /// Serves on the loopback interface until the task is cancelled.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - ready: Called with the port once it listens.
  /// - Throws: Where the port cannot be had.
  func run(port: UInt16, ready: @escaping @Sendable (UInt16) -> Void) async throws {
    let pool: some AsyncSocketPool = .ePoll()
    try await pool.prepare()
    let socket = try Socket(domain: AF_INET)
    try socket.setValue(true, for: .localAddressReuse)
    // Nobody on the network can reach this address.
    try socket.bind(to: try sockaddr_in.inet(ip4: "127.0.0.1", port: port))
    try socket.listen()
    guard case .ip4(_, let bound) = try socket.sockname() else { return }
    let listener = try AsyncSocket(socket: socket, pool: pool)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await pool.run() }
      group.addTask {
        ready(bound)
        await withDiscardingTaskGroup { connections in
          let count = Counter()
          while !Task.isCancelled {
            guard let connection = try? await listener.accept() else {
              // Out of descriptors, most likely; some will be free again.
              try? await Task.sleep(for: .milliseconds(50))
              continue
            }
            guard await count.take(atMost: WebServer.connectionLimit) else {
              try? connection.close()
              continue
            }
            connections.addTask {
              await serve(connection)
              try? connection.close()
              await count.giveBack()
            }
          }
        }
      }
      try await group.next()
      group.cancelAll()
    }
  }

  private actor Counter {
    private var count = 0
    func take(atMost limit: Int) -> Bool {
      guard count < limit else { return false }
      count += 1
      return true
    }
    func giveBack() { count -= 1 }
  }

  /// Answers the requests of one connection, one after the other.
  private func serve(_ connection: AsyncSocket) async {
    var buffer: [UInt8] = []
    do {
      while let request = try await read(from: connection, &buffer) {
        let response = await answer(request)
        try await connection.write(Data(response.head))
        switch response.body {
        case .bytes(let bytes):
          if request.method != "HEAD" { try await connection.write(Data(bytes)) }
        case .events(var stream):
          while let bytes = await stream.next() { try await connection.write(Data(bytes)) }
          return
        }
        if !request.keepsConnection { return }
      }
    } catch let error as LiveError {
      // What is no request cannot be told from what follows it: answered, and the end.
      let response = Answer.text(error.message, status: error.status)
      try? await connection.write(Data(response.head))
      if case .bytes(let bytes) = response.body { try? await connection.write(Data(bytes)) }
    } catch {
      // The browser has gone.
    }
  }

  /// The next request of a connection.
  ///
  /// - Returns: Nil where the connection ended between two.
  private func read(from connection: AsyncSocket, _ buffer: inout [UInt8]) async throws
    -> WebRequest?
  {
    let blank = Array("\r\n\r\n".utf8)
    var searched = 0
    var end = buffer.firstRange(of: blank)
    while end == nil {
      guard buffer.count <= WebRequest.headLimit else {
        throw LiveError(400, "The request's head is over 64 KiB.")
      }
      searched = max(0, buffer.count - 3)
      guard let bytes = try? await connection.read(atMost: 4096), !bytes.isEmpty else { return nil }
      buffer += bytes
      end = buffer[searched...].firstRange(of: blank)
    }
    guard let end else { return nil }
    var request = try WebRequest(head: buffer[..<end.lowerBound])
    buffer.removeSubrange(..<end.upperBound)
    let length = try request.bodyLength()
    while buffer.count < length {
      let bytes = try await connection.read(atMost: 4096)
      if bytes.isEmpty { return nil }
      buffer += bytes
    }
    request.body = Array(buffer[..<length])
    buffer.removeSubrange(..<length)
    return request
  }
}
