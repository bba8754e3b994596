import GRPC
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto

/// What the end of a call means for the step: only a status that the processor itself sent is its
/// word, everything that our client made up is transient, an answer that cannot be used is the
/// processor's fault.
enum OutcomeMapping {
  /// The outcome of a call of `method`, whose answer `decode` reads.
  static func outcome(
    of result: UnaryResult, method: String,
    decode: (ByteBuffer) throws(ProtobufError) -> ProcessorAnswer
  ) -> ProcessorOutcome {
    guard result.origin == .peer || !Safeguard.madeUpStatus.isOn else {
      return local(result, method: method)
    }
    if !result.status.isOK { return .status(status(result.status)) }
    guard let message = result.message else {
      return .unusable(message: "\(method) was answered with OK and without a message")
    }
    do {
      return .answered(try decode(message))
    } catch {
      return .unusable(message: "the answer to \(method) cannot be used: \(error.description)")
    }
  }

  /// The status that the processor sent, with what it said in `grpc-status-details-bin`. Its code
  /// decides, however long its text is; of the text and the details as much is kept as is shown.
  static func status(_ status: RPCStatus) -> ProcessorStatus {
    var rich = status.details.flatMap { try? RichStatus(decoding: $0) }
    let retryDelay = rich?.retryDelay
    rich?.keepDetails(within: RichStatus.maximumBytes)
    return ProcessorStatus(
      code: Code(status.code), message: kept(status.message), details: rich?.encodedDetails ?? [],
      reasons: rich?.errorInfos.map { kept($0.reason) } ?? [], retryDelay: retryDelay)
  }

  /// The texts of the outside come in here: processors wrote them, or who stands for them.
  private static func kept(_ text: String) -> String {
    text.fitToKeep(utf8Bytes: Failure.maximumReasonBytes)
  }

  private static func local(_ result: UnaryResult, method: String) -> ProcessorOutcome {
    let (code, text) = (Code(result.status.code), kept(result.status.message))
    switch result.localReason {
    case .missingMessage:
      return .unusable(message: "\(method) was answered with OK and without a message")
    case .tooManyMessages:
      return .unusable(message: "\(method) was answered with more than one message")
    case .oversizedMessage:
      return .unusable(message: "the answer to \(method) exceeds the message limit: \(text)")
    case .undecodable:
      return .unusable(message: "the answer to \(method) cannot be read: \(text)")
    case .unsendable:
      // Its message was measured before: it is the caller's metadata, which must fail no machine.
      return .lost(code: code, message: text)
    case .overloaded:
      // It is this side that has no room, which is not to happen: the channel sends no more calls
      // than it has memory for. The work waits, as for an endpoint that is away.
      return .unreachable(message: text)
    case .deadline, .unreachable, .connectionLost, .queueFull, .channelClosed, .cancelled, .reset,
      .http, .missingStatus, .oversizedMetadata, nil:
      return result.seen ? .lost(code: code, message: text) : .unreachable(message: text)
    }
  }
}

extension Code {
  /// The same code; both tables are those of gRPC.
  init(_ code: StatusCode) { self = Code(rawValue: Int32(code.rawValue)) ?? .unknown }
}

extension StatusCode {
  /// The same code; both tables are those of gRPC.
  init(_ code: Code) { self = StatusCode(rawValue: Int(code.rawValue)) ?? .unknown }
}
