import Foundation
import PackagePlugin

/// Gives a stage's module the digest of its own code, so that a change of that code changes the
/// action keys of that stage and of no other.
///
/// The digest covers the sources of the module and of all modules of this package that it uses.
@main
struct CodeFingerprint: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    guard let module = target as? SwiftSourceModuleTarget else { return [] }
    let root = context.package.directoryURL.path
    let modules: [any SourceModuleTarget] =
      [module] + module.recursiveTargetDependencies.compactMap { $0 as? any SourceModuleTarget }
    let files = modules.filter {
      $0.directoryURL.path.hasPrefix(root + "/Sources/") || $0.id == module.id
    }
    .flatMap { Array($0.sourceFiles) }
    .filter { $0.type == .source || $0.type == .header }
    .map(\.url).filter { $0.path.hasPrefix(root + "/") }
    .sorted { $0.path < $1.path }
    let output = context.pluginWorkDirectoryURL.appending(path: "CodeFingerprint.swift")
    // Names relative to the package, so that the digest is the same wherever it is checked out.
    let script = """
      cd "$1" && output="$2" && shift 2
      digest=$(sha256sum -- "$@" | sha256sum | cut -c 1-64)
      printf 'enum CodeFingerprint {\\n  static let digest = "%s"\\n}\\n' "$digest" > "$output"
      """
    return [
      .buildCommand(
        displayName: "Fingerprinting the code of \(module.name)",
        executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: ["-euc", script, "sh", root, output.path]
          + files.map { String($0.path.dropFirst(root.count + 1)) },
        inputFiles: files, outputFiles: [output])
    ]
  }
}
