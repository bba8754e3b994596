import GRPC
public import MachineModel

/// Metadata that a machine brings from elsewhere, to be handed to a processor later.
public enum PortableMetadata {
  /// - Parameter field: Where they stand, for the error.
  /// - Throws: INVALID_ARGUMENT if one could not be sent.
  public static func check(
    _ entries: [CallerContext.Entry], _ field: String
  ) throws(ProgressorError) {
    var metadata = Metadata()
    for (index, entry) in entries.enumerated() {
      if entry.name.hasSuffix("-bin") {
        guard Base64.decode(entry.value.utf8) != nil else {
          throw .invalidArgument(field: "\(field)[\(index)].value", "is not base64")
        }
        continue
      }
      do { try metadata.append(entry.name, text: entry.value) } catch {
        throw .invalidArgument(field: "\(field)[\(index)]", "cannot be sent as metadata")
      }
    }
  }
}
