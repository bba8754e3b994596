/// What somebody holds of a bounded whole. It goes along with what it is held for, and is given
/// back when nobody has that any more, wherever that ends. No two are equal.
public final class Charge: Sendable, Hashable {
  private let giveBack: @Sendable () -> Void

  /// - Parameter giveBack: Called once, on whatever thread lets go last; it must not block.
  public init(giveBack: @escaping @Sendable () -> Void) {
    self.giveBack = giveBack
  }

  deinit { giveBack() }

  public static func == (one: Charge, other: Charge) -> Bool { one === other }

  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
