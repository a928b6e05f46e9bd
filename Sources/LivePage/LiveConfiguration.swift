public import PipelineSpec
public import Projects

/// What a live page is about, and what it may do.
public struct LiveConfiguration: Sendable {
  /// Opens the project anew, so that everything in it is looked at again.
  public var open: @Sendable () throws -> Project
  /// The pipeline's file, absolute.
  public var path: String
  /// Profile and overrides.
  public var options: SpecOptions
  /// The same as arguments of `pipeline run`.
  public var arguments: [String]
  /// This program, to run the pipeline with.
  public var program: String
  /// Where it is started.
  public var directory: String
  public var toolVersion: String
  public var isReadOnly: Bool
  /// 0 for any that is free.
  public var port: UInt16

  public init(
    open: @escaping @Sendable () throws -> Project, path: String, options: SpecOptions,
    arguments: [String], program: String, directory: String, toolVersion: String,
    isReadOnly: Bool, port: UInt16
  ) {
    self.open = open
    self.path = path
    self.options = options
    self.arguments = arguments
    self.program = program
    self.directory = directory
    self.toolVersion = toolVersion
    self.isReadOnly = isReadOnly
    self.port = port
  }
}
