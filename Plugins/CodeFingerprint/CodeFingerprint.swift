import Foundation
import PackagePlugin

/// Gives a stage's module the digest of its own code, so that a change of that code changes the
/// action keys of that stage and of no other.
///
/// The digest covers the sources of the module and of all modules of this package that it uses; where
/// these compute with tensors, also the library that is opened for them, and LibTorch's version.
@main
struct CodeFingerprint: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    guard let module = target as? SwiftSourceModuleTarget else { return [] }
    let root = context.package.directoryURL.path + "/"
    var files: [URL] = sources(of: module, below: root)
    for dependency in module.recursiveTargetDependencies {
      if let dependency = dependency as? any SourceModuleTarget {
        files += sources(of: dependency, below: root)
      }
    }
    var headers: [URL] = []
    if module.recursiveTargetDependencies.contains(where: { $0.name == "CTorchInterface" }) {
      for target in context.package.targets where target.name == "CTorch" {
        files += (target as? any SourceModuleTarget).map { sources(of: $0, below: root) } ?? []
      }
      headers = libTorchVersion.filter { FileManager.default.fileExists(atPath: $0.path) }
    }
    files.sort { $0.path < $1.path }
    let output = context.pluginWorkDirectoryURL.appending(path: "CodeFingerprint.swift")
    // Names relative to the package, so that the digest is the same wherever it is checked out.
    let script = """
      cd "$1" && output="$2" && headers="$3" && shift 3
      digest=$({ cat /dev/null $headers; sha256sum -- "$@"; } | sha256sum | cut -c 1-64)
      printf 'enum CodeFingerprint {\\n  static let digest = "%s"\\n}\\n' "$digest" > "$output"
      """
    var arguments: [String] = [
      "-euc", script, "sh", root, output.path, headers.map(\.path).joined(separator: " "),
    ]
    for file in files { arguments.append(String(file.path.dropFirst(root.count))) }
    return [
      .buildCommand(
        displayName: "Fingerprinting the code of \(module.name)",
        executable: URL(fileURLWithPath: "/bin/sh"), arguments: arguments,
        inputFiles: files + headers, outputFiles: [output])
    ]
  }

  /// The headers that hold the version of the LibTorch that is built against, old and new.
  private var libTorchVersion: [URL] {
    let include = ProcessInfo.processInfo.environment["LIBTORCH"].map { "\($0)/include" }
    return ["torch/csrc/api/include/torch/version.h", "torch/headeronly/version.h"].map {
      URL(fileURLWithPath: "\(include ?? "/usr/include")/\($0)")
    }
  }

  /// The sources that the package itself holds; those of its dependencies are pinned by version.
  private func sources(of module: any SourceModuleTarget, below root: String) -> [URL] {
    var urls: [URL] = []
    for file in module.sourceFiles where file.type == .source || file.type == .header {
      let path = file.url.path
      if path.hasPrefix(root), !path.hasPrefix(root + ".build") { urls.append(file.url) }
    }
    return urls
  }
}
