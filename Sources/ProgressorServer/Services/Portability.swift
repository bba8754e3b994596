import GRPC
import MachineModel
import NIOCore
import ProgressorAccess
import ProgressorEngine
import ProgressorProto
import ProgressorStorage

/// How machines go elsewhere, and come from there.
struct Portability: Sendable {
  let storage: Storage
  let dispatcher: Dispatcher
  let clock: NodeClock
  let budget: ImportBudget
  let maximumMessageBytes: Int
  let maximumContentBytes: Int
  let maximumTimerDistance: Int64

  init(
    storage: Storage, dispatcher: Dispatcher, clock: NodeClock, budget: ImportBudget,
    engine: EngineConfiguration, maximumMessageBytes: Int
  ) {
    self.storage = storage
    self.dispatcher = dispatcher
    self.clock = clock
    self.budget = budget
    self.maximumMessageBytes = maximumMessageBytes
    maximumContentBytes = engine.maximumContentBytes
    maximumTimerDistance = engine.maximumTimerDistance
  }

  /// Serves the methods.
  func register(in router: inout Router) {
    router.unary("/\(AutomatonService.name)/Export") { request, responder in
      export(request, responder)
    }
    let outside = ImportStream.Outside(
      dispatcher: dispatcher, clock: clock, budget: budget,
      limits: MachineAssembly.Limits(
        contentBytes: maximumContentBytes,
        argsBytes: Portability.maximumArgsBytes(ofMessages: maximumMessageBytes),
        bytes: budget.maximum,
        timerDistance: maximumTimerDistance))
    router.bidirectional("/\(AutomatonService.name)/Import") { request, responder in
      ImportStream(request, responder, outside).begin()
    }
  }

  /// About the bytes of a page of an export: with one large event there is room for it and its
  /// machine's aux state in a message.
  private var pageBytes: Int { maximumMessageBytes / 8 }

  /// The longest `args` of a notification that waits: in an export it stands in a message with its
  /// metadata, its attempts and the page's token.
  static func maximumArgsBytes(ofMessages bytes: Int) -> Int { bytes - (16 << 10) }

  private func export(_ request: UnaryRequest, _ responder: UnaryResponder) {
    guard responder.makeRoom(for: pageBytes, again: { export(request, responder) }) else { return }
    let message: ExportRequest
    let query: ExportQuery
    let access = CallerAccess(request)
    do throws(ProgressorError) {
      message = try .decode(request.message)
      // Without its payloads a machine is not itself.
      let payloads = try access.payloads(in: message.namespace)
      guard payloads == .visible else { throw .notAllowed }
      query = try self.query(message, responder)
    } catch {
      responder.fail(RPCStatus(access.refusal(error, of: request.message)))
      return
    }
    // A task per page will do for what operators do now and then.
    Task {
      do throws(ProgressorError) {
        let page = try await storage.exportPage(query)
        responder.respond(try encode(page, message))
      } catch {
        responder.fail(RPCStatus(error, machine: MachineID(namespace: message.namespace, id: "")))
      }
    }
  }

  private func query(
    _ message: ExportRequest, _ responder: UnaryResponder
  ) throws(ProgressorError) -> ExportQuery {
    var position = ExportPosition.after(message.afterID)
    if !message.pageToken.isEmpty {
      let text = try PageToken.read(message.pageToken, of: ExportScope(message))
      guard let read = ExportPosition(text: text) else { throw PageToken.refusal }
      position = read
    }
    return ExportQuery(
      namespace: message.namespace, ids: message.ids, position: position, bytes: Int64(pageBytes),
      // The client is gone, or its deadline has passed.
      isOver: { responder.isCancelled })
  }

  private func encode(
    _ page: ExportPage, _ message: ExportRequest
  ) throws(ProgressorError) -> ByteBuffer {
    let token = page.next.map { PageToken.make(after: $0.text, of: ExportScope(message)) }
    let response = ExportResponse(parts: page.parts, nextPageToken: token ?? "")
    if let buffer = response.buffer(limit: maximumMessageBytes) { return buffer }
    throw ProgressorError(
      .resourceExhausted, .historyTooLarge,
      "a page of the export does not fit into \(maximumMessageBytes) bytes (limits.message_size)")
  }
}

/// The scope of `Automaton.Export`.
struct ExportScope: PageScope {
  let message: ExportRequest

  init(_ message: ExportRequest) { self.message = message }

  var parts: [String] { ["Export", message.namespace, message.afterID] + message.ids }
}
