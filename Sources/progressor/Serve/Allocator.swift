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

  /// So much of the heaps may be free. Bytes.
  private static let keptFree = 64 << 20
  private static let interval = Duration.seconds(10)

  /// Gives back what the heaps keep of a crowd that is gone, as that of ten thousand connections:
  /// by itself glibc gives back only what is free at a heap's end (malloc_trim(3)). Others that ask
  /// for memory wait for it some ten milliseconds, so it is done only where that is much.
  static func returnFreeMemory() -> Task<Void, Never> {
    Task.detached(priority: .background) {
      while (try? await Task.sleep(for: interval)) != nil {
        if mallinfo2().fordblks > keptFree { malloc_trim(0) }
      }
    }
  }
}
