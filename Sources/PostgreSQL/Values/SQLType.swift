/// A data type of PostgreSQL, by its object id in `pg_type`, which is fixed for built-in types.
public struct SQLType: Hashable, Sendable, CustomStringConvertible {
  /// The object id.
  public let identifier: UInt32

  public init(identifier: UInt32) {
    self.identifier = identifier
  }

  /// `boolean`, one byte.
  public static let bool = SQLType(identifier: 16)
  /// `bytea`, the bytes themselves.
  public static let bytea = SQLType(identifier: 17)
  /// `name`: identifiers in the system catalogues, at most 63 bytes.
  public static let name = SQLType(identifier: 19)
  /// `bigint`, 64 bits.
  public static let int8 = SQLType(identifier: 20)
  /// `smallint`, 16 bits.
  public static let int2 = SQLType(identifier: 21)
  /// `integer`, 32 bits.
  public static let int4 = SQLType(identifier: 23)
  /// `text`; the server refuses U+0000 in it.
  public static let text = SQLType(identifier: 25)
  /// `double precision`.
  public static let float8 = SQLType(identifier: 701)
  /// A literal whose type the server has not decided.
  public static let unknown = SQLType(identifier: 705)
  /// `character varying`, read as text.
  public static let varchar = SQLType(identifier: 1043)
  /// `timestamp with time zone`: microseconds since 2000-01-01 UTC.
  public static let timestamptz = SQLType(identifier: 1184)
  /// `uuid`, 16 bytes.
  public static let uuid = SQLType(identifier: 2950)

  /// The one-dimensional array of a built-in type that this module can send; nil for others.
  public var array: SQLType? {
    Self.arrayIdentifiers[identifier].map(SQLType.init(identifier:))
  }

  private static let arrayIdentifiers: [UInt32: UInt32] = [
    16: 1000, 17: 1001, 19: 1003, 20: 1016, 21: 1005, 23: 1007, 25: 1009, 701: 1022, 1043: 1015,
    1184: 1185, 2950: 2951,
  ]

  /// Whether a value of `other` has the same binary form as one of this type.
  func hasBinaryForm(of other: SQLType) -> Bool {
    if self == other { return true }
    return self == .text && (other == .varchar || other == .name || other == .unknown)
  }

  public var description: String { "type \(identifier)" }
}
