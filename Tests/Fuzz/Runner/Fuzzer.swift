import Foundation
import Synchronization

/// The driver of libFuzzer: makes inputs that reach what none has reached, until it is told to end.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ check: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The program that `scripts/fuzz` builds and runs. With a target's name in `FUZZ_TARGET` all
/// arguments are libFuzzer's, which starts the program again with others; without:
///
///     fuzz list                   names of all targets, and the most bytes of their inputs
///     fuzz unpack TARGET CORPUS FOLDER
///                                 writes seeds and corpus into a folder, a file each
///     fuzz pack FOLDER BYTES      prints the shortest inputs of a folder as a corpus has them
///     fuzz line FILE              prints one
@main
enum Fuzzer {
  private static let chosen = Mutex<FuzzTarget?>(nil)

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] {
      run(try target(name), arguments)
    }
    let folders = arguments.dropFirst().map { URL(filePath: $0) }
    switch (arguments.first, folders.count) {
    case ("list", 0):
      for target in FuzzTarget.all { print(target.name, target.maximumBytes) }
    case ("unpack", 3):
      try unpack(try target(arguments[1]), corpus: folders[1], into: folders[2])
    case ("pack", 2): try pack(folders[0], atMost: Int(arguments[2]) ?? 0)
    case ("line", 1): print(Corpus.line(Array(try Data(contentsOf: folders[0]))))
    default: throw Misuse(description: "fuzz list, unpack, pack or line")
    }
  }

  private struct Misuse: Error, CustomStringConvertible {
    let description: String
  }

  private static func target(_ name: String) throws -> FuzzTarget {
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
      throw Misuse(description: "there is no target \(name)")
    }
    return target
  }

  private static func unpack(_ target: FuzzTarget, corpus: URL, into folder: URL) throws {
    var inputs = target.seeds()
    if FileManager.default.fileExists(atPath: corpus.path) {
      for name in try FileManager.default.contentsOfDirectory(atPath: corpus.path) {
        inputs += try Corpus.inputs(of: Array(Data(contentsOf: corpus.appending(path: name))))
      }
    }
    for (index, input) in inputs.enumerated() {
      try Data(input).write(to: folder.appending(path: "kept-\(index)"))
    }
  }

  private static func pack(_ folder: URL, atMost limit: Int) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let lines = try names.map { name in
      Corpus.line(Array(try Data(contentsOf: folder.appending(path: name))))
    }
    var left = limit
    let shortest = lines.filter { !$0.isEmpty }.sorted {
      ($0.utf8.count, $0) < ($1.utf8.count, $1)
    }
    for line in shortest {
      left -= line.utf8.count + 1
      if left < 0 { return }
      print(line)
    }
  }

  private static func run(_ target: FuzzTarget, _ options: [String]) -> Never {
    chosen.withLock { $0 = target }
    var arguments = ([CommandLine.arguments[0]] + options).map { strdup($0) } + [nil]
    var count = CInt(options.count + 1)
    let status = arguments.withUnsafeMutableBufferPointer { buffer -> CInt in
      guard var start = buffer.baseAddress else { return 1 }
      return runDriver(&count, &start) { bytes, count in
        Fuzzer.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
      }
    }
    exit(status)
  }

  /// Ends the process when the input shows a fault: so libFuzzer keeps it.
  private static func check(_ input: [UInt8]) {
    guard let target = chosen.withLock({ $0 }) else { return }
    do {
      switch target.check {
      case .atOnce(let check): try check(input)
      case .waiting(let check): try Waiter().wait { try await check(input) }
      }
    } catch {
      fatalError("\(target.name): \(error)\nthe input: \(Corpus.line(input))")
    }
  }
}

/// Has a thread that is none of Swift's own stand still until a task is done.
private final class Waiter: Sendable {
  private let failure = Mutex<(any Error)?>(nil)
  private let isDone = DispatchSemaphore(value: 0)

  func wait(for body: @escaping @Sendable () async throws -> Void) throws {
    Task.detached {
      do { try await body() } catch { self.failure.withLock { $0 = error } }
      self.isDone.signal()
    }
    isDone.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
