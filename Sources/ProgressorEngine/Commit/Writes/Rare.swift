/// A value that few records have: it takes a word of each, and a place of its own where it is.
/// Records are copied often on their way.
@propertyWrapper
public struct Rare<Value: Sendable & Hashable>: Sendable, Hashable {
  private indirect enum Place: Sendable, Hashable { case value(Value) }

  private var place: Place?

  /// nil = it is not there.
  public init(wrappedValue: Value?) { place = wrappedValue.map { .value($0) } }

  /// nil = it is not there.
  public var wrappedValue: Value? {
    get { if case .value(let value)? = place { value } else { nil } }
    set { place = newValue.map { .value($0) } }
  }
}
