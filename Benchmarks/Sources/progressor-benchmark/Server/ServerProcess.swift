import Foundation
import GRPC
import Glibc
import NIOCore
import ProgressorProto
import Synchronization

/// A `progressor serve` of our own: started, waited for until it serves, stopped.
///
/// If this process is killed, the kernel tells the server to stop, too.
final class ServerProcess: Sendable {
  let port: Int
  let processID: Int32
  private let logPath: String
  private let ended: Ended

  /// Whether the process has ended, and who waits for that.
  private final class Ended: Sendable {
    private let state = Mutex((status: Int32?.none, waiting: [CheckedContinuation<Int32, Never>]()))

    var status: Int32? { state.withLock { $0.status } }

    func report(_ status: Int32) {
      let waiting = state.withLock { state in
        state.status = status
        defer { state.waiting = [] }
        return state.waiting
      }
      for continuation in waiting { continuation.resume(returning: status) }
    }

    func wait() async -> Int32 {
      await withCheckedContinuation { continuation in
        let status = state.withLock { state in
          if state.status == nil { state.waiting.append(continuation) }
          return state.status
        }
        if let status { continuation.resume(returning: status) }
      }
    }
  }

  private init(port: Int, processID: Int32, logPath: String, ended: Ended) {
    self.port = port
    self.processID = processID
    self.logPath = logPath
    self.ended = ended
  }

  /// Starts one, whose namespace `bench` is driven by the processor at that port.
  static func start(
    program: String, cores: Int?, databaseURL: String, processorPort: Int
  ) async throws -> ServerProcess {
    let port = try await freePort()
    let process = Process()
    var command = [
      program, "serve", "--listen", "127.0.0.1:\(port)", "--database-url", databaseURL,
      "--namespace", "\(Names.namespace)=127.0.0.1:\(processorPort)",
    ]
    if let cores { command += ["--cores", "\(cores)"] }
    // util-linux's setpriv asks the kernel for the signal, then becomes the server.
    let guardian = ["/usr/bin/setpriv", "--pdeathsig", "TERM", "--"]
    let all = access(guardian[0], X_OK) == 0 ? guardian + command : command
    process.executableURL = URL(fileURLWithPath: all[0])
    process.arguments = Array(all.dropFirst())
    // Settings of a server that somebody uses must not reach this one.
    process.environment = ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("PROGRESSOR_") }
    let logPath = NSTemporaryDirectory() + "progressor-benchmark-\(getpid()).log"
    guard FileManager.default.createFile(atPath: logPath, contents: nil),
      let log = FileHandle(forWritingAtPath: logPath)
    else { throw BenchmarkError("cannot write \(logPath)") }
    process.standardOutput = log
    process.standardError = log
    process.standardInput = FileHandle.nullDevice
    let ended = Ended()
    let processID = try await run(process, ended)
    return ServerProcess(port: port, processID: processID, logPath: logPath, ended: ended)
  }

  /// Waits until the server says that it serves, and for 60 s at the most.
  func waitUntilServing(on thread: LoopThread) async throws {
    let request = ByteBuffer(bytes: HealthCheckRequest().encoded())
    let deadline = NIODeadline.now() + .seconds(60)
    try await withChannel(port: port, connections: 1, on: thread) { channel in
      while NIODeadline.now() < deadline {
        if let status = ended.status {
          throw BenchmarkError("the server ended with status \(status):\n\(logTail)")
        }
        let answer = try? await channel.unary(
          path: "/grpc.health.v1.Health/Check", message: request, deadline: .now() + .seconds(1))
        let health = answer?.message.withUnsafeReadableBytes {
          try? HealthCheckResponse(decoding: $0)
        }
        if health?.status == .serving { return }
        try await Task.sleep(for: .milliseconds(50))
      }
      throw BenchmarkError("the server does not serve after 60 s:\n\(logTail)")
    }
  }

  /// Tells the server to stop; after 15 s it is killed.
  func stop() async {
    kill(processID, SIGTERM)
    let killer = Task { [processID] in
      try await Task.sleep(for: .seconds(15))
      kill(processID, SIGKILL)
    }
    _ = await ended.wait()
    killer.cancel()
    try? FileManager.default.removeItem(atPath: logPath)
  }

  /// The last lines that the server wrote.
  var logTail: String {
    let text = (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(20).map { "    " + $0 }.joined(separator: "\n")
  }

  /// Starts the process on a thread that lives as long as it: the kernel's signal follows the
  /// thread that started it.
  private static func run(_ process: sending Process, _ ended: Ended) async throws -> Int32 {
    try await withCheckedThrowingContinuation { continuation in
      let process = UncheckedBox(process)
      Thread.detachNewThread {
        do {
          try process.value.run()
          continuation.resume(returning: process.value.processIdentifier)
        } catch {
          continuation.resume(
            throwing: BenchmarkError("cannot start the server: \(error.localizedDescription)"))
          return
        }
        process.value.waitUntilExit()
        ended.report(process.value.terminationStatus)
      }
    }
  }

  /// A port of 127.0.0.1 that nobody uses at the moment.
  private static func freePort() async throws -> Int {
    let server = GRPCServer(router: Router())
    let addresses = try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    await server.stop(grace: .zero)
    guard case .tcp(_, let port)? = addresses.first else { throw BenchmarkError("no free port") }
    return port
  }
}

/// Hands a value to the one thread that uses it from then on.
private struct UncheckedBox<Value>: @unchecked Sendable {
  // Safe: `ServerProcess.run` gives its only reference away.
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// Names that several parts agree on.
enum Names {
  static let namespace = "bench"
}
