import GRPC
import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto
import ProgressorStorage

/// `progressor.v1.Namespaces`.
struct NamespacesService: Sendable {
  /// The name under which health and reflection know it.
  static let name = "progressor.v1.Namespaces"

  let namespaces: Storage
  let dispatcher: Dispatcher
  let clock: NodeClock
  let timeouts: ProcessorTimeouts
  /// Below which namespaces may name files for TLS; nil = they may name none.
  let tlsDirectory: TLSDirectory?
  let logger: Logger
  /// A namespace was deleted, and its repair jobs ended with it.
  let namespaceDeleted: @Sendable () -> Void

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    serve(CreateNamespaceRequest.self, "Create", &router, name: \.namespace.name, at: [1, 1]) {
      request, access throws(ProgressorError) in
      try validate(request.namespace)
      let record = try await namespaces.createNamespace(request.namespace)
      tell("a namespace was created", record.namespace.name, access)
      return CreateNamespaceResponse(namespace: record.namespace)
    }
    serve(GetNamespaceRequest.self, "Get", &router, name: \.name) {
      request, _ throws(ProgressorError) in
      let record = try await namespaces.namespace(named: request.name)
      return GetNamespaceResponse(namespace: record.namespace)
    }
    serve(ListNamespacesRequest.self, "List", &router, name: nil) {
      _, access throws(ProgressorError) in
      let all = try await namespaces.listNamespaces().map(\.namespace)
      return ListNamespacesResponse(namespaces: all.filter { access.allows($0.name) })
    }
    serve(UpdateNamespaceRequest.self, "Update", &router, name: \.namespace.name, at: [1, 1]) {
      request, access throws(ProgressorError) in
      try validate(request.namespace)
      let record = try await namespaces.updateNamespace(request.namespace)
      tell("a namespace was updated", record.namespace.name, access)
      return UpdateNamespaceResponse(namespace: record.namespace)
    }
    serve(DeleteNamespaceRequest.self, "Delete", &router, name: \.name) {
      request, access throws(ProgressorError) in
      try await namespaces.deleteNamespace(named: request.name, now: clock.now().wall)
      tell("a namespace was deleted", request.name, access)
      namespaceDeleted()
      return DeleteNamespaceResponse()
    }
    serve(PauseNamespaceRequest.self, "Pause", &router, name: \.name) {
      request, access throws(ProgressorError) in
      let record = try await namespaces.setPause(
        request.reason, ofNamespace: request.name, by: access.principalName)
      tell("a namespace was paused", request.name, access, reason: request.reason)
      try await awaitQuiet(request.name)
      return PauseNamespaceResponse(namespace: record.namespace)
    }
    serve(ResumeNamespaceRequest.self, "Resume", &router, name: \.name) {
      request, access throws(ProgressorError) in
      let record = try await namespaces.setPause(nil, ofNamespace: request.name)
      tell("a namespace was resumed", request.name, access)
      return ResumeNamespaceResponse(namespace: record.namespace)
    }
  }

  /// Who changed what: nothing else keeps that.
  private func tell(
    _ what: Logger.Message, _ name: String, _ access: CallerAccess, reason: String = ""
  ) {
    var metadata: Logger.Metadata = ["namespace": "\(name)"]
    if let principal = access.principalName { metadata["principal"] = "\(principal)" }
    if !reason.isEmpty { metadata["reason"] = "\(reason.prefix(utf8Bytes: 512))" }
    logger.notice(what, metadata: metadata)
  }

  private func validate(_ namespace: Namespace) throws(ProgressorError) {
    try namespace.validateForServing(path: "namespace")
    try namespace.checkTLSFiles(below: tlsDirectory, path: "namespace")
  }

  /// Waits until no step of the namespace runs on this node. A processor call takes no longer than
  /// its timeout, and its commit some time more.
  private func awaitQuiet(_ name: String) async throws(ProgressorError) {
    let reply = await dispatcher.awaitQuiet(
      name, deadline: clock.now().uptime + timeouts.timeout(of: name))
    if case .error(let error) = reply { throw error }
  }

  /// Serves a method; a task per call will do for what operators do now and then.
  ///
  /// - Parameters:
  ///   - name: The namespace that a request is about, for its errors.
  ///   - path: Where that stands: the numbers of the fields.
  private func serve<Message: ProtobufMessage, Response: ProtobufMessage>(
    _: Message.Type, _ method: String, _ router: inout Router,
    name: (@Sendable (Message) -> String)?, at path: [UInt32] = [1],
    answer: @escaping @Sendable (Message, CallerAccess) async throws(ProgressorError) -> Response
  ) {
    router.unary("/\(NamespacesService.name)/\(method)") { request, responder in
      let access = CallerAccess(request)
      let message: Message
      do throws(ProgressorError) {
        message = try .decode(request.message)
        if let name { try access.payloads(in: name(message)) }
      } catch {
        responder.fail(
          RPCStatus(
            name == nil ? error : access.refusal(error, of: request.message, namespaceAt: path)))
        return
      }
      Task {
        do throws(ProgressorError) {
          responder.respond(try await answer(message, access).buffer() ?? ByteBuffer())
        } catch {
          responder.fail(
            RPCStatus(error, machine: MachineID(namespace: name?(message) ?? "", id: "")))
        }
      }
    }
  }
}
