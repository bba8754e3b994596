import CMalloc

/// What the process asks of the C library's allocator.
enum Allocator {
  /// Blocks from so many bytes on are mapped each by itself, and go back to the system when they
  /// are freed.
  private static let mappedFrom: Int32 = 128 << 10

  /// Keeps glibc from raising that threshold to the size of what was freed last, up to 32 MiB: then
  /// large messages would come from its heaps, which seldom shrink (mallopt(3), M_MMAP_THRESHOLD).
  static func returnLargeBlocks() {
    _ = mallopt(M_MMAP_THRESHOLD, mappedFrom)
  }
}
