#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Shows what was printed, also through a pipe.
func flushOutput() { fflush(nil) }

/// Ends the process with a status that scripts understand.
func exit(with success: Bool) -> Never { exit(success ? 0 : 1) }
