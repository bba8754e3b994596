import Glibc
import MachineModel

/// The folder of the files that namespaces may name for the TLS of their processors. Whoever may
/// change namespaces names files of the server: no others.
public struct TLSDirectory: Sendable, Hashable {
  /// Absolute, without a slash at the end.
  let path: String

  /// nil = it is no absolute path, or has `..` in it.
  init?(_ path: String) {
    var path = path
    while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    guard Self.isPlain(path), path.utf8.count > 1 else { return nil }
    self.path = path
  }

  /// Whether a path stays where it begins: absolute, and no component leads elsewhere.
  private static func isPlain(_ path: String) -> Bool {
    let components = path.utf8.split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else { return false }
    return !components.contains {
      $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8)
    }
  }

  /// Whether the text of a path says that it is below.
  func contains(_ file: String) -> Bool {
    Self.isPlain(file) && Self.isBelow(file, path)
  }

  private static func isBelow(_ file: String, _ directory: String) -> Bool {
    file.utf8.starts(with: (directory + "/").utf8) && file.utf8.count > directory.utf8.count + 1
  }

  /// The file without symbolic links, which is below; throws when it is elsewhere, or not there.
  /// Reads the file system.
  func resolve(_ file: String) throws(ConfigurationError) -> String {
    guard contains(file), let directory = Self.real(path), let real = Self.real(file) else {
      throw ConfigurationError(place: file, problem: "is not there")
    }
    guard Self.isBelow(real, directory) else {
      throw ConfigurationError(place: file, problem: "leads out of processor_tls_directory")
    }
    return real
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(validatingCString: resolved)
  }
}

extension Namespace {
  /// Throws `INVALID_ARGUMENT` unless the files for the processor's TLS are below `directory`, nil
  /// = there is none, and no file may be named.
  func checkTLSFiles(below directory: TLSDirectory?, path: String) throws(ProgressorError) {
    guard let tls = processor.tls else { return }
    for (field, file) in tls.files where !file.isEmpty {
      let problem: String
      if let directory {
        if directory.contains(file) { continue }
        problem = "must be the absolute path of a file below the server's processor_tls_directory"
      } else {
        problem = "must be empty: the server has no processor_tls_directory"
      }
      throw FieldFault("processor.tls.\(field)", problem).error(path: path)
    }
  }
}
