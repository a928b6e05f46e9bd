import ArgumentParser
import Foundation
import LivePage
import Projects

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Show the notebook as a page that follows runs and starts them.",
    discussion: """
      Prints an address with a secret token; whoever has it can read the page and, without \
      --read-only, run the pipeline. Only this machine can reach it. The page follows every run of \
      the pipeline, also one that a terminal started. Ctrl-C ends the server and the run that it \
      started; what is finished is kept.

      Examples:
        pipeline serve                             on any free port
        pipeline serve Pipelines/edge.yaml --port 8000 --read-only
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Option(help: "The port; without it any that is free.")
  var port: UInt16 = 0

  @Flag(help: "Show, but neither run, cancel nor edit.")
  var readOnly = false

  func run() throws {
    // Wrong files are told at once, and not to the page.
    let (project, _) = try pipeline.load(writes: true)
    let path = URL(fileURLWithPath: try pipeline.fileOrDefault()).standardizedFileURL
      .resolvingSymlinksInPath().path
    let (root, environment) = (project.root, project.environment)
    let server = try LiveServer(
      LiveConfiguration(
        open: { try PipelineOptions.open(root: root, environment: environment) }, path: path,
        options: try pipeline.specOptions(), arguments: pipeline.arguments,
        program: executablePath(), directory: FileManager.default.currentDirectoryPath,
        toolVersion: PipelineCommand.version, isReadOnly: readOnly, port: port))
    let ends = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        server.end()
        Foundation.exit(0)
      }
      source.resume()
      return source
    }
    Task {
      do {
        try await server.run { Terminal.print($0) }
      } catch {
        Terminal.note("error: the server can't go on: \(error.localizedDescription)")
        Foundation.exit(7)
      }
    }
    withExtendedLifetime(ends) { dispatchMain() }
  }
}
