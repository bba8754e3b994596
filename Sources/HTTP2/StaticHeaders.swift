import CNghttp2

/// Header fields that are the same in every message, such as `:status: 200`.
///
/// Their memory is never freed, so nghttp2 need not copy them. Make each once, as a `static let`.
public struct StaticHeaders: @unchecked Sendable {
  // Safe to share: the memory is written once, in `init`, never again, and never freed.
  let fields: UnsafeBufferPointer<nghttp2_nv>
  /// As `HeaderList.size` counts.
  let size: Int

  /// No fields at all.
  public static let none = StaticHeaders([:])

  /// - Parameter list: the fields, pseudo-header fields first, names in lower case (RFC 9113
  ///   sections 8.3 and 8.2.1).
  public init(_ list: HeaderList) {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(
      capacity: Swift.max(1, list.bytes.count))
    _ = memory.initialize(from: list.bytes)
    let flags = UInt8(
      NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    let fields = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(
      capacity: Swift.max(1, list.count))
    for (index, extent) in list.extents.enumerated() {
      fields.initializeElement(
        at: index, to: nghttp2_nv(extent, in: memory.baseAddress, flags: flags))
    }
    self.fields = UnsafeBufferPointer(rebasing: fields[..<list.count])
    size = list.size
  }
}

extension nghttp2_nv {
  /// The field at `extent` of a list whose bytes lie at `base`.
  init(_ extent: HeaderList.Extent, in base: UnsafeMutablePointer<UInt8>?, flags: UInt8) {
    self.init(
      name: base.map { $0 + Int(extent.start) },
      value: base.map { $0 + Int(extent.nameEnd) },
      namelen: Int(extent.nameEnd - extent.start),
      valuelen: Int(extent.end - extent.nameEnd),
      flags: flags)
  }
}

/// Calls `body` with the fields of both lists in the form that nghttp2 takes, valid during the
/// call.
func withFields<Result>(
  _ prefix: StaticHeaders, _ list: HeaderList,
  _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
) -> Result {
  if list.isEmpty { return body(prefix.fields.baseAddress, prefix.fields.count) }
  let count = prefix.fields.count + list.count
  return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: count) { fields in
    _ = fields.initialize(from: prefix.fields)
    return list.bytes.withUnsafeBufferPointer { bytes in
      // nghttp2 takes the pointers as mutable and only reads: it copies these fields.
      let base = UnsafeMutablePointer(mutating: bytes.baseAddress)
      for (index, extent) in list.extents.enumerated() {
        fields.initializeElement(
          at: prefix.fields.count + index, to: nghttp2_nv(extent, in: base, flags: 0))
      }
      return body(fields.baseAddress, count)
    }
  }
}
