import ArtifactStore
import ContentHashing
import Foundation
import Notebook
import Projects
import StructuredValue
import Synchronization

/// The notebook as a page that follows runs and starts them.
public final class LiveServer: Sendable {
  let configuration: LiveConfiguration
  let store: ArtifactStore
  private let token = Gatekeeper.newToken()
  /// Known once the server listens.
  private let port = Mutex<UInt16>(0)
  let live: LiveState
  let desk: NotebookDesk
  let views: ViewDesk
  private let follower: RunFollower
  let starter: RunStarter
  let assets = LiveAssets()

  /// - Throws: What opening the project throws, and `ProjectError` for a file outside of it.
  public init(_ configuration: LiveConfiguration) throws {
    self.configuration = configuration
    let project = try configuration.open()
    guard let file = project.relative(configuration.path) else {
      throw ProjectError(
        status: ProjectError.invalidPipeline,
        "error P0122: '\(configuration.path)' is not inside the project '\(project.root)'")
    }
    store = project.store
    let hub = EventHub(epoch: String(Gatekeeper.newToken().prefix(6)).replacing("-", with: "_"))
    live = LiveState(hub: hub, isReadOnly: configuration.isReadOnly)
    let desk = NotebookDesk(configuration, live: live)
    self.desk = desk
    views = ViewDesk(configuration)
    follower = RunFollower(store: store, file: file, live: live) { desk.refreshSoon() }
    starter = RunStarter(configuration, live: live)
  }

  /// Serves until the task is cancelled.
  ///
  /// - Parameter ready: Called with the page's address once it can be opened.
  /// - Throws: Where the port cannot be had.
  public func run(ready: @escaping @Sendable (String) -> Void) async throws {
    let server = WebServer { [self] in await answer($0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        try await server.run(port: configuration.port) { port in
          self.port.withLock { $0 = port }
          ready("http://127.0.0.1:\(port)/?token=\(self.token)")
        }
      }
      group.addTask { [self] in await follower.follow() }
      group.addTask { [self] in await watchFiles() }
      try await group.next()
      group.cancelAll()
    }
  }

  var gatekeeper: Gatekeeper {
    Gatekeeper(
      token: token, port: port.withLock { $0 }, isReadOnly: configuration.isReadOnly)
  }

  /// Ends what this server started; for the end of the process.
  public func end() {
    live.hub.close()
    starter.endAll()
  }

  /// Looks for edited files as long as anybody looks at the page.
  private func watchFiles() async {
    desk.refreshSoon()
    while !Task.isCancelled {
      let seconds = live.hub.streams > 0 ? await desk.lookForChanges() : 0
      try? await Task.sleep(for: .seconds(max(0.4, seconds * 50)))
    }
  }
}
