import CJemalloc

/// What the process asks of its allocator, jemalloc: docs/decisions/allocator.md has the reasons.
enum Allocator {
  /// Lets a thread of the allocator's own give free pages back to the system, ten seconds after
  /// they were needed last: else only a thread that frees more does, and after a crowd, as of ten
  /// thousand connections, nobody may (jemalloc(3), `background_thread`).
  ///
  /// - Returns: false = it cannot, as where a sanitizer's allocator is used; nothing else is wrong.
  @discardableResult
  static func returnFreeMemory() -> Bool {
    var isEnabled = true
    return unsafe mallctl(
      "background_thread", nil, nil, &isEnabled, MemoryLayout.size(ofValue: isEnabled)) == 0
  }
}
