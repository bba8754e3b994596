import Dispatch
import Foundation
import Glibc
import Synchronization

/// A line to PostgreSQL's socket on which only so much passes in a second, or nothing any more.
/// What comes back passes at once.
final class SlowLine: Sendable {
  /// How it takes what it cannot pass on yet.
  enum Kind: Sendable, CaseIterable {
    /// It takes no more than passes, and the sender keeps the rest.
    case narrow
    /// It takes everything at once, as a proxy with much room does.
    case swallowing
  }

  private let kind: Kind
  private let bytesPerSecond: Int
  /// Nothing passes on a connection behind so many bytes; nil = all does.
  private let stopsBehind: Int?
  private let directory: String
  private let target: String
  private let listener: Int32
  private let descriptors = Mutex<[Int32]>([])
  private let most = Mutex(0)

  private static let name = "/.s.PGSQL.5432"

  /// - Parameter database: The connection string of a database behind a socket.
  init(
    to database: String, _ kind: Kind = .narrow, bytesPerSecond: Int, stopsBehind: Int? = nil
  ) throws {
    let parts = database.split(separator: "'", omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw Inbox.Missing(description: "no socket in \(database)") }
    target = String(parts[1])
    self.kind = kind
    self.bytesPerSecond = bytesPerSecond
    self.stopsBehind = stopsBehind
    var template = Array("/tmp/progressor-line-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Inbox.Missing(description: "no directory") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    listener = try SlowLine.socket(directory + SlowLine.name) { bind($0, $1, $2) }
    guard listen(listener, 64) == 0 else { throw Inbox.Missing(description: "no listener") }
    Thread.detachNewThread { [self] in acceptAll() }
  }

  /// The same database over the line.
  func database(_ database: String) -> String { database.replacing(target, with: directory) }

  /// What passed on the connection that sent most.
  var bytesPassed: Int { most.withLock { $0 } }

  func close() {
    let all = descriptors.withLock { $0 } + [listener]
    for descriptor in all { shutdown(descriptor, Int32(SHUT_RDWR)) }
    try? FileManager.default.removeItem(atPath: directory)
  }

  private static func socket(
    _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws -> Int32 {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard descriptor >= 0, result == 0 else {
      throw Inbox.Missing(description: "no socket at \(path): \(errno)")
    }
    return descriptor
  }

  private func acceptAll() {
    while true {
      let client = accept(listener, nil, nil)
      if client < 0 { return }
      guard let server = try? SlowLine.socket(target + SlowLine.name, { connect($0, $1, $2) })
      else {
        Glibc.close(client)
        continue
      }
      descriptors.withLock { $0 += [client, server] }
      Thread.detachNewThread { [self] in pass(from: server, to: client) { _ in true } }
      Thread.detachNewThread { [self] in passSlowly(from: client, to: server) }
    }
  }

  /// - Parameter mayPass: Called before something passes; false = it stays here, and all behind it.
  private func pass(from source: Int32, to sink: Int32, _ mayPass: ([UInt8]) -> Bool) {
    while let piece = Self.read(source) {
      guard mayPass(piece) else { return }
      guard Self.write(piece, to: sink) else { break }
    }
    shutdown(sink, Int32(SHUT_RDWR))
  }

  private func passSlowly(from client: Int32, to server: Int32) {
    var passed = 0
    func mayPass(_ piece: [UInt8]) -> Bool {
      passed += piece.count
      if let stopsBehind, passed > stopsBehind { return false }
      most.withLock { $0 = max($0, passed) }
      let seconds = Double(piece.count) / Double(bytesPerSecond)
      _ = DispatchSemaphore(value: 0).wait(timeout: .now() + seconds)
      return true
    }
    if kind == .narrow { return pass(from: client, to: server, mayPass) }
    let taken = Taken()
    Thread.detachNewThread {
      while let piece = Self.read(client) { taken.add(piece) }
      taken.add([])
    }
    while true {
      let piece = taken.next()
      if piece.isEmpty { break }
      guard mayPass(piece) else { return }
      guard Self.write(piece, to: server) else { break }
    }
    shutdown(server, Int32(SHUT_RDWR))
  }

  /// What was taken and has not passed; an empty piece is the end.
  private final class Taken: Sendable {
    private let pieces = Mutex<[[UInt8]]>([])
    private let count = DispatchSemaphore(value: 0)

    func add(_ piece: [UInt8]) {
      pieces.withLock { $0.append(piece) }
      count.signal()
    }

    func next() -> [UInt8] {
      count.wait()
      return pieces.withLock { $0.removeFirst() }
    }
  }

  /// nil = that was all.
  private static func read(_ descriptor: Int32) -> [UInt8]? {
    var piece = [UInt8](repeating: 0, count: 16 << 10)
    let count = Glibc.read(descriptor, &piece, piece.count)
    return count > 0 ? Array(piece.prefix(count)) : nil
  }

  private static func write(_ piece: [UInt8], to descriptor: Int32) -> Bool {
    var rest = piece[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
