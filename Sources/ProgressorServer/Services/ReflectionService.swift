import GRPC
import NIOCore
import ProgressorProto

/// `grpc.reflection`, v1 and v1alpha: lets tools call the server without its .proto files.
struct ReflectionService: Sendable {
  /// Both versions, whose messages are the same bytes.
  static let names = [
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
  ]

  let index: ReflectionIndex

  /// - Parameters:
  ///   - services: The full names of what the server serves, itself included.
  ///   - unserved: The full names of their methods that it does not serve.
  init(services: [String], unserved: Set<String> = []) {
    index = ReflectionIndex(services: services, unserved: unserved)
  }

  /// Serves the methods of the services.
  func register(in router: inout Router) {
    for name in ReflectionService.names {
      router.bidirectional("/\(name)/ServerReflectionInfo") { _, responder in
        StreamInput(
          message: { request in answer(request, responder) }, end: { responder.finish() })
      }
    }
  }

  private func answer(_ request: ByteBuffer, _ responder: StreamResponder) {
    do {
      let answer = try request.withUnsafeReadableBytes { bytes in
        Result { () throws(ProtobufError) in try index.answer(bytes) }
      }.get()
      responder.send(ByteBuffer(bytes: answer))
    } catch {
      responder.finish(RPCStatus(.init(error)))
    }
  }
}
