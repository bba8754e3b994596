import GRPC
public import MachineModel

extension Namespace {
  /// Throws `INVALID_ARGUMENT` unless every field is in its range and the endpoint is one that a
  /// channel can connect to. `path` names the namespace in the message, or is empty.
  public func validateForServing(path: String) throws(ProgressorError) {
    try validate(path: path)
    do throws(ChannelTargetError) {
      _ = try ChannelTarget(processor.endpoint)
    } catch {
      throw FieldFault("processor.endpoint", error.description).error(path: path)
    }
  }
}
