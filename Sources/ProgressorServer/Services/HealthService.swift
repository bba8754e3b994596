import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

/// `grpc.health.v1.Health`: Check, Watch and List, for the whole server (`""`) and each service.
///
/// All have one status: without its database and its shards, this node can serve nothing.
final class HealthService: Sendable {
  static let name = "grpc.health.v1.Health"

  private struct Watcher {
    let responder: StreamResponder
    let isKnown: Bool
    /// nil = nothing was sent, or what was is not the newest.
    var sent: ServingStatus?
  }

  private struct State {
    var isServing = false
    var watchers: [UInt64: Watcher] = [:]
    var nextWatcher: UInt64 = 0
    /// Told once, when requests are taken for the first time.
    var onServing: (@Sendable () -> Void)?
  }

  private let services: Set<ExactText>
  private let state = Mutex(State())

  /// - Parameter services: The full names of what the server serves.
  init(services: [String]) {
    self.services = Set(services.map { ExactText($0) }).union([""])
  }

  /// Whether requests are taken now.
  var isServing: Bool { state.withLock { $0.isServing } }

  /// Calls `body` once, when requests are taken: now, or as soon as they are. From any thread.
  func whenServing(_ body: @escaping @Sendable () -> Void) {
    let isServing = state.withLock { state in
      if !state.isServing { state.onServing = body }
      return state.isServing
    }
    if isServing { body() }
  }

  /// Tells all watchers of a change. From any thread.
  func update(isServing: Bool) {
    let onServing = state.withLock { state -> (@Sendable () -> Void)? in
      if state.isServing == isServing { return nil }
      state.isServing = isServing
      for id in state.watchers.keys { HealthService.tell(id, &state) }
      guard isServing else { return nil }
      defer { state.onServing = nil }
      return state.onServing
    }
    onServing?()
  }

  /// NOT_SERVING from now on, and the end of every Watch: nobody's stream holds up a stop.
  func stop() {
    update(isServing: false)
    let watchers = state.withLock { state in
      defer { state.watchers = [:] }
      return state.watchers.values.map(\.responder)
    }
    for watcher in watchers {
      watcher.finish(RPCStatus(code: .unavailable, message: "the server is stopping"))
    }
  }

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    router.unary("/\(HealthService.name)/Check") { request, responder in
      self.check(request, responder)
    }
    router.unary("/\(HealthService.name)/List") { _, responder in
      let status = self.status
      let statuses = Dictionary(uniqueKeysWithValues: self.services.map { ($0, status) })
      responder.respond(HealthListResponse(statuses: statuses).buffer() ?? ByteBuffer())
    }
    router.serverStreaming("/\(HealthService.name)/Watch") { request, responder in
      self.watch(request, responder)
    }
  }

  private var status: ServingStatus { isServing ? .serving : .notServing }

  private func check(_ request: UnaryRequest, _ responder: UnaryResponder) {
    do {
      let service = try HealthCheckRequest(decoding: request.message).service
      guard services.contains(ExactText(service)) else {
        responder.fail(RPCStatus(code: .notFound, message: "unknown service \"\(service)\""))
        return
      }
      responder.respond(HealthCheckResponse(status: status).buffer() ?? ByteBuffer())
    } catch {
      responder.fail(RPCStatus(.init(error)))
    }
  }

  private func watch(_ request: UnaryRequest, _ responder: StreamResponder) {
    let isKnown: Bool
    do {
      let service = try HealthCheckRequest(decoding: request.message).service
      isKnown = services.contains(ExactText(service))
    } catch {
      responder.finish(RPCStatus(.init(error)))
      return
    }
    let id = state.withLock { state in
      let id = state.nextWatcher
      state.nextWatcher += 1
      state.watchers[id] = Watcher(responder: responder, isKnown: isKnown)
      HealthService.tell(id, &state)
      return id
    }
    responder.onWritable { [weak self] in self?.state.withLock { HealthService.tell(id, &$0) } }
    responder.onCancel { [weak self] in
      _ = self?.state.withLock { $0.watchers.removeValue(forKey: id) }
    }
  }

  /// Sends the newest status unless it was sent; what a slow watcher misses is replaced by what is
  /// true when it reads again.
  private static func tell(_ id: UInt64, _ state: inout State) {
    guard var watcher = state.watchers[id] else { return }
    let status: ServingStatus =
      watcher.isKnown ? (state.isServing ? .serving : .notServing) : .serviceUnknown
    if watcher.sent == status { return }
    let message = HealthCheckResponse(status: status).buffer() ?? ByteBuffer()
    watcher.sent = watcher.responder.send(message) ? status : nil
    state.watchers[id] = watcher
  }
}
