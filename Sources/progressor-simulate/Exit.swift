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

/// Processors that are online, 1 if that is not known.
func processorCount() -> Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
