import GRPC
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto

/// An invocation as it goes over the wire.
struct ProcessorCall: Sendable {
  let path: String
  let metadata: Metadata
  /// The same without what came from the caller.
  let ownMetadata: Metadata
  let message: ByteBuffer

  /// Whether anything came from the caller.
  var hasContext: Bool { metadata.entries.count > ownMetadata.entries.count }

  /// The three methods of `progressor.v1.Processor`.
  enum Method: String {
    case signal = "ProcessSignal"
    case call = "ProcessCall"
    case repair = "ProcessRepair"

    var path: String { "/progressor.v1.Processor/" + rawValue }

    init(_ stimulus: Invocation.Stimulus) {
      switch stimulus {
      case .signal: self = .signal
      case .call: self = .call
      case .repair: self = .repair
      }
    }

    /// Reads the answer to this method.
    func decode(_ message: ByteBuffer) throws(ProtobufError) -> ProcessorAnswer {
      switch self {
      case .signal: try ProcessSignalResponse(decoding: message).answer
      case .call: try ProcessCallResponse(decoding: message).answer
      case .repair: try ProcessRepairResponse(decoding: message).answer
      }
    }
  }

  /// Encodes an invocation; nil = the machine exceeds `limit` bytes.
  init?(_ invocation: Invocation, limit: Int) {
    let message: ByteBuffer? =
      switch invocation.stimulus {
      case .signal(let signal):
        ProcessSignalRequest(signal: signal, machine: invocation.machine).buffer(limit: limit)
      case .call(let args, let key):
        ProcessCallRequest(args: args, machine: invocation.machine, idempotencyKey: key)
          .buffer(limit: limit)
      case .repair(let args, let key):
        ProcessRepairRequest(args: args, machine: invocation.machine, idempotencyKey: key)
          .buffer(limit: limit)
      }
    guard let message else { return nil }
    self.message = message
    path = Method(invocation.stimulus).path
    ownMetadata = ProcessorCall.ownMetadata(invocation)
    metadata = ProcessorCall.metadata(ownMetadata, invocation.context)
  }

  /// `progressor-step`, `-attempt`, `-epoch`, and `-principal` if somebody is known to ask.
  private static func ownMetadata(_ invocation: Invocation) -> Metadata {
    var metadata = Metadata()
    for (name, value) in [
      ("progressor-step", invocation.stepToken),
      ("progressor-attempt", String(invocation.attempt)),
      ("progressor-epoch", String(invocation.epoch)),
    ] { try? metadata.append(name, text: value) }
    if let principal = invocation.context.principal {
      try? metadata.append("progressor-principal", text: PercentEncoding.encode(principal))
    }
    return metadata
  }

  private static func metadata(_ own: Metadata, _ context: CallerContext) -> Metadata {
    var metadata = own
    for entry in context.entries {
      // What a caller sent is sendable as it is; what cannot be sent any more is no reason to fail.
      if entry.name.hasSuffix("-bin") {
        if let bytes = Base64.decode(entry.value.utf8) {
          try? metadata.append(entry.name, binary: bytes)
        }
      } else {
        try? metadata.append(entry.name, text: entry.value)
      }
    }
    return metadata
  }
}

extension ProtobufMessage {
  /// The message in a buffer of its own, nil = it has more than `limit` bytes.
  func buffer(limit: Int = .max) -> ByteBuffer? {
    encode { message -> ByteBuffer? in
      if message.size > limit { return nil }
      var buffer = ByteBufferAllocator().buffer(capacity: message.size)
      buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: message.size) {
        message.write(into: $0)
      }
      return buffer
    }
  }

  /// Decodes one message that fills what is readable in `buffer`.
  init(decoding buffer: ByteBuffer) throws(ProtobufError) {
    self = try buffer.withUnsafeReadableBytes { bytes in
      Result { () throws(ProtobufError) in try Self(decoding: bytes) }
    }.get()
  }

  /// Decodes a client's request; the error is what the client is told.
  static func decode(_ buffer: ByteBuffer) throws(ProgressorError) -> Self {
    do throws(ProtobufError) { return try Self(decoding: buffer) } catch {
      throw ProgressorError(error)
    }
  }
}
